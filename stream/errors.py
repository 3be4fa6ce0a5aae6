"""What can go wrong in the stream, each with the way out. None of these loses a message: what was
not inserted stays in Kafka and is read again."""

from __future__ import annotations

from pathlib import Path

import click


class StreamError(click.ClickException):
    """Fatal: the worker stops with this one sentence."""


class KafkaUnreachableError(StreamError):
    def __init__(self, brokers: str, detail: str) -> None:
        super().__init__(
            f"Kafka at {brokers} does not answer ({detail}): start it, or name yours with --kafka."
        )


class TopicMissingError(StreamError):
    def __init__(self, topic: str, brokers: str, option: str = "--topic") -> None:
        super().__init__(
            f"Kafka at {brokers} has no topic {topic!r}: create it, or name another with {option}."
        )


class PortTakenError(StreamError):
    def __init__(self, address: str, port: int, detail: str) -> None:
        super().__init__(
            f"Cannot serve metrics on {address}:{port} ({detail}): free it, or choose another with "
            "--metrics-port."
        )


class MalformedFileError(StreamError):
    """A file that the stream resolves by cannot be used; a last good version stays in use."""

    def __init__(self, file: Path, problem: str, origin: str) -> None:
        super().__init__(f"{file}: {problem}: write it anew with {origin}.")
        self.file = file


class MalformedInventoryError(MalformedFileError):
    """`item` names the Kubernetes object ("Pod shop/cart-0"), `field` the path inside it."""

    ORIGIN = "`kubectl get nodes,pods,services,endpointslices -A -o json`"

    def __init__(self, file: Path, problem: str, item: str = "", field: str = "") -> None:
        where = f"{item}: field {field} {problem}" if item else problem
        super().__init__(file, where, self.ORIGIN)
        self.item = item
        self.field = field


class MalformedNetworkError(StreamError):
    def __init__(self, text: str, problem: str) -> None:
        super().__init__(
            f"--on-prem: {text!r} is no network ({problem}): give CIDRs by commas, such as "
            "10.0.0.0/8,fd00::/8."
        )


class LogRecreatedError(StreamError):
    """The topic ends before an offset that this group has already read."""

    def __init__(self, partition: int, last_offset: int, end_offset: int) -> None:
        super().__init__(
            f"Partition {partition} ends at offset {end_offset}, yet offset {last_offset} of it "
            "was read before: the topic was deleted and created anew, so read it under a new "
            "name with --group."
        )
        self.partition = partition
        self.offset = last_offset


class RangeTornError(StreamError):
    """Kafka dropped the start of a range that was recorded, so it cannot be repeated as it was."""

    def __init__(self, partition: int, first_offset: int, last_offset: int, found: int) -> None:
        super().__init__(
            f"Offsets {first_offset}-{last_offset} of partition {partition} were being inserted "
            f"when the worker ended, and Kafka now starts at {found}, so whether they are in the "
            "tables cannot be settled: lengthen the topic's retention and go on under a new name "
            "with --group."
        )
        self.partition = partition
        self.offset = first_offset


class RangeUnreadableError(StreamError):
    """A message that the worker which recorded the range could read, and this one cannot."""

    def __init__(self, partition: int, offset: int, reason: str) -> None:
        super().__init__(
            f"Offset {offset} of partition {partition} was being inserted by a newer version when "
            f"that ended, and this one cannot read it ({reason}): run the newer version, and it "
            "goes on where that stopped."
        )
        self.partition = partition
        self.offset = offset


class RangeTakenError(StreamError):
    """Another worker has cut the partition at this offset: this one lost it without noticing."""

    def __init__(self, partition: int, first_offset: int) -> None:
        super().__init__(
            f"Another worker of the group already reads partition {partition} from offset "
            f"{first_offset}: restart this worker, it inserted nothing of that."
        )
        self.partition = partition
        self.offset = first_offset


class DeadLetterFloodError(StreamError):
    """More poison than the cap allows: rather a halted worker than an emptied topic."""

    def __init__(self, limit: int, partition: int, offset: int, reason: str) -> None:
        super().__init__(
            f"More than {limit} messages a minute cannot be decoded, the last at offset {offset} "
            f"of partition {partition} ({reason}): run the version that wrote them, or raise "
            "--dead-letters-per-minute to set them all aside."
        )
        self.partition = partition
        self.offset = offset


class InsertRefusedError(StreamError):
    """ClickHouse answered, and repeating the same insert would be answered the same."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"ClickHouse refuses the rows ({detail}): run `flowatlas migrate`, then start the "
            "worker again."
        )


class NotDrainedError(StreamError):
    """The worker was told to stop while ClickHouse or Kafka was away."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"Stopped before everything consumed was inserted ({detail}): nothing is lost, the "
            "next worker reads it again from Kafka."
        )


class NetworkUnreadableError(StreamError):
    """EC2 did not tell the account's network; what was read of it before stays in use."""

    def __init__(self, region: str, detail: str) -> None:
        super().__init__(
            f"EC2 in {region or 'no region'} does not tell the network ({detail}): give this "
            "role the policy deploy/aws/network-reader.json, or a file with --network."
        )
