"""How a revocation ended, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.core.lifecycle.revocation import AccessGrant, RevocationStep
    from rotator.errors import RotatorError


@dataclass(frozen=True)
class RevocationReport:
    """What came of one revocation."""

    credential: str
    steps: tuple[RevocationStep, ...]
    """Those that were asked for."""
    done: tuple[RevocationStep, ...] = ()
    failed: Mapping[RevocationStep, RotatorError] = field(default_factory=dict)
    apps: tuple[str, ...] = ()
    """Those that were given a certificate whose key nobody has."""
    said: str = ""
    """What the org says to a login with the current key."""
    changes: int = 0
    """How often a certificate was replaced, or something taken from its user: the same app may need it twice."""
    proven_after: int | None = None
    """After how many of them every stored key was seen to be refused; None before that."""
    tokens: int = 0
    sessions: int = 0
    withdrawn: tuple[AccessGrant, ...] = ()
    warnings: tuple[str, ...] = ()
    has_secret: bool = False
    """It is a client secret: what `apps` were given is a consumer key and secret."""

    @property
    def is_whole(self) -> bool:
        """Whether every step that was asked for has ended."""
        return not self.failed

    def what(self, step: RevocationStep) -> str:
        """What was done of a step, in a sentence."""
        if step in self.failed:
            return words.sentences(self.failed[step].message, self.failed[step].hint)
        return _WHAT[step](self)

    def warned(self, sentence: str) -> RevocationReport:
        """The same with one more warning."""
        return self if sentence in self.warnings else replace(self, warnings=(*self.warnings, sentence))


def _of_certificate(report: RevocationReport) -> str:
    if report.has_secret:
        return _of_pair(report)
    if not report.apps:
        return "No app of it holds a certificate whose key anybody has."
    return f"{words.listed(report.apps)} got a certificate whose key nobody has."


def _of_pair(report: RevocationReport) -> str:
    if not report.apps:
        return "Its app takes no consumer key and secret already but one that nobody has."
    return f"{words.listed(report.apps)} takes no consumer key and secret any more but one that nobody has."


def _of_tokens(report: RevocationReport) -> str:
    if not report.tokens + report.sessions:
        return "The org shows no token and no session of its user."
    ended = words.count(report.tokens, "token")
    return f"{ended} revoked, {words.count(report.sessions, 'live session')} ended."


def _of_access(report: RevocationReport) -> str:
    if not report.withdrawn:
        return "Nothing lets its user in."
    return f"Withdrawn: {words.listed(map(str, report.withdrawn))}."


_WHAT = {"certificate": _of_certificate, "tokens": _of_tokens, "access": _of_access}
