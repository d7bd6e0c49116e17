"""Faults on demand: which calls they meet, and how failing calls are answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.errors import ConfigurationError
from rotator.simulator.serving.control import read_json
from rotator.simulator.wire.answers import Answer
from rotator.simulator.wire.faults import FAILURES, Effect, Fault, Faults, Kind, failure
from tests.tiers import longer
from tests.unit.simulator.helpers import seeded


def met(faults: Faults, kind: Kind, calls: int, apps: tuple[str, ...] = ()) -> list[bool]:
    return [faults.take(kind, apps) is not None for _ in range(calls)]


@longer
@given(after=st.integers(0, 4), times=st.integers(1, 4))
def test_a_fault_lets_some_calls_pass_and_meets_the_next_ones(after: int, times: int) -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=times, after=after))
    assert met(faults, Kind.TOKEN, 10) == [after <= call < after + times for call in range(10)]


def test_a_fault_without_end_meets_every_call_until_it_is_taken_away() -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None))
    assert all(met(faults, Kind.TOKEN, 20))
    faults.clear()
    assert not any(met(faults, Kind.TOKEN, 20))


def test_a_share_of_the_calls_is_met() -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, share=0.25))
    assert 150 < sum(met(faults, Kind.TOKEN, 1000)) < 350


def test_only_calls_of_its_kind_are_met_and_any_means_all() -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.SOAP_UPDATE, Effect.HANG), Fault(Kind.ANY, Effect.FAIL))
    assert met(faults, Kind.TOKEN, 2) == [True, False]
    assert met(faults, Kind.SOAP_UPDATE, 2) == [True, False]


def test_a_fault_can_wait_for_one_app() -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.TOKEN, Effect.FAIL, app="Billing"))
    assert met(faults, Kind.TOKEN, 1, ("Reporting",)) == [False]
    assert met(faults, Kind.TOKEN, 1, ("Billing",)) == [True]


def test_one_call_meets_one_fault_and_the_next_the_next() -> None:
    faults = Faults(seeded())
    faults.add(Fault(Kind.TOKEN, Effect.FAIL), Fault(Kind.TOKEN, Effect.HANG))
    effects = [fault.effect for fault in (faults.take(Kind.TOKEN, ()), faults.take(Kind.TOKEN, ())) if fault]
    assert effects == [Effect.FAIL, Effect.HANG]
    assert list(faults) == []


@pytest.mark.parametrize("name", FAILURES)
def test_every_named_failure_has_an_answer_for_every_kind_of_call(name: str) -> None:
    assert all(failure(name, kind).status >= 400 for kind in Kind)


def test_failures_are_worded_by_the_api_that_was_called() -> None:
    soap, rest = failure("invalid_session", Kind.SOAP_READ), failure("invalid_session", Kind.DATA)
    assert (soap.status, b"sf:INVALID_SESSION_ID" in soap.body) == (500, True)
    assert (rest.status, b"Session expired or invalid" in rest.body) == (401, True)


def test_an_answer_of_ones_own_is_given_as_it_is() -> None:
    answer = Answer(418, b"tea", "text/plain")
    assert Fault(Kind.ANY, Effect.FAIL, answer=answer).answer_for(Kind.TOKEN) is answer


def test_faults_are_read_from_json_and_shown_as_json() -> None:
    sent = {"kind": "token", "effect": "fail", "answer": {"status": 429, "body": "no", "content_type": "text/plain"}}
    fault = read_json(Fault, sent, example="")
    assert fault.answer_for(Kind.TOKEN) == Answer(429, b"no", "text/plain")
    assert fault.to_json()["answer"] == 429
    assert read_json(Fault, {"kind": "any", "effect": "slow", "seconds": 2}, example="").seconds == 2


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"kind": "token"}, "effect"),
        ({"kind": "tea", "effect": "fail"}, "kind"),
        ({"kind": "token", "effect": "fail", "color": "red"}, "color"),
        ({"kind": "token", "effect": "fail", "answer": "http_999"}, "http_999"),
        ({"kind": "token", "effect": "fail", "times": "often"}, "times"),
        ("token", "dictionary"),
    ],
)
def test_what_is_no_fault_is_said_in_a_sentence(sent: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_json(Fault, sent, example="{}")
