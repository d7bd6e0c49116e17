"""Where each managed credential stands, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import NO_CREDENTIAL, NOTHING, away, clean, console, day, moment, short, state_of, table
from rotator.cli.output.inventory_table import certificate_as_json
from rotator.cli.output.schedule_lines import (
    held_up_in_words,
    how_it_begins,
    standstills_as_json,
    what_would_expire,
)
from rotator.core import words
from rotator.core.lifecycle.states import CredentialState
from rotator.core.thresholds import has_come
from rotator.services.inventory.schedules import held_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.core.lifecycle.credential_life import CredentialLife
    from rotator.history.records import Rotation
    from rotator.services.inventory.status import CredentialStatus


def as_json(line: CredentialStatus, now: datetime) -> dict[str, Any]:
    """One line of `status --json`."""
    life = line.life
    return {
        "credential": line.credential,
        "org": line.settings.org,
        "store": line.settings.store,
        "strategy": line.settings.strategy,
        "state": line.state,
        "urgency": line.urgency,
        "refused_since": life.refused_since,
        "needs_attention": life.needs_attention,
        "stages": line.stages,
        "current_app": line.current.app if line.current else None,
        "apps": [{"app": held.app, "certificate": certificate_as_json(held)} for held in line.apps],
        "drift": line.drift,
        "not_after": life.not_after,
        "days_left": (life.not_after - now).days if life.not_after else None,
        "due_at": life.due_at,
        "mode": life.schedule.mode,
        "begins_at": life.begins.at if life.begins else None,
        "standstills": standstills_as_json(life.schedule, now),
        "previous_until": life.previous_until,
        "last_rotation": _rotation_as_json(line.last_rotation),
        "problem": line.problem.message if line.problem else None,
    }


def _rotation_as_json(rotation: Rotation | None) -> dict[str, Any] | None:
    if rotation is None:
        return None
    keys = ("id", "started_at", "finished_at", "outcome", "why", "gap_seconds")
    return {key: getattr(rotation, key) for key in keys}


def print_statuses(found: list[CredentialStatus], now: datetime) -> None:
    """A table of them, and what is to be said of single ones."""
    if not found:
        console().print(NO_CREDENTIAL)
        return
    rows = table(
        "Credential", "State", "Strategy", "App", "Current", "Expires", "Not after", "Due", "Last rotation", "Begun",
        spare=("Not after", "Current", "App", "Begun", "Strategy"),
    )  # fmt: skip
    for line in found:
        last, life = line.last_rotation, line.life
        rows.add_row(
            line.credential,
            state_of(line),
            line.settings.strategy,
            clean(line.app),
            short(line.current.fingerprint if line.current else None),
            away(life.not_after, now),
            day(life.not_after),
            _due(life, now),
            (last.outcome or "unfinished") if last else "never",
            away(last.started_at if last else None, now),
        )
    console().print(rows)
    for line in found:
        for sentence in _remarks(line, now):
            console().print(f"{line.credential}: {clean(sentence)}")
    for sentence in held_up_in_words(held_up(found, now), len(found)):
        console().print(clean(sentence))


def _due(life: CredentialLife, now: datetime) -> str:
    if life.due_at is None:
        return NOTHING
    return "now" if has_come(life.due_at, now) else words.distance(life.due_at, now)


def _remarks(line: CredentialStatus, now: datetime) -> list[str]:
    return [*_of_state(line, now), *_of_times(line.life, line.credential, now)]


def _of_state(line: CredentialStatus, now: datetime) -> Iterator[str]:
    name = line.credential
    match line.state:
        case CredentialState.REFUSED if line.life.refused_since:
            yield f"{words.refused(line.life.refused_since, now)} `rotate finish {name}` goes on, and proves a key."
        case CredentialState.UNSTORED:
            yield f"not in the store yet. `rotator adopt {name} --key FILE`, or `rotator enroll {name}`."
        case CredentialState.DRIFT:
            held = short(line.live.fingerprint) if line.live and line.live.fingerprint else "no certificate"
            yield f"the app holds {held}, which is not ours to expect. `rotate restore {name}` puts ours back."
        case CredentialState.UNFINISHED:
            yield f"a rotation was begun and has not ended. If it is not running, `rotate finish {name}` goes on."
        case CredentialState.DEFERRED if line.life.due_at:
            yield f"this older version was brought back, and is left alone until {moment(line.life.due_at, now)}."
    if line.life.needs_attention:
        yield f"its rotations by schedule failed, and a person is needed: {line.attempt.problem} {line.attempt.hint}"


def _of_times(life: CredentialLife, name: str, now: datetime) -> Iterator[str]:
    if life.begins and has_come(life.due_at, now) and not has_come(life.begins.at, now):
        yield how_it_begins(life.begins, name, now)
    if life.danger and life.not_after:
        yield what_would_expire(life.danger, name, life.not_after, now)
    until = life.previous_until
    if until and has_come(until, now):
        yield f"the previous version's grace ended {moment(until, now)}. `rotate finish {name}` retires it."
    elif until:
        yield f"the previous version is kept until {moment(until, now)}."
