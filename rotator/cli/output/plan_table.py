"""What rotations would do, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import away, console, day, moment, short, state_of, table
from rotator.cli.output.former_names import with_former_names
from rotator.cli.output.progress import describe
from rotator.cli.output.schedule_lines import how_it_begins, standstills_as_json, what_would_expire
from rotator.cli.output.streams.marked import Indented
from rotator.cli.output.usage.use_lines import use_as_json, use_in_words
from rotator.core.decision.actions import ActionKind
from rotator.core.thresholds import has_come
from rotator.services.inventory.remarks import remark_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.rotation.plan import Plan
    from rotator.services.usage.users_before import AppUse


def as_json(found: Plan, status: CredentialStatus, now: datetime, use: AppUse | None = None) -> dict[str, Any]:
    """One line of `rotate plan --json`."""
    end = found.forecast.end
    return with_former_names(
        {
            "credential": found.credential,
            "state": status.state,
            "urgency": status.urgency,
            "strategy": found.strategy,
            "due_at": found.due_at,
            "due": found.due,
            "mode": status.life.schedule.mode,
            "begins_at": status.life.begins.at if status.life.begins else None,
            "standstills": standstills_as_json(status.life.schedule, now),
            "not_after": found.not_after,
            "steps": [
                *({"action": step.action, "app": step.app, "version": None, "why": step.why} for step in found.returns),
                *(
                    {"action": step.kind, "app": step.app, "version": step.version, "why": step.why}
                    for step in found.forecast.steps
                ),
            ],
            "end": end.kind,
            "why": end.why,
            "hint": end.advice,
            "again_at": end.until,
            "validation": [
                {"app": each.app, "result": each.result, "sentence": each.sentence, "hint": each.hint}
                for each in found.acceptances
            ],
            "usage": use_as_json(use) if use else None,
        }
    )


def print_plans(
    plans: list[Plan],
    statuses: Mapping[str, CredentialStatus],
    now: datetime,
    used: Mapping[str, AppUse],
    *,
    err: bool,
) -> None:
    """A table of when they are due, and of each its state and the steps; `err`: not to where a program reads."""
    rows = table(
        "Credential", "State", "Strategy", "Current", "Expires", "Not after", "Due", spare=("Not after", "Current")
    )
    for found in plans:
        due = "now" if found.due else away(found.due_at, now)
        expires, not_after = away(found.not_after, now), day(found.not_after)
        state = state_of(statuses[found.credential])
        rows.add_row(found.credential, state, found.strategy, short(found.current), expires, not_after, due)
    out = console(err=err)
    out.print(rows)
    for found in plans:
        steps, remark = found.forecast.steps, remark_on(statuses[found.credential], now)
        out.line()
        if remark:
            out.print(f"{found.credential}: {remark.sentence}")
        told = (*map(str, found.returns), *map(describe, steps))
        out.print(f"{found.credential}: {'a run now would take these steps:' if told else 'a run now would'}")
        for number, step in enumerate(told, 1):
            out.print(Indented(f"{number}. {step}"))
        for line in (*_ending(found, now), *_beginning(statuses[found.credential], now)):
            out.print(Indented(line))
        if found.credential in used:
            for sentence in use_in_words(used[found.credential], now):
                out.print(f"{found.credential}: {sentence}")
        for each in found.acceptances:
            out.print(f"{each.sentence} {each.hint}".strip())


def _beginning(status: CredentialStatus, now: datetime) -> list[str]:
    """When the service would do that by itself, where that is another time than when it is due, and what that costs."""
    life, name = status.life, status.credential
    begins = life.begins
    if begins is None or (begins.at == life.due_at and not begins.overrides) or has_come(begins.at, now):
        return []
    costs = [what_would_expire(life.danger, name, life.not_after, now)] if life.danger and life.not_after else []
    return [how_it_begins(begins, name, now), *costs]


def _ending(found: Plan, now: datetime) -> list[str]:
    end, more = found.forecast.end, "and " if found.forecast.steps else ""
    if end.kind is ActionKind.HALT:
        return [f"{more}stop: {end.why}", f"What to do: {end.advice}"]
    if found.ends_tokens_of:
        them = f"the tokens and sessions that {found.ends_tokens_of} has through its apps"
        return [f"{more}end {them}: consumers log in once more."]
    if end.kind is ActionKind.WAIT:
        return [f"{more}wait until {moment(end.until, now)}: {end.why}.", "--retire-now does not wait."]
    if end.until:
        return [f"{more}keep the previous version until {moment(end.until, now)}."]
    return [f"{more}be done."]
