"""Fetching ip-ranges.json from a server on loopback that behaves, and misbehaves, as servers do."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stream.columns import join
from stream.errors import MalformedFileError
from stream.ip_ranges import Copy, parse, read
from stream.metrics import ip_ranges_checked as checked
from stream.settings import Settings
from stream.sources import of
from tests.unit.stream_batches import batch

HOUR, DAY = 3600.0, 86400.0
START = 1_790_000_000.0


def document(*networks: str, **changes: Any) -> bytes:
    ranges = [{"ip_prefix": n, "service": "S3", "region": "eu-west-1"} for n in networks]
    ipv6 = [{"ipv6_prefix": "2600::/32", "service": "EC2", "region": "eu-west-1"}]
    whole = {"syncToken": "1787411825", "prefixes": ranges, "ipv6_prefixes": ipv6}
    return json.dumps(whole | changes).encode()


@dataclass
class Server:
    """Answers with `content` under an ETag, or 304 to who has it; `status` instead, if set."""

    url: str = ""
    content: bytes = document("3.5.0.0/16")
    etag: str = '"1"'
    status: int = 0
    cut: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(dict(self.headers))
            unchanged = self.headers["If-None-Match"] == state.etag
            status = state.status or (304 if unchanged else 200)
            self.send_response(status)
            self.send_header("ETag", state.etag)
            self.send_header("Last-Modified", "Sat, 22 Aug 2026 15:17:05 GMT")
            self.send_header("Content-Length", str(len(state.content) if status == 200 else 0))
            self.end_headers()
            if status == 200:
                self.wfile.write(state.content[: len(state.content) - state.cut])

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{listening.server_port}/ip-ranges.json"
    serving = threading.Thread(target=listening.serve_forever, args=(0.01,))
    serving.start()
    yield state
    listening.shutdown()
    listening.server_close()
    serving.join()


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def copy(directory: Path, server: Server, clock: Clock) -> Copy:
    return Copy(directory, url=server.url, every=HOUR, stale_after=DAY, timeout=5, clock=clock)


def test_a_copy_is_fetched_once_and_then_asked_after(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    ranges = copy(tmp_path / "cache", server, clock)
    assert ranges.refresh()
    assert [p.network for p in read(ranges.path)] == ["3.5.0.0/16", "2600::/32"]
    assert not ranges.refresh()
    assert len(server.asked) == 1
    clock.now += HOUR
    assert not ranges.refresh()
    assert server.asked[1]["If-None-Match"] == '"1"'
    assert server.asked[1]["If-Modified-Since"] == "Sat, 22 Aug 2026 15:17:05 GMT"
    assert checked._value.get() == clock.now
    server.content, server.etag = document("3.6.0.0/16"), '"2"'
    clock.now += HOUR
    assert ranges.refresh()
    assert read(ranges.path)[0].network == "3.6.0.0/16"
    assert sorted(path.name for path in ranges.path.parent.iterdir()) == [
        "ip-ranges.json",
        "ip-ranges.state.json",
    ]


def test_the_next_worker_asks_only_when_it_is_time(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    copy(tmp_path, server, clock).refresh()
    clock.now += HOUR / 2
    assert not copy(tmp_path, server, clock).refresh()
    assert len(server.asked) == 1


def test_a_copy_that_somebody_changed_or_removed_is_fetched_whole(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    ranges = copy(tmp_path, server, clock)
    ranges.refresh()
    ranges.path.write_bytes(b"edited")
    clock.now += HOUR
    assert ranges.refresh()
    ranges.path.unlink()
    assert copy(tmp_path, server, clock).refresh()
    assert read(ranges.path)
    assert not any("If-None-Match" in headers for headers in server.asked)


@pytest.mark.parametrize("broken", [b"{", b'{"cut": ', b"null"])
def test_an_unreadable_state_is_as_none(
    tmp_path: Path, server: Server, clock: Clock, broken: bytes
) -> None:
    copy(tmp_path, server, clock).refresh()
    (tmp_path / "ip-ranges.state.json").write_bytes(broken)
    assert not copy(tmp_path, server, clock).refresh()
    assert len(server.asked) == 2


def test_a_server_that_is_away_is_a_warning_and_is_asked_again_a_minute_later(
    tmp_path: Path, server: Server, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server.status = 503
    ranges = copy(tmp_path, server, clock)
    assert not ranges.refresh()
    assert "AWS counts as internet" in caplog.messages[-1]
    clock.now += 59
    assert not ranges.refresh()
    assert len(server.asked) == 1
    server.status = 0
    clock.now += 1
    assert ranges.refresh()
    server.status = 500
    clock.now += HOUR
    assert not ranges.refresh()
    assert "last good version stays" in caplog.messages[-1]
    clock.now += DAY
    assert not ranges.refresh()
    assert "stale, in use days=1.0" in caplog.messages[-1]
    assert read(ranges.path)


def test_nobody_at_the_address_is_a_warning(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = Server(url="http://127.0.0.1:9/ip-ranges.json")
    assert not copy(tmp_path, nobody, clock).refresh()
    assert "Connection refused" in caplog.text


def test_a_directory_that_cannot_be_written_is_a_warning(
    tmp_path: Path, server: Server, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert not copy(tmp_path / "file" / "cache", server, clock).refresh()
    assert "not fetched" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not AWS's list of ranges"),
        (document(), "field prefixes is missing or empty"),
        (document("3.5.0.0/16", ipv6_prefixes=None), "field ipv6_prefixes is missing or empty"),
        (document("3.5.0.0/16", syncToken="soon"), "field syncToken is not a time: 'soon'"),
        (document("3.5.0.0/16", "3.5.1.0/16"), "field prefixes[1].ip_prefix is no network"),
        (document("2600::/32"), "field prefixes[0].ip_prefix is no network: '2600::/32'"),
        (
            document("3.5.0.0/16", prefixes=[{"ip_prefix": "3.5.0.0/16", "region": "x"}]),
            "field prefixes[0].service is missing",
        ),
        (document("3.5.0.0/16", prefixes=[7]), "field prefixes[0].ip_prefix is missing"),
    ],
)
def test_a_broken_download_is_one_error_and_the_last_good_copy_stays(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture, content: bytes, said: str
) -> None:
    clock = Clock()
    ranges = copy(tmp_path, server, clock)
    ranges.refresh()
    server.content, server.etag = content, '"2"'
    clock.now += HOUR
    assert not ranges.refresh()
    (message,) = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert said in message
    assert str(tmp_path / "ip-ranges.rejected.json") in message
    assert (tmp_path / "ip-ranges.rejected.json").read_bytes() == content
    assert read(ranges.path)[0].network == "3.5.0.0/16"
    with pytest.raises(MalformedFileError) as caught:
        parse(content, Path("mine.json"))
    assert caught.value.message.startswith("mine.json: ")


def test_a_download_that_breaks_off_is_not_used(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    server.cut = 20
    ranges = copy(tmp_path, server, clock)
    assert not ranges.refresh()
    assert not ranges.path.exists()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedFileError, match="No such file"):
        read(tmp_path / "absent.json")


def test_the_worker_goes_by_what_it_fetched_and_by_its_copy_when_nobody_answers(
    tmp_path: Path, server: Server
) -> None:
    def service() -> str:
        sources = of(Settings(ip_ranges=server.url, cache=str(tmp_path)))
        with sources.running():
            resolver = sources.resolver()
            resolver.resolve(join([batch([{"server_address": "3.5.0.1"}])]))
            found = [resolver.endpoints[n].service for n in range(len(resolver.endpoints))]
            return "".join(found)

    assert service() == "S3"
    server.status = 503
    (tmp_path / "ip-ranges.state.json").unlink()
    assert service() == "S3"
    (tmp_path / "ip-ranges.json").write_bytes(b"{")
    assert service() == ""
