"""Who logs in with a credential, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import away, console, short, table
from rotator.core.usage.sources import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.usage.shown import ConsumerLine, SourceLine, UsageShown

_WORDS = {
    Standing.MOVED: "has moved",
    Standing.REFUSED: "left behind",
    Standing.OLD: "on the previous key",
    Standing.SILENT: "not seen since",
}


def as_json(usage: UsageShown) -> dict[str, Any]:
    """Member `usage` of `status --json --usage`."""
    return {
        "watched": usage.is_watched,
        "why_not": usage.why_not or None,
        "hint": usage.hint or None,
        "looked_at": usage.looked_at,
        "cut": usage.is_cut,
        "sources": [_source(line) for line in usage.sources],
        "consumers": [_consumer(line) for line in usage.consumers],
    }


def _source(line: SourceLine) -> dict[str, Any]:
    source = line.source
    return {
        "address": source.address,
        "client": source.client,
        "standing": line.standing,
        "last_before_at": source.before_at,
        "last_accepted_at": source.accepted_at,
        "last_with_previous_at": source.old_at,
        "last_refused_at": source.refused_at,
        "accepted": source.accepted,
        "refused": source.refused,
    }


def _consumer(line: ConsumerLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "configured": line.is_configured,
        "moved": line.has_moved,
        "version": line.report.fingerprint if line.report else None,
        "logged_in_at": line.report.logged_in_at if line.report else None,
        "via": line.report.via if line.report else None,
    }


def print_usage(usage: UsageShown, now: datetime) -> None:
    """Who was seen to log in since the promotion, and what consumers have said."""
    out = console()
    out.line()
    if usage.sources:
        title = "Logins from"
        rows = table(title, "Client", "Stands", "Accepted", "Refused", "Last login", spare=("Client",))
        for line in usage.sources:
            source = line.source
            counts = str(source.accepted), str(source.refused)
            rows.add_row(
                source.address or "not told", source.client, _WORDS[line.standing], *counts, away(source.last_at, now)
            )
        out.print(f"{usage.credential}: logins since its promotion, as the org's login history tells")
        out.print(rows)
    elif usage.is_watched and not usage.why_not:
        out.print(f"{usage.credential}: nobody was seen to log in, before its promotion or since.")
    if usage.why_not:
        is_hidden = "not visible: " if usage.is_hidden else ""
        out.print(f"{usage.credential}: {is_hidden}{usage.why_not} {usage.hint}".rstrip())
    if usage.is_cut:
        out.print("There were more logins than one look reads: what is counted is the least that there was.")
    if usage.looked_at:
        out.print(f"As seen {away(usage.looked_at, now)}.")
    if usage.consumers:
        rows = table("Consumer", "Stands", "Version", "Last login", "Told by")
        for each in usage.consumers:
            told = each.report
            otherwise = "on another version" if told else "has not said so"
            stands = "has moved" if each.has_moved else otherwise
            rows.add_row(
                each.name if each.is_configured else f"{each.name} (not configured)",
                stands,
                short(told.fingerprint if told else None),
                away(told.logged_in_at if told else None, now),
                told.via if told else "",
            )
        out.print(f"{usage.credential}: what its consumers say")
        out.print(rows)
