"""Where each managed credential stands, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import (
    NO_CREDENTIAL,
    NOTHING,
    away,
    clean,
    console,
    day,
    moment,
    short,
    state,
    table,
)
from rotator.cli.output.inventory_table import certificate_as_json
from rotator.core import words
from rotator.services.inventory.status import CredentialState
from rotator.services.schedule.due import begins_at

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.records import Rotation
    from rotator.services.inventory.status import CredentialStatus


def as_json(line: CredentialStatus, now: datetime) -> dict[str, Any]:
    """One line of `status --json`."""
    return {
        "credential": line.credential,
        "org": line.settings.org,
        "store": line.settings.store,
        "strategy": line.settings.strategy,
        "state": line.standing,
        "stages": {stage: getattr(line.stages, stage, None) for stage in ("pending", "current", "previous")},
        "current_app": line.current.app if line.current else None,
        "apps": [{"app": name, "certificate": certificate_as_json(held)} for name, held in line.live],
        "drift": line.drift,
        "not_after": line.expires_at,
        "days_left": (line.expires_at - now).days if line.expires_at else None,
        "due_at": line.due_at,
        "previous_until": line.previous_until,
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
        last = line.last_rotation
        rows.add_row(
            line.credential,
            state(line.standing),
            line.settings.strategy,
            clean(line.current.app if line.current else line.settings.apps[0]),
            short(line.current.fingerprint if line.current else None),
            away(line.expires_at, now),
            day(line.expires_at),
            _due(line, now),
            (last.outcome or "unfinished") if last else "never",
            away(last.started_at if last else None, now),
        )
    console().print(rows)
    for line in found:
        for sentence in _remarks(line, now):
            console().print(f"{line.credential}: {sentence}")


def _due(line: CredentialStatus, now: datetime) -> str:
    if line.due_at is None:
        return NOTHING
    return "now" if line.due_at <= now else words.distance(line.due_at, now)


def _remarks(line: CredentialStatus, now: datetime) -> list[str]:
    name, remarks = line.credential, []
    if line.standing is CredentialState.UNSTORED:
        remarks.append(f"not in the store yet. `rotator adopt {name} --key FILE`, or `rotator enroll {name}`.")
    if line.standing is CredentialState.DRIFT:
        held = short(line.live_certificate.fingerprint) if line.live_certificate else "no certificate"
        remarks.append(f"the app holds {held}, which nobody here knows. `rotate restore {name}` puts ours back.")
    if line.standing is CredentialState.UNFINISHED:
        remarks.append(f"a rotation was begun and has not ended. `rotate finish {name}` goes on from there.")
    elif line.last_rotation and line.last_rotation.outcome is None:
        remarks.append(f"the last rotation is running, or was interrupted: then `rotate finish {name}` goes on.")
    begins = begins_at(line, now)
    if begins and begins > now:
        remarks.append(f"`rotator run` rotates it in its next maintenance window, {moment(begins, now)}.")
    if line.previous_until:
        remarks.append(f"the previous version is kept until {moment(line.previous_until, now)}.")
    return remarks
