"""Why a replay does not go on. None of these has changed the live tables, unless it says so."""

from __future__ import annotations

from datetime import datetime

from stream.errors import StreamError
from stream.replay.period import Period


class ReplayError(StreamError):
    """The replay ends with this one sentence."""


class NothingToReplayError(ReplayError):
    def __init__(self, period: Period, cluster: str) -> None:
        super().__init__(
            f"The tables hold nothing of cluster {cluster!r} for {period}: name another period, or "
            "the cluster with --cluster."
        )


class SourceMissingError(ReplayError):
    """The replay would make known ends unknown."""

    def __init__(self, flag: str, period: Period) -> None:
        super().__init__(
            f"Rows of {period} were named by what the replay lacks, so their names would be "
            f"lost: give the workers' own with --{flag}."
        )


class InventoryUnreadError(ReplayError):
    """The replay would make known ends unknown."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"Topic {topic!r} could not be read to its end, so names would be lost: see that Kafka "
            "answers and has it, and give it more seconds with --wait."
        )


class RetentionError(ReplayError):
    """Kafka may have dropped messages with rows of the period."""

    def __init__(self, partition: int, earliest: datetime, period: Period, whole: datetime) -> None:
        super().__init__(
            f"Kafka's partition {partition} begins at {earliest:%Y-%m-%d %H:%M:%S} UTC, too late "
            f"for all of {period}: replay --from {whole:%Y-%m-%dT%H:%M} on, or let "
            "--accept-difference replace the period by what Kafka still has."
        )
        self.partition = partition


class OffsetsMissingError(ReplayError):
    def __init__(self, partition: int, first: int, last: int, low: int, high: int) -> None:
        super().__init__(
            f"Offsets {first}-{last} of partition {partition} hold no flow rows that can be read: "
            f"Kafka has offsets {low} up to {high}, so name others, or a period with --from."
        )


class DifferenceError(ReplayError):
    """The replayed rows are not those that are in the tables."""

    def __init__(self, table: str, hour: datetime, live: str, replayed: str) -> None:
        super().__init__(
            f"The replay has {replayed} where {table} has {live} in the hour from "
            f"{hour:%Y-%m-%d %H:%M} UTC: the tables stay as they are, for Kafka no longer has all "
            "that they were made of; replay fewer hours, or swap nevertheless with "
            "--accept-difference."
        )
        self.table = table
        self.hour = hour


class WorkersRunningError(ReplayError):
    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(
            f"Gave up after {seconds:g} s, the tables stay as they are: {why}; stop the workers "
            "and run the replay again, or let it wait longer with --wait."
        )


class ShutOutError(ReplayError):
    """The machine or the network held the replay up for so long that Kafka took it for dead."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"Kafka no longer has the replay as the only member of group {group!r}, so workers may "
            "insert: partitions not yet swapped stay as they are, run the replay again."
        )


class TablesChangedError(ReplayError):
    """Somebody inserted while the tables were being put together."""

    def __init__(self, table: str, partition: str) -> None:
        super().__init__(
            f"Rows outside the period came into {table} (partition {partition}) while it was being "
            "swapped, so it stays as it is: stop every worker that inserts into these tables, and "
            "run the replay again."
        )


class KafkaReadError(ReplayError):
    def __init__(self, detail: str) -> None:
        super().__init__(f"Kafka cannot be read on ({detail}): mend that and run the replay again.")


class NotPutBackError(ReplayError):
    def __init__(self, detail: str) -> None:
        super().__init__(
            f"Kafka did not take a dead letter back ({detail}): mend that and run it again, what "
            "was put back before is not sent twice."
        )
