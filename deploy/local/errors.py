"""What goes wrong when a machine is to run flowatlas: one sentence each, with the way out."""

from __future__ import annotations

from pathlib import Path

import click


class NotStartedError(click.ClickException):
    """A program ended, or never became ready, while it was being started."""

    def __init__(self, name: str, reason: str, log_file: Path) -> None:
        super().__init__(f"{name} did not start: {reason} (its log: {log_file})")
        self.name = name
        self.log_file = log_file


class PortTakenError(click.ClickException):
    """A port that a role is to listen on belongs to another process."""

    def __init__(self, port: int, role: str, option: str) -> None:
        super().__init__(
            f"Port {port}, wanted by {role}, is taken: end the process that listens there "
            f"('ss -ltnp sport = :{port}' names it) or choose another with {option}."
        )
        self.port = port


class MissingProgramError(click.ClickException):
    """A program or a set of jars that was asked for is not installed."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} is missing: {remedy}.")


class UnreachableError(click.ClickException):
    """A server that a setting names does not answer."""

    def __init__(self, what: str, address: str, option: str) -> None:
        super().__init__(f"{what} does not answer at {address}: start it, or correct {option}.")


class MalformedTopicsError(click.ClickException):
    """The declaration of Kafka's topics, or an override of it, cannot be used."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}: write it like deploy/kafka/topics.yaml.")


class KafkaRefusesError(click.ClickException):
    """Kafka answered, and will not have what was asked of it."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(
            f"Kafka refuses ({what}): {reason.rstrip('.')}: allow this user to create and alter "
            "topics, or correct the declaration."
        )


class HostNotReadyError(click.ClickException):
    """This host lacks something that every agent needs; `flowatlas doctor` lists all of it."""

    def __init__(self, check: str, found: str, remedy: str) -> None:
        super().__init__(
            f"This host is not ready: {check}: {found}. Mend it with: {remedy} "
            "('flowatlas doctor' shows every check)."
        )
