"""What the console answers instead of data: a status and one sentence with the way out."""

from __future__ import annotations


class ConsoleError(Exception):
    """Base of what becomes an answer; `status` is HTTP's."""

    status = 500


class BadParameterError(ConsoleError):
    """The request asks for what there is not."""

    status = 422


class NotFoundError(ConsoleError):
    """Nothing of that name was seen in that time."""

    status = 404


class AwayError(ConsoleError):
    """ClickHouse does not answer; asking again in some seconds may help."""

    status = 503


class TooSlowError(ConsoleError):
    """ClickHouse did not get done in time, or would have needed too much memory."""

    status = 504
