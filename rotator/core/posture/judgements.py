"""What a rule says of what it looks at, and what that comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rotator.core.posture.facts import Hidden


class Verdict(StrEnum):
    """What came of a check."""

    OK = "ok"
    FINDING = "finding"
    EXCEPTED = "excepted"
    """It would be a finding, and a person said that it is to be so, until a day."""
    HIDDEN = "not visible"
    """What it asks for could not be seen: neither passed nor failed."""


@dataclass(frozen=True)
class Outcome:
    """That something is sound, or not, and what was seen of it."""

    is_sound: bool
    seen: str
    """A sentence."""


Judgement: TypeAlias = "Outcome | Hidden | None"
"""None where a check has nothing to say, such as that of a key about a client secret."""


def sound(seen: str) -> Outcome:
    """All is well."""
    return Outcome(is_sound=True, seen=seen)


def unsound(seen: str) -> Outcome:
    """Something is to be mended."""
    return Outcome(is_sound=False, seen=seen)


def judged(*, is_sound: bool, seen: str) -> Outcome:
    """Either, where the same words tell of both."""
    return Outcome(is_sound, seen)
