"""What can go wrong in the agent, told in one sentence with the way out."""

from __future__ import annotations

import click


class AgentError(click.ClickException):
    """Ends the agent with exit code 1 and its sentence on standard error."""


class HostError(AgentError):
    """This host lacks something that the agent needs; `flowatlas doctor` tells more."""


class ProbeError(AgentError):
    """The kernel refused a program or map."""


class KafkaAddressError(AgentError):
    """No broker will ever answer at the address given."""


class SpoolError(AgentError):
    """The directory for batches that Kafka has not taken cannot be used."""


class PortTakenError(AgentError):
    """Another process listens where the metrics should be served."""
