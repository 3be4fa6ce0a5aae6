"""From captured DNS answers to name rows: what pods were told, whatever was sent to them."""

from __future__ import annotations

from typing import Any

import dns.message
import dns.rrset
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from agent.identity import Identity
from agent.names import Names, read
from agent.ring import ANSWER, ANSWER_BYTES, Records

CHAIN = (
    "shop.example.com. 300 IN CNAME shop.cdn.example.net.",
    "shop.cdn.example.net. 20 IN CNAME edge.example.net.",
    "edge.example.net. 60 IN A 192.0.2.1",
    "edge.example.net. 60 IN A 192.0.2.2",
)
RECEIVER = bytes(10) + b"\xff\xff\x0a\x01\x00\x07"
POD = "4dd3cbd3-9f7f-44a8-9b4a-4cf2b5b4b4a4"


def ipv4(*octets: int) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes(octets)


def message(question: str, kind: str, *records: str) -> bytes:
    response = dns.message.make_response(dns.message.make_query(question, kind))
    for record in records:
        name, ttl, kind_class, kind_name, value = record.split(maxsplit=4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), kind_class, kind_name, value))
    return response.to_wire()


def captured(*messages: bytes, **fields: Any) -> Records:
    answers = np.zeros(len(messages), ANSWER)
    answers["time_ns"] = np.arange(len(messages)) + 1
    answers["receiver"] = RECEIVER
    for name, value in fields.items():
        answers[name] = value
    for answer, content in zip(answers, messages, strict=True):
        answer["length"] = len(content)
        answer["message"] = content[:ANSWER_BYTES]
    return answers


def learner(most_answers: int = 100, most_rows: int = 1000) -> Names:
    identity = Identity(lambda cgroup: f"/kubepods/pod{POD}" if cgroup == 4242 else None)
    return Names(most_answers, most_rows, identity)


def counted(name: str) -> float:
    value = REGISTRY.get_sample_value(f"flowatlas_agent_{name}_total")
    assert value is not None
    return value


def test_a_chain_of_cnames_leads_back_to_the_name_asked_for_with_the_least_ttl() -> None:
    answer = read(message("shop.example.com", "A", *CHAIN))
    assert (answer.name, answer.ttl_seconds) == ("shop.example.com", 20)
    assert answer.addresses == [ipv4(192, 0, 2, 1), ipv4(192, 0, 2, 2)]
    assert not answer.damaged


def test_an_ipv6_answer_is_the_address_itself() -> None:
    answer = read(message("v6.example.com", "AAAA", "v6.example.com. 5 IN AAAA 2001:db8::7"))
    assert answer.addresses == [bytes.fromhex("20010db8000000000000000000000007")]


def test_the_order_of_the_records_does_not_matter() -> None:
    forwards = read(message("shop.example.com", "A", *CHAIN))
    backwards = read(message("shop.example.com", "A", *reversed(CHAIN)))
    assert sorted(forwards.addresses) == sorted(backwards.addresses)
    assert (forwards.name, forwards.ttl_seconds) == (backwards.name, backwards.ttl_seconds)


def test_a_name_is_told_in_lower_case_however_it_was_asked_for() -> None:
    answer = read(message("ShOp.eXample.COM", "A", "shop.example.com. 30 IN A 192.0.2.1"))
    assert answer.name == "shop.example.com"


@pytest.mark.parametrize(
    ("question", "kind", "record"),
    [
        ("shop.example.com", "A", "bank.example.com. 60 IN A 192.0.2.66"),
        ("shop.example.com", "A", "shop.example.com. 60 IN AAAA 2001:db8::66"),
        ("shop.example.com", "TXT", 'shop.example.com. 60 IN TXT "192.0.2.66"'),
        ("a.example.com", "A", "a.example.com. 60 IN CNAME a.example.com."),
    ],
    ids=["of another name", "of another type", "of no address", "in a circle"],
)
def test_records_that_do_not_answer_the_question_teach_nothing(
    question: str, kind: str, record: str
) -> None:
    assert read(message(question, kind, record)).addresses == []


def test_what_is_left_of_a_message_cut_off_is_kept_and_the_damage_told() -> None:
    whole = message("shop.example.com", "A", *CHAIN)
    answer = read(whole[:-10])
    assert answer.addresses == [ipv4(192, 0, 2, 1)]
    assert answer.damaged


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=ANSWER_BYTES))
@example(b"\xc0\x0c" * 600)
def test_random_bytes_never_raise(content: bytes) -> None:
    read(b"\x00\x01\x81\x80\x00\x01\x00\x01" + content)
    read(content)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 150), st.lists(st.tuples(st.integers(0, 149), st.integers(0, 255)), max_size=8)
)
def test_a_real_message_mangled_and_cut_anywhere_never_raises(
    length: int, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(message("shop.example.com", "A", *CHAIN))
    for position, value in changes:
        content[position % len(content)] = value
    answer = read(bytes(content[:length]))
    assert all(len(address) == 16 for address in answer.addresses)


def test_a_row_says_who_was_told_what_and_when() -> None:
    names = learner()
    names.add(captured(message("shop.example.com", "A", *CHAIN), cgroup_id=4242))
    first, _ = names.take(1_795_000_000_000_000_000).to_pylist()
    assert first["time"].value == 1_795_000_000_000_000_001
    assert {name: first[name] for name in first if name != "time"} == {
        "receiver": RECEIVER,
        "cgroup_id": 4242,
        "address": ipv4(192, 0, 2, 1),
        "name": "shop.example.com",
        "ttl_seconds": 20,
        "pod_uid": POD,
    }


def test_what_was_told_again_within_an_interval_is_one_row_of_the_first_time() -> None:
    names = learner()
    content = message("shop.example.com", "A", *CHAIN)
    names.add(captured(content, content))
    names.add(captured(content))
    assert [row["time"].value for row in names.take(0).to_pylist()] == [1, 1]
    assert names.take(0).num_rows == 0
    names.add(captured(content))
    assert names.take(0).num_rows == 2


def test_each_receiver_and_cgroup_has_its_own_row() -> None:
    names = learner()
    content = message("one.example.com", "A", "one.example.com. 1 IN A 192.0.2.1")
    for fields in ({}, {"cgroup_id": 7}, {"receiver": bytes(16)}):
        names.add(captured(content, **fields))
    assert names.take(0).num_rows == 3


@pytest.mark.parametrize("most", [(2, 100), (100, 2)], ids=["by answers", "by rows"])
def test_answers_beyond_the_bound_are_counted_and_left_unread(most: tuple[int, int]) -> None:
    names = learner(*most)
    before = counted("unread_answers")
    contents = [
        message(f"n{n}.example.com", "A", f"n{n}.example.com. 1 IN A 192.0.2.{n}") for n in range(5)
    ]
    names.add(captured(*contents))
    assert names.take(0)["name"].to_pylist() == ["n0.example.com", "n1.example.com"]
    assert counted("unread_answers") - before == 3
    assert (names.ledger(9, 4).agent_records, names.ledger(9, 4).shipped_rows) == (5, 2)


def test_a_message_longer_than_captured_teaches_what_was_captured_and_counts_as_unparsed() -> None:
    before = counted("unparsed_answers")
    records = [f"big.example.com. 9 IN A 10.0.{n // 256}.{n % 256}" for n in range(100)]
    content = message("big.example.com", "A", *records)
    assert len(content) > ANSWER_BYTES
    names = learner()
    names.add(captured(content))
    assert 0 < names.take(0).num_rows < 100
    assert counted("unparsed_answers") - before == 1
