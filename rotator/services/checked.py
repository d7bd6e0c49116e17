"""What came of a check that was made before a rotation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rotator.core import words

if TYPE_CHECKING:
    from rotator.config.settings import Settings


class Result(StrEnum):
    """How one check went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """What it rests on failed, or there is nothing to check yet."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    result: Result
    sentence: str
    hint: str = ""


class NothingToCheck(Exception):
    """There is nothing to check yet."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def contents_of(settings: Settings) -> str:
    """What the configuration has, which is sound once it is read."""
    sections = {
        "org": len(settings.orgs),
        "store": len(settings.stores),
        "credential": len(settings.credentials),
        "channel": len(settings.alerts.channels),
    }
    return f"{words.listed(words.count(number, word) for word, number in sections.items())}."
