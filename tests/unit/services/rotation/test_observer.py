"""Every stored version is tried once, current first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import Stage
from rotator.core.logins import LoginOutcome
from rotator.services.rotation.observer import test_logins as every_login

if TYPE_CHECKING:
    from tests.unit.services.bench import Bench


def test_what_is_stored_is_tried_current_first(one: Bench) -> None:
    one.handle()
    found = [(login.stage, login.answer.outcome) for login in every_login(one.credential_context)]
    assert found == [(Stage.CURRENT, LoginOutcome.ACCEPTED), (Stage.PREVIOUS, LoginOutcome.MISMATCH)]


def test_where_nothing_is_stored_nothing_is_tried(one: Bench) -> None:
    one.store.staged = type(one.store.staged)()
    assert list(every_login(one.credential_context)) == []
