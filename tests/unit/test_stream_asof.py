"""Who had an address at a time, against a reference that looks at every claim for every row."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.addresses import pack
from stream.asof import NOBODY, Claims

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
A, B = pack("10.0.0.1"), pack("fd00::1")


class Told(NamedTuple):
    """One event: the pod has the address since then, or, without one, is gone since then."""

    uid: int
    address: int | None
    at: int


EVENTS = st.lists(
    st.builds(Told, st.integers(0, 5), st.one_of(st.none(), st.integers(0, 2)), st.integers(0, 12)),
    max_size=25,
)


def instant(at: int) -> int:
    return START + at * SECOND


def tell(claims: Claims, events: list[Told]) -> None:
    for event in events:
        if event.address is None:
            claims.release(f"pod-{event.uid}", instant(event.at))
        else:
            claims.claim(f"pod-{event.uid}", bytes(15) + bytes([event.address]), instant(event.at))


def by_looking_at_all(events: list[Told], numbers: dict[int, int], address: int, at: int) -> int:
    """Row by row, claim by claim, in the words of the docstring."""
    best = (-1, NOBODY)
    for uid, number in numbers.items():
        since = [e.at for e in events if e.uid == uid and e.address == address]
        ends = [e.at for e in events if e.uid == uid and e.address is None]
        if since and min(since) <= at < min(ends, default=99):
            best = max(best, (min(since), number))
    return best[1]


@given(events=EVENTS, cut=st.integers(0, 25))
@settings(max_examples=150, deadline=None)
def test_lookups_agree_with_looking_at_every_claim(events: list[Told], cut: int) -> None:
    claims = Claims()
    tell(claims, events[:cut])
    claims.lookup(np.zeros(1, "V16"), np.array([START]))
    tell(claims, events[cut:])
    uids = sorted({event.uid for event in events})
    found = claims.by_uid([f"pod-{uid}" for uid in uids]).tolist()
    numbers = dict(zip(uids, found, strict=True))
    asked = [(address, at) for address in range(4) for at in range(-1, 14)]
    addresses = np.array([bytes(15) + bytes([address]) for address, _ in asked], "V16")
    times = np.array([instant(at) for _, at in asked])
    expected = [by_looking_at_all(events, numbers, address, at) for address, at in asked]
    assert claims.lookup(addresses, times).tolist() == expected


@given(events=EVENTS, seed=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_the_order_of_events_makes_no_difference_but_between_equals(
    events: list[Told], seed: int
) -> None:
    starts = dict[tuple[int, int], int]()
    for event in events:
        if event.address is not None:
            key = event.uid, event.address
            starts[key] = min(starts.get(key, 99), event.at)
    if len({(address, at) for (_, address), at in starts.items()}) < len(starts):
        return
    asked = [(address, at) for address in range(3) for at in range(13)]
    addresses = np.array([bytes(15) + bytes([address]) for address, _ in asked], "V16")
    times = np.array([instant(at) for _, at in asked])
    answers = []
    for order in (events, random.Random(seed).sample(events, len(events))):
        claims = Claims()
        tell(claims, order)
        numbers = claims.owners([f"pod-{uid}" for uid in range(6)]).tolist()
        found = claims.lookup(addresses, times).tolist()
        answers.append([numbers.index(owner) if owner >= 0 else None for owner in found])
    assert answers[0] == answers[1]


def who(claims: Claims, address: bytes, *times: int) -> list[int]:
    asked = np.array([address] * len(times), "V16")
    found: list[int] = claims.lookup(asked, np.array([instant(at) for at in times])).tolist()
    return found


def test_a_recycled_address_is_the_pods_that_had_it_then() -> None:
    claims = Claims()
    claims.release("first", instant(10))
    claims.claim("second", A, instant(20))
    claims.claim("first", A, instant(0))
    first, second = claims.by_uid(["first", "second"]).tolist()
    assert who(claims, A, -1, 0, 9, 10, 19, 20, 99) == [
        NOBODY,
        first,
        first,
        NOBODY,
        NOBODY,
        second,
        second,
    ]
    assert who(claims, B, 5) == [NOBODY]


def test_of_overlapping_claims_the_younger_has_the_address_as_long_as_it_lasts() -> None:
    claims = Claims()
    claims.claim("older", A, instant(0))
    claims.claim("younger", A, instant(5))
    claims.release("younger", instant(8))
    older, younger = claims.by_uid(["older", "younger"]).tolist()
    assert who(claims, A, 4, 5, 7, 8) == [older, younger, younger, older]


def test_a_claim_told_again_does_not_make_a_pod_younger() -> None:
    claims = Claims()
    claims.claim("older", A, instant(0))
    claims.claim("younger", A, instant(5))
    assert who(claims, A, 9) == claims.by_uid(["younger"]).tolist()
    claims.claim("older", A, instant(7))
    assert who(claims, A, 9) == claims.by_uid(["younger"]).tolist()


def test_a_pod_on_its_hosts_network_is_found_by_its_uid_only() -> None:
    claims = Claims()
    claims.claim("node", A, instant(0))
    (daemon,) = claims.owners(["daemon"]).tolist()
    assert who(claims, A, 1) == claims.by_uid(["node"]).tolist()
    assert claims.by_uid(["daemon", "nobody"]).tolist() == [daemon, NOBODY]


def test_forgetting_leaves_who_was_there_later_and_numbers_them_anew() -> None:
    claims = Claims()
    for number in range(2_000):
        claims.claim(f"pod-{number}", pack(f"10.0.{number % 8}.{number % 250}"), instant(number))
        claims.release(f"pod-{number}", instant(number + 100))
    claims.owners(["daemon"])
    addresses = np.array([pack(f"10.0.{n % 8}.{n % 250}") for n in range(2_000)], "V16")
    times = np.array([instant(n + 50) for n in range(2_000)])
    before, held = claims.lookup(addresses, times), claims.nbytes
    kept = claims.forget(instant(1_600))
    assert kept.tolist() == [*range(1_501, 2_000), 2_000]
    after = claims.lookup(addresses, times)
    assert (after[:1_501] == NOBODY).all()
    assert (kept[after[1_501:]] == before[1_501:]).all()
    assert claims.by_uid(["daemon", "pod-1501", "pod-1500"]).tolist() == [499, 0, NOBODY]
    assert (len(claims), claims.nbytes < held) == (500, True)


@pytest.mark.parametrize("when", [-(2**62), 0, 2**62])
def test_a_time_beyond_all_reason_is_nobodys_or_the_last_ones(when: int) -> None:
    claims = Claims()
    claims.claim("pod", A, START)
    found = claims.lookup(np.array([A], "V16"), np.array([when]))
    assert found.tolist() == ([NOBODY] if when < START else [0])


@given(events=EVENTS, span=st.tuples(st.integers(0, 12), st.integers(0, 12)))
@settings(max_examples=150, deadline=None)
def test_a_steady_holder_has_the_address_all_the_time(
    events: list[Told], span: tuple[int, int]
) -> None:
    claims = Claims()
    tell(claims, events)
    uids = {f"pod-{number}": number for number in range(6)}
    owners = claims.by_uid(list(uids)).tolist()
    numbers = {uid: owner for uid, owner in zip(uids.values(), owners, strict=True) if owner >= 0}
    addresses = np.array([bytes(15) + bytes([number]) for number in range(3)], "V16")
    begin, end = sorted(span)
    held, steady = claims.holders(claims.places(addresses), instant(begin), instant(end))
    for address in np.flatnonzero(steady).tolist():
        for at in range(begin, end + 1):
            assert by_looking_at_all(events, numbers, address, at) == held[address]
    if begin == end:
        assert steady.all()
