"""Every state has a colour and a word, and what is urgent never looks as if it were not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.severity import Severity
from rotator.web.looks import Look, look_of, word_of, worst


@dataclass(frozen=True)
class Something:
    state: CertificateState | CredentialState
    urgency: Severity | None = None


STATES = [*CertificateState, *CredentialState]


@pytest.mark.parametrize(("state", "urgency"), [*product(STATES, [None, *Severity])])
def test_what_is_urgent_looks_so(state: CertificateState | CredentialState, urgency: Severity | None) -> None:
    this = Something(state, urgency)
    assert word_of(this).split(" (")[0] == state
    if state in {CertificateState.EXPIRED, CredentialState.EXPIRED}:
        assert look_of(this) is Look.EXPIRED
    elif urgency and urgency is not Severity.INFO:
        assert look_of(this).value == urgency.value
    else:
        assert (look_of(this) is Look.OK) <= (state.value not in {"due", "deferred", "drift"})


def test_what_is_urgent_is_said_where_it_does_not_go_without_saying() -> None:
    assert word_of(Something(CertificateState.DUE, Severity.CRITICAL)) == "due (critical)"
    assert word_of(Something(CertificateState.DUE, Severity.INFO)) == "due"
    assert word_of(Something(CredentialState.DRIFT, Severity.CRITICAL)) == "drift"
    assert word_of(Something(CredentialState.UNSTORED, Severity.CRITICAL)) == "not stored (critical)"
    assert word_of(Something(CredentialState.EXPIRED, Severity.CRITICAL)) == "expired"


def test_of_many_the_most_urgent_is_what_a_group_looks_like() -> None:
    due = [Something(CertificateState.DUE, urgency) for urgency in (None, Severity.WARNING, Severity.INFO)]
    assert worst(due) is Look.WARNING
    assert worst([*due, Something(CertificateState.EXPIRED)]) is Look.EXPIRED
    assert worst([]) is Look.OK
