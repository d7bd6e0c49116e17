"""Where each managed credential stands, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import NO_CREDENTIAL, NOTHING, away, console, day, moment, short, state_of, table
from rotator.cli.output.inventory_table import certificate_as_json, secret_as_json
from rotator.cli.output.schedule_lines import (
    held_up_in_words,
    how_it_begins,
    standstills_as_json,
    what_would_expire,
)
from rotator.core import words
from rotator.core.lifecycle.states import CredentialState
from rotator.core.thresholds import has_come
from rotator.services.inventory.remarks import not_known_of, remark_on
from rotator.services.inventory.schedules import held_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.core.lifecycle.credential_life import CredentialLife
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.history.journal.projection import CredentialRecord
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
        "owner": line.owner,
        "state": line.state,
        "urgency": line.urgency,
        "refused_since": life.refused_since,
        "running": vars(life.running) if life.running else None,
        "halted_since": life.halt.since if life.halt else None,
        "halted_why": life.halt.why if life.halt else None,
        "revocation": _revocation_as_json(life.revoked),
        "last_login": _login_as_json(line.record),
        "last_accepted_at": line.record.accepted_at,
        "needs_attention": life.needs_attention,
        "stages": line.stages,
        "current_app": line.current.app if line.current else None,
        "apps": [
            {
                "app": held.app,
                "type": held.type,
                "shown": not held.is_hidden,
                "certificate": certificate_as_json(held),
                "client_secret": secret_as_json(held),
            }
            for held in line.apps
        ],
        "drift": line.drift,
        "not_after": life.not_after,
        "days_left": (life.not_after - now).days if life.not_after else None,
        "due_at": life.due_at,
        "mode": life.schedule.mode,
        "begins_at": life.begins.at if life.begins else None,
        "goes_on_at": life.goes_on_at,
        "standstills": standstills_as_json(life.schedule, now),
        "not_known": list(not_known_of(line)),
        "previous_until": life.previous_until,
        "last_rotation": _rotation_as_json(line, line.last_rotation) if line.last_rotation else None,
        "problem": line.problem.message if line.problem else None,
    }


def _revocation_as_json(revoked: Revocation | None) -> dict[str, Any] | None:
    if revoked is None:
        return None
    steps = {"steps": list(revoked.wanted), "left": list(revoked.left)}
    return {"since": revoked.since, "by": revoked.by, "reason": revoked.reason, **steps}


def _login_as_json(record: CredentialRecord) -> dict[str, Any] | None:
    """The last login with `current` that was written down."""
    if record.tried_at is None:
        return None
    return {
        "at": record.tried_at,
        "version": record.tried_version,
        "outcome": record.tried_outcome,
        "answer": record.tried_answer,
        "by": record.tried_by,
    }


def _rotation_as_json(line: CredentialStatus, rotation: Rotation) -> dict[str, Any]:
    keys = ("id", "started_at", "finished_at", "outcome", "why", "gap_seconds")
    return {key: getattr(rotation, key) for key in keys} | {"ending": line.ending_of(rotation)}


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
            line.app,
            short(line.current.fingerprint if line.current else None),
            away(life.not_after, now),
            day(life.not_after),
            _due(life, now),
            line.ending_of(last) if last else "unknown" if line.history_problem else "never",
            away(last.started_at if last else None, now),
        )
    console().print(rows)
    for line in found:
        for sentence in (*_of_state(line, now), *_of_times(line.life, line.credential, now)):
            console().print(f"{line.credential}: {sentence}")
    for sentence in held_up_in_words(held_up(found, now), len(found)):
        console().print(sentence)


def _due(life: CredentialLife, now: datetime) -> str:
    if life.due_at is None:
        return NOTHING
    return "now" if has_come(life.due_at, now) else words.distance(life.due_at, now)


def _of_state(line: CredentialStatus, now: datetime) -> Iterator[str]:
    remark = remark_on(line, now)
    # What could not be read is told at the end, as an error.
    if remark and not (line.problem and line.state is CredentialState.UNKNOWN):
        yield str(remark)
    if not_known := not_known_of(line):
        yield f"Whether it is {words.listed(not_known, 'or')} is not known."
    if line.attempt.needs_attention:
        yield f"Its rotations by schedule failed, and a person is needed: {line.attempt.problem} {line.attempt.hint}"


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
    elif life.waits_for_consumers:
        yield "the previous version is kept until its consumers have said that they log in with the current one."
