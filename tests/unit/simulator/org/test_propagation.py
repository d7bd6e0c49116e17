"""The certificate slot of an app, and what login servers know while a change spreads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.simulator.org.propagation import KEPT_CHANGES, CertificateSlot
from rotator.simulator.org.settings import OrgSettings
from tests.unit.simulator.helpers import START, KeyPair, seeded


@pytest.mark.fact("3a")
def test_a_slot_holds_one_certificate_the_last(key_pairs: tuple[KeyPair, ...]) -> None:
    slot = CertificateSlot()
    slot.put(key_pairs[0][1], START)
    slot.put(key_pairs[1][1], START)
    assert slot.live == key_pairs[1][1]


def test_the_same_certificate_again_starts_no_new_propagation(key_pairs: tuple[KeyPair, ...]) -> None:
    slot = CertificateSlot()
    slot.put(key_pairs[0][1], START)
    slot.put(key_pairs[0][1], START + timedelta(hours=1))
    assert len(slot.changes) == 1


def test_the_old_certificate_holds_throughout_the_propagation_time(key_pairs: tuple[KeyPair, ...]) -> None:
    slot, settings, random = CertificateSlot(), OrgSettings(propagation_seconds=10), seeded(1)
    old, new = key_pairs[0][1], key_pairs[1][1]
    slot.put(old, START - timedelta(days=1))
    slot.put(new, START)
    seen = [slot.seen(START + timedelta(seconds=seconds), settings, random) for seconds in (0, 9.9, 10, 11)]
    assert seen == [old, old, new, new]


def test_a_first_certificate_spreads_like_any_other(key_pairs: tuple[KeyPair, ...]) -> None:
    slot, settings, random = CertificateSlot(), OrgSettings(propagation_seconds=10), seeded(1)
    slot.put(None, START - timedelta(days=1))
    slot.put(key_pairs[0][1], START)
    assert slot.seen(START, settings, random) is None
    assert slot.seen(START + timedelta(seconds=10), settings, random) == key_pairs[0][1]


@given(seconds=st.floats(0, 60), flap=st.floats(0, 1), seed=st.integers())
def test_a_server_knows_the_old_certificate_or_the_new_one_and_only_the_new_one_in_the_end(
    seconds: float, flap: float, seed: int, key_pairs: tuple[KeyPair, ...]
) -> None:
    slot, settings, random = CertificateSlot(), OrgSettings(propagation_seconds=30, flap_probability=flap), seeded(seed)
    old, new = key_pairs[0][1], key_pairs[1][1]
    slot.put(old, START - timedelta(days=1))
    slot.put(new, START)
    seen = {slot.seen(START + timedelta(seconds=seconds), settings, random) for _ in range(8)}
    assert seen <= ({new} if seconds >= 30 else {old, new})


@pytest.mark.fact("3c")
def test_servers_disagree_while_a_change_spreads(key_pairs: tuple[KeyPair, ...]) -> None:
    slot, settings, random = CertificateSlot(), OrgSettings(propagation_seconds=30, flap_probability=0.5), seeded(1)
    slot.put(key_pairs[0][1], START - timedelta(days=1))
    slot.put(key_pairs[1][1], START)
    assert {slot.seen(START, settings, random) for _ in range(20)} == {key_pairs[0][1], key_pairs[1][1]}


def test_only_the_latest_changes_are_remembered(key_pairs: tuple[KeyPair, ...]) -> None:
    slot = CertificateSlot()
    for number in range(KEPT_CHANGES + 5):
        slot.put(key_pairs[number % 2][1], START + timedelta(seconds=number))
    assert len(slot.changes) == KEPT_CHANGES
