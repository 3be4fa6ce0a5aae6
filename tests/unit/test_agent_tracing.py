"""Where tracepoint fields and kernel members lie, read from descriptions made for the test."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent import tracing
from agent.btf import Btf

FORMAT = """\
name: kfree_skb
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:unsigned short protocol;\toffset:32;\tsize:2;\tsigned:0;
\tfield:enum skb_drop_reason reason;\toffset:36;\tsize:4;\tsigned:0;

print fmt: "reason: %s", __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" })
"""


@pytest.fixture
def tracefs(tmp_path: Path) -> Path:
    event = tmp_path / "events/skb/kfree_skb"
    event.mkdir(parents=True)
    (event / "format").write_text(FORMAT)
    return tmp_path


def test_fields_are_where_this_kernel_puts_them(tracefs: Path) -> None:
    at = tracing.offsets(tracing.PACKET_DROPPED, tracefs)
    assert at == {"skbaddr": 8, "protocol": 32, "reason": 36}
    assert tracing.defines(tracing.PACKET_DROPPED, at) == [
        "-DPACKET_DROPPED",
        "-DPACKET_DROPPED_SKBADDR=8",
        "-DPACKET_DROPPED_PROTOCOL=32",
        "-DPACKET_DROPPED_REASON=36",
    ]


def test_arrays_are_fields_too(tmp_path: Path) -> None:
    event = tmp_path / "events/udp/udp_fail_queue_rcv_skb"
    event.mkdir(parents=True)
    fields = {"sport": 12, "dport": 14, "family": 16, "saddr[28]": 18, "daddr[28]": 46}
    lines = [f"\tfield:__u8 {name};\toffset:{at};\tsize:1;" for name, at in fields.items()]
    (event / "format").write_text("\n".join(lines))
    assert tracing.offsets(tracing.DATAGRAM_REFUSED, tmp_path) == {
        name.split("[")[0]: at for name, at in fields.items()
    }


def test_a_kernel_that_lacks_the_event_or_a_field_goes_without(tracefs: Path) -> None:
    assert tracing.offsets(tracing.SOCKET_ERROR, tracefs) is None
    path = tracefs / "events/skb/kfree_skb/format"
    path.write_text(FORMAT.replace(" reason;", " why;"))
    assert tracing.offsets(tracing.PACKET_DROPPED, tracefs) is None


def test_drop_reasons_have_this_kernels_names(tracefs: Path) -> None:
    assert tracing.drop_reasons(tracefs) == {2: "NOT_SPECIFIED", 3: "NO_SOCKET"}
    assert tracing.drop_reasons(tracefs / "elsewhere") == {}


def test_the_reason_of_closing_sockets_is_known_by_name(tracefs: Path) -> None:
    assert tracing.no_loss(tracefs) == 0
    path = tracefs / "events/skb/kfree_skb/format"
    path.write_text(FORMAT.replace("NO_SOCKET", "QUEUE_PURGE"))
    assert tracing.no_loss(tracefs) == 3


def btf(tmp_path: Path) -> Path:
    """struct s { int a; struct { int b; }; }, as include/uapi/linux/btf.h has it."""
    strings = b"\0int\0s\0a\0b\0"
    integer = struct.pack("<IIII", 1, 1 << 24, 4, 32)
    nameless = struct.pack("<IIIIII", 0, 4 << 24 | 1, 4, strings.index(b"b\0"), 1, 0)
    outer = struct.pack("<III", strings.index(b"s\0"), 4 << 24 | 2, 8)
    outer += struct.pack("<III", strings.index(b"a\0"), 1, 0) + struct.pack("<III", 0, 2, 32)
    types = integer + nameless + outer
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    path = tmp_path / "btf"
    path.write_bytes(header + types + strings)
    return path


def test_a_member_of_a_nameless_struct_is_found_by_its_own_name(tmp_path: Path) -> None:
    types = Btf(btf(tmp_path))
    assert (types.offset("s", "a"), types.offset("s", "b")) == (0, 4)


def test_a_member_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"s\.c"):
        Btf(btf(tmp_path)).offset("s", "c")


def test_another_byte_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "btf"
    path.write_bytes(struct.pack(">HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 0))
    with pytest.raises(ValueError, match="byte order"):
        Btf(path)
