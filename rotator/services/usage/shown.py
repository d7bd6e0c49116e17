"""What is shown of those who use a credential: who logs in since its promotion, and what its consumers say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.lifecycle.revocation import nobody_logs_in
from rotator.core.usage.retirement import unconfirmed
from rotator.core.usage.sources import Standing
from rotator.services.usage.graces import in_grace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.core.usage.retirement import ConsumerReport
    from rotator.core.usage.sources import Source
    from rotator.services.inventory.status import CredentialStatus

_NOT_WATCHED = "No previous version is in grace: nobody can be left behind on one."
_OF_SECRETS = "Who logs in with which client secret no login history tells."
_NOT_YET = "The login history of the org was not looked at since the promotion."


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One source of logins."""

    source: Source
    standing: Standing
    """Whether it has moved; one that is refused while a change may still spread is not said to be."""


@dataclass(frozen=True, kw_only=True)
class ConsumerLine:
    """One consumer that the configuration names, or that has said something."""

    name: str
    report: ConsumerReport | None
    has_moved: bool
    """It has said that it logs in with the current version."""
    is_configured: bool


@dataclass(frozen=True, kw_only=True)
class UsageShown:
    """Everything of one credential."""

    credential: str
    is_watched: bool
    """Whether a previous version is in grace, and the login history can tell who uses it."""
    why_not: str
    """Why nobody is shown; empty where somebody may be."""
    is_hidden: bool
    """There may be somebody who cannot be seen: not where nobody can be left behind, or nobody has looked yet."""
    hint: str
    looked_at: datetime | None
    is_cut: bool
    sources: tuple[SourceLine, ...]
    consumers: tuple[ConsumerLine, ...]

    @property
    def left_behind(self) -> tuple[SourceLine, ...]:
        """The sources that are refused."""
        return tuple(each for each in self.sources if each.standing is Standing.REFUSED)

    @property
    def not_moved(self) -> tuple[SourceLine, ...]:
        """The sources that have not moved, or were not seen since."""
        return tuple(each for each in self.sources if each.standing is not Standing.MOVED)

    @property
    def is_worth_telling(self) -> bool:
        """Whether there is anything to show, or something to do so that there is."""
        return bool(self.sources or self.consumers or (self.is_watched and self.hint))


def usage_of(status: CredentialStatus, now: datetime) -> UsageShown:
    """By what the history has of it."""
    seen = status.life.seen
    usage = status.history.usage_since(seen.promoted_at) if seen else None
    is_watched = in_grace(status, now)
    lines: list[SourceLine] = []
    if is_watched and usage:
        behind = usage.left_behind(now, status.settings.left_behind_after)
        for source in usage.sources:
            standing = source.standing(now)
            if standing is Standing.REFUSED and source not in behind:
                standing = Standing.SILENT
            lines.append(SourceLine(source=source, standing=standing))
    why, hint = "", ""
    if status.settings.has_secret:
        why = _OF_SECRETS
    elif not is_watched:
        why = nobody_logs_in(status.credential) if status.life.revoked else _NOT_WATCHED
    elif usage is None:
        why = _NOT_YET
    elif usage.problem:
        why, hint = usage.problem, usage.hint
    return UsageShown(
        credential=status.credential,
        is_watched=is_watched,
        why_not=why,
        is_hidden=status.settings.has_secret or bool(is_watched and usage and usage.problem),
        hint=hint,
        looked_at=usage.looked_at if usage and is_watched else None,
        is_cut=bool(usage and usage.is_cut),
        sources=tuple(lines),
        consumers=tuple(_consumers(status)),
    )


def sources_by_standing(status: CredentialStatus) -> dict[Standing, int]:
    """How many sources of logins stand where, as of the last look; nothing where nobody looked, or can."""
    seen = status.life.seen
    usage = status.history.usage_since(seen.promoted_at) if seen else None
    if usage is None or usage.looked_at is None or usage.is_hidden:
        return {}
    shown = usage_of(status, usage.looked_at)
    counted = Counter(each.standing for each in shown.sources)
    return {standing: counted[standing] for standing in Standing} if shown.is_watched else {}


def unconfirmed_of(status: CredentialStatus) -> list[str]:
    """The consumers of the configuration that have not said that they log in with the current version."""
    return unconfirmed(status.settings.consumers, status.history.reports, _current(status))


def _current(status: CredentialStatus) -> str:
    return status.current.fingerprint if status.current else ""


def _consumers(status: CredentialStatus) -> Iterable[ConsumerLine]:
    current = _current(status)
    reports = {each.consumer: each for each in status.history.reports}
    names = [*status.settings.consumers, *(name for name in reports if name not in status.settings.consumers)]
    for name in names:
        report = reports.get(name)
        yield ConsumerLine(
            name=name,
            report=report,
            has_moved=report is not None and report.fingerprint == current,
            is_configured=name in status.settings.consumers,
        )
