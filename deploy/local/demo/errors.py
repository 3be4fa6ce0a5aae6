"""What can go wrong in building the demo cluster, each with its way out."""

import click


class DemoError(click.ClickException):
    """The demo cluster cannot be built or kept."""


class NotRootError(DemoError):
    def __init__(self) -> None:
        super().__init__(
            "the demo cluster needs root to make network namespaces and cgroups; run it with sudo"
        )


class MissingProgramsError(DemoError):
    def __init__(self, packages: list[str]) -> None:
        super().__init__(
            f"the demo shop runs real programs that are not installed; "
            f"apt-get install --no-install-recommends {' '.join(packages)}"
        )


class NoCgroup2Error(DemoError):
    def __init__(self) -> None:
        super().__init__(
            "no cgroup v2 hierarchy is mounted; "
            "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified"
        )


class CommandFailedError(DemoError):
    def __init__(self, command: str, complaint: str) -> None:
        super().__init__(
            f"`{command}` failed: {complaint.strip() or 'it did not say why'}; "
            "`flowatlas doctor` says what this host is missing"
        )


class ProgramNotReadyError(DemoError):
    def __init__(self, program: str, port: int, last_words: str) -> None:
        super().__init__(
            f"{program} does not listen on port {port}: {last_words or 'it did not say why'}; "
            "start that program by hand to see what it lacks on this host"
        )
