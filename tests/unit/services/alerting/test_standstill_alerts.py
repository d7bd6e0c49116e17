"""What people are told of a rotation that pauses and freezes hold up for too long, and of the first start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rotator.core.schedule import Beginning, Danger, Standstill, Why
from rotator.core.severity import Severity
from rotator.services.alerting.standstill_alerts import first_start, held
from rotator.testing.versions import MOMENT

DAY = timedelta(days=1)
NOT_AFTER = MOMENT + 10 * DAY
LAST = MOMENT + 9 * DAY
PAUSED = Standstill(why=Why.PAUSE, since=MOMENT - DAY, reason="audit", by="ana@crm-1", scope="credential billing")
ALL_PAUSED = replace(PAUSED, reason="move", by="ben@crm-1", scope="all")
FROZEN = Standstill(why=Why.FREEZE, since=MOMENT, until=MOMENT + 30 * DAY, reason="year's end")
NEW_HERE = Standstill(why=Why.FIRST_START, since=MOMENT, until=MOMENT + DAY)


def told(*held_by: Standstill, at: Any = None, now: Any = MOMENT) -> Any:
    danger = Danger(Beginning(at, held_by=held_by), LAST, MOMENT)
    return held("billing", "production", danger, not_after=NOT_AFTER, now=now, fingerprint="f" * 64)


def test_what_a_pause_lets_expire_is_told_with_until_when_something_can_be_done() -> None:
    alert = told(PAUSED)
    assert alert.title == f"billing in production expires on {NOT_AFTER:%Y-%m-%d}, and its rotation is paused"
    assert alert.text == "It is paused by ana@crm-1 until somebody resumes it: audit."
    assert alert.facts == {
        "Org": "production",
        "Credential": "billing",
        "Not after": f"{NOT_AFTER:%Y-%m-%d %H:%M} UTC",
        "Last moment": f"{LAST:%Y-%m-%d %H:%M} UTC",
    }
    assert alert.meanwhile == "By schedule its rotation does not begin, and nothing overrides that."
    assert alert.to_do == (
        f"The last moment to begin is {LAST:%Y-%m-%d %H:%M} UTC. `rotate now billing` rotates it all the same;"
        " `rotator resume billing` leaves it to the schedule again."
    )
    assert (alert.severity, alert.org, alert.credential, alert.fingerprint) == (
        Severity.CRITICAL,
        "production",
        "billing",
        "f" * 64,
    )


@pytest.mark.parametrize(
    ("held_by", "how", "ends"),
    [
        ((FROZEN,), "frozen", ""),
        ((NEW_HERE,), "not begun yet", ""),
        ((FROZEN, PAUSED), "paused and frozen", "; `rotator resume billing` leaves it to the schedule again"),
        (
            (PAUSED, ALL_PAUSED),
            "paused",
            "; `rotator resume billing` and `rotator resume --all` leaves it to the schedule again",
        ),
    ],
)
def test_what_holds_it_up_is_named_and_which_command_ends_a_pause(
    held_by: tuple[Standstill, ...], how: str, ends: str
) -> None:
    alert = told(*held_by)
    assert alert.title.endswith(f"and its rotation is {how}")
    assert alert.text == " ".join(f"It is {each}." for each in held_by)
    assert alert.to_do.endswith(f"`rotate now billing` rotates it all the same{ends}.")


def test_a_freeze_that_ends_too_late_is_told_with_when_it_begins_then() -> None:
    begins = MOMENT + 30 * DAY
    assert told(FROZEN, at=begins).meanwhile == (
        f"By schedule its rotation begins at {begins:%Y-%m-%d %H:%M} UTC, which is too late,"
        " and nothing overrides that."
    )


def test_after_it_has_expired_it_is_told_as_past() -> None:
    alert = told(PAUSED, now=NOT_AFTER)
    assert alert.title.startswith("billing in production expired on ")
    assert alert.to_do.startswith("The last moment to begin was ")


BEGINS_AT = MOMENT + DAY


def line(name: str, begins: Beginning | None, due: Any = None, *, revoked: bool = False) -> Any:
    life = SimpleNamespace(begins=begins, revoked=revoked, due_at=due)
    return SimpleNamespace(credential=name, life=life)


def test_at_the_first_start_people_learn_what_will_be_rotated_and_when() -> None:
    lines = [
        line("stolen", Beginning(BEGINS_AT), MOMENT, revoked=True),
        line("late", Beginning(MOMENT + 3 * DAY), MOMENT + 3 * DAY),
        line("due", Beginning(BEGINS_AT), MOMENT),
        line("earlier", Beginning(BEGINS_AT - timedelta(hours=1)), BEGINS_AT),
        line("by hand", Beginning(None, is_by_hand=True)),
        line("stopped", Beginning(None)),
        line("new", None),
        *(line(f"later {day}", Beginning(MOMENT + day * DAY), MOMENT + day * DAY) for day in (5, 6, 7)),
    ]
    alert = first_start(NEW_HERE, BEGINS_AT, lines)

    def at(name: str, time: Any) -> str:
        return f"{name} ({time:%Y-%m-%d %H:%M} UTC)"

    assert alert.meanwhile == (
        f"Then begins the rotation of {at('earlier', BEGINS_AT - timedelta(hours=1))} and {at('due', BEGINS_AT)}."
        f" After that comes that of {at('late', MOMENT + 3 * DAY)}, {at('later 5', MOMENT + 5 * DAY)}"
        f" and {at('later 6', MOMENT + 6 * DAY)}."
        " People rotate by hand (`mode: manual`). stopped is paused."
        " Nothing is known yet of new: not read, or not in its store."
    )
    assert alert.to_do == (
        "`rotate plan` shows the steps; `rotator pause NAME` holds one up, `mode: manual` leaves it to people."
    )
    assert f"rotates from {BEGINS_AT:%Y-%m-%d %H:%M} UTC on" in alert.title
    assert alert.severity is Severity.INFO


def test_where_there_is_no_credential_that_is_said_at_the_first_start() -> None:
    assert first_start(NEW_HERE, BEGINS_AT, []).meanwhile == "No credential is configured, so nothing is rotated."
