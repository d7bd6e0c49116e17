"""Whatever befalls a credential, every surface gives one answer: text, JSON, page, metrics, alerts and the service.

Each life is lived for real. Then the org is looked at, and all surfaces are asked at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from rotator.core.lifecycle.drift import drifted
from rotator.core.lifecycle.states import CredentialState
from rotator.core.schedule import NextDue
from rotator.errors import RotatorError
from rotator.services.schedule.due import DueAction
from tests.contract.history.databases import SQLITE_FIRST
from tests.contract.surfaces.asking import (
    Surfaces,
    states_of_the_certificates,
    states_of_the_credential,
    times_of_the_credential,
    urgencies_of_the_certificates,
)
from tests.contract.surfaces.external_lives import external_lives
from tests.contract.surfaces.gone import lost, rotated, stored
from tests.contract.surfaces.lives import DAY, DEEDS, ONE, PAIR, Life, changed_by_hand, lives, never_stored, unmanaged
from tests.contract.surfaces.revoked import revoked_after
from tests.tiers import of_tier, standard_first
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database


def asked(database: Database, life: Life) -> Surfaces:
    one = cycle_bench(database, apps=life.apps)
    life.live(one)
    surfaces = Surfaces(one)
    surfaces.look()
    return surfaces


LIVES = [*lives()]
LIVES_ONCE = [*{life.live: life for life in reversed(LIVES)}.values()]
"""Each, of those that one app and two can have the one with one app."""
ONE_OF_A_STATE = [*{life.says: life for life in LIVES_ONCE}.values()]
SOME_LIVES = [*ONE_OF_A_STATE, *LIVES_ONCE[::16]]
EXTERNAL = [*external_lives()]
EXTERNAL_ONCE = [
    *{life.says: life for life in EXTERNAL}.values(),
    *{str(life).split(":")[0].split(",")[0]: life for life in EXTERNAL}.values(),
]
"""One of a state, and one of those that are read, that are mixed, that hide now and that have always hidden."""


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("life", standard_first(LIVES, SOME_LIVES), ids=str)
def test_one_credential_is_one_thing_everywhere(database: Database, life: Life) -> None:
    one_answer(database, life)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("life", standard_first(EXTERNAL, EXTERNAL_ONCE), ids=str)
def test_an_external_client_app_is_one_thing_everywhere_whether_it_is_read_or_hides(
    database: Database, life: Life
) -> None:
    one_answer(database, life)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("life", standard_first(LIVES_ONCE, ONE_OF_A_STATE[:1]), ids=str)
def test_with_its_history_on_a_server_it_is_no_other(database: Database, life: Life) -> None:
    one_answer(database, life)


def one_answer(database: Database, life: Life) -> None:
    surfaces = asked(database, life)
    with surfaces.one.at_end:
        all_surfaces_agree(surfaces, life)


def all_surfaces_agree(surfaces: Surfaces, life: Life) -> None:
    assert states_of_the_credential(surfaces) == dict.fromkeys(("text", "json", "page", "metrics"), life.says)
    for what, answers in times_of_the_credential(surfaces).items():
        assert len(set(answers.values())) == 1, (what, answers)
    for app, answers in states_of_the_certificates(surfaces).items():
        assert len(set(answers.values())) == 1, (app, answers)
    for app, (urgency, alert) in urgencies_of_the_certificates(surfaces).items():
        assert urgency == alert, (app, urgency, alert)
    the_service_agrees(surfaces)


PUTS_IT_RIGHT = {"restore", "back", "adopt"}
"""A person has asked for these, who may have meant what the app holds: once begun, the service ends them."""


UNDER_WAY = {CredentialState.REFUSED, CredentialState.RUNNING, CredentialState.HALTED}
"""States of which the next rotation says nothing."""


def the_service_agrees(surfaces: Surfaces) -> None:
    """What it does now and when it looks again follow from the state and the times that people are shown."""
    status = surfaces.status()
    if status.life.revoked:
        # It is not even looked at (tests/unit/services/schedule/test_revoked.py).
        assert (status.life.next_due, status.life.begins, status.life.due_at) == (NextDue(), None, None)
        return
    try:
        found, next_due = surfaces.service()
    except RotatorError:
        # What was recorded of a rotation is known all the same.
        assert status.state in {CredentialState.UNKNOWN, *UNDER_WAY}
        return
    expected = {
        CredentialState.OK: {DueAction.NOTHING, DueAction.RETIRE},
        CredentialState.DEFERRED: {DueAction.NOTHING, DueAction.RETIRE},
        CredentialState.DUE: {DueAction.REPLACE, DueAction.NOTHING, DueAction.RETIRE, DueAction.PERSON},
        CredentialState.NOT_YET_VALID: {DueAction.NOTHING, DueAction.RETIRE},
        CredentialState.EXPIRED: {DueAction.REPLACE, DueAction.NOTHING, DueAction.RETIRE, DueAction.PERSON},
        CredentialState.REFUSED: {DueAction.FINISH, DueAction.PERSON},
        CredentialState.RUNNING: {*DueAction},
        CredentialState.HALTED: {*DueAction},
        CredentialState.UNFINISHED: {DueAction.FINISH},
        CredentialState.DRIFT: {DueAction.PERSON},
        # Of a rotation that was begun the service says that its store must come back.
        CredentialState.UNSTORED: {DueAction.NOTHING, *([DueAction.PERSON] if status.life.is_lost else [])},
        CredentialState.UNKNOWN: {DueAction.PERSON},
    }
    if status.life.seen and not drifted(status.life.seen):
        # Another consumer key holds up no rotation: the new version gets it.
        expected[CredentialState.DRIFT] = {DueAction.NOTHING, DueAction.REPLACE, DueAction.RETIRE}
    begun = surfaces.open_rotation()
    if begun and begun.goal in PUTS_IT_RIGHT:
        expected[CredentialState.DRIFT].add(DueAction.FINISH)
    assert found.action in expected[status.state], (status.state, found)
    begins = status.life.begins
    has_failed = status.attempt.failures > 0
    if found.action is DueAction.REPLACE and status.state not in UNDER_WAY and not status.life.needs_attention:
        assert begins
        assert begins.at == status.attempt.free_from(surfaces.now)
    if found.action is DueAction.NOTHING and begins and not has_failed:
        assert next_due.due_at == begins.at
    if found.action is DueAction.RETIRE:
        assert status.life.previous_until
        assert status.life.previous_until <= surfaces.now


UNMANAGED = {
    "App_400": "ok",
    "App_61": "ok",
    "App_44": "due",
    "App_30": "due",
    "App_13": "due (warning)",
    "App_2": "due (critical)",
    "App_-3": "expired",
    "Portal": "due",
    "External_44": "due",
    "External_2": "due (critical)",
    "External_-3": "expired",
    "Okta": "due (warning)",
    "Signing": "due (critical)",
    "Ended": "resting",
    "Billing": "ok",
    "From_tomorrow": "not yet valid",
    "Elliptic": "unusable",
    "Elliptic_soon": "unusable (warning)",
}


@SQLITE_FIRST
def test_one_certificate_is_one_thing_everywhere(database: Database) -> None:
    surfaces = asked(database, Life(unmanaged, "ok"))
    for app, answers in states_of_the_certificates(surfaces).items():
        assert set(answers.values()) == {UNMANAGED[app]}, (app, answers)
    urgencies = urgencies_of_the_certificates(surfaces)
    assert {app for app, (urgency, _) in urgencies.items() if urgency} == {
        app for app, word in UNMANAGED.items() if word not in {"ok", "resting", "not yet valid", "unusable"}
    }
    for app, (urgency, alert) in urgencies.items():
        assert urgency == alert, (app, urgency, alert)


@SQLITE_FIRST
def test_of_what_was_revoked_nothing_says_that_a_previous_version_is_kept(database: Database) -> None:
    kept = asked(database, Life(rotated, "ok"))
    assert set(times_of_the_credential(kept)["previous until"].values()) != {"none kept"}
    revoked_after(lambda _: None)(kept.one)
    kept.look()
    assert kept.one.bench.store.staged.previous
    assert set(times_of_the_credential(kept)["previous until"].values()) == {"none kept"}
    assert not kept.status().life.waits_for_consumers


@SQLITE_FIRST
def test_what_the_org_hides_is_unreadable_everywhere_and_told_of_by_its_dates(database: Database) -> None:
    surfaces = asked(database, Life(unmanaged, "ok"))
    one = surfaces.one
    one.bench.time += DAY / 24
    hidden = [each for each in one.outside.others if each.app == "App_2"]
    one.outside.others = [each for each in one.outside.others if each.app != "App_2"]
    one.outside.others += [replace(each, is_readable=False) for each in hidden]
    surfaces.look()
    assert set(states_of_the_certificates(surfaces)["App_2"].values()) == {"unreadable (critical)"}
    assert urgencies_of_the_certificates(surfaces)["App_2"] == ("critical", "critical")


@SQLITE_FIRST
def test_an_alert_of_a_state_is_as_urgent_as_the_state(database: Database) -> None:
    for life, key in (
        (changed_by_hand, "drift:billing"),
        (never_stored, "unstored:billing"),
        (lost, "unstored:billing"),
    ):
        surfaces = asked(database, Life(life, ""))
        alert = next(each for each in surfaces.one.context.history.alerts.open_alerts() if each.key == key)
        assert alert.severity is surfaces.status().urgency
        surfaces.one.context.history.alerts.close(key, "The next one.", surfaces.now)


@settings(max_examples=of_tier(6, thorough=20), deadline=None)
@example(apps=ONE, deeds=["logins are refused", "restore", "somebody changes the app"])
@given(apps=st.sampled_from([ONE, PAIR]), deeds=st.lists(st.sampled_from(sorted(DEEDS)), min_size=1, max_size=6))
def test_whatever_befalls_it_there_is_one_answer(
    empty_history: Callable[[], Database], apps: str, deeds: list[str]
) -> None:
    one = cycle_bench(empty_history(), apps=apps)
    with one.at_end:
        lived(one, deeds)


def lived(one: CycleBench, deeds: list[str]) -> None:
    stored(one)
    surfaces = Surfaces(one)
    surfaces.look()
    for deed in deeds:
        with suppress(RotatorError, AssertionError):
            DEEDS[deed](one)
    surfaces.look()
    note(f"{surfaces.status().state}")
    credential = states_of_the_credential(surfaces)
    assert len(set(credential.values())) == 1, credential
    for what, answers in times_of_the_credential(surfaces).items():
        assert len(set(answers.values())) == 1, (what, answers)
    if one.outside.org_fails is None:
        for app, answers in states_of_the_certificates(surfaces).items():
            assert len(set(answers.values())) == 1, (app, answers)
        the_service_agrees(surfaces)
