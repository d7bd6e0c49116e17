"""What came of a check that was made before a rotation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
