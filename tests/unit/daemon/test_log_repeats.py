"""What is said again and again is counted; the first of it, and everything else, is written."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.daemon.log_repeats import _KINDS, MINUTE, MOST, LimitingHandler
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Log:
    """A log whose clock is the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.handler = LimitingHandler(self.stream, monotonic=lambda: self.now)
        self.handler.setFormatter(logging.Formatter("%(message)s"))
        self.logger = logging.Logger("rotator.web.guard")  # noqa: LOG001 - one that no other test has
        self.logger.addHandler(self.handler)

    def says(self, message: str, *args: object, **extra: Any) -> None:
        self.logger.warning(message, *args, extra=extra)

    @property
    def lines(self) -> list[str]:
        """What was written since this was last asked."""
        lines = self.stream.getvalue().splitlines()
        self.stream.seek(0)
        self.stream.truncate()
        return lines


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.handler.close()


@longer
def test_of_one_message_some_are_written_and_the_others_are_counted(log: Log) -> None:
    for _ in range(5000):
        log.says("no connection can be taken: %s", "Too many open files")
    assert log.lines == ["no connection can be taken: Too many open files"] * MOST
    log.now = MINUTE
    log.handler.tell()
    log.handler.tell()
    assert log.lines == [
        f"no connection can be taken: Too many open files ... {5000 - MOST} more of these in the last minute"
    ]


def test_the_number_comes_before_what_is_said_next_and_then_it_is_written_again(log: Log) -> None:
    for _ in range(MOST + 3):
        log.says("it is so")
    log.now = MINUTE + 1
    log.says("it is so")
    assert log.lines[MOST:] == ["it is so ... 3 more of these in the last minute", "it is so"]


def test_what_is_said_seldom_is_written_every_time(log: Log) -> None:
    for number in range(50):
        log.now = number * (MINUTE / MOST)
        log.says("it is so")
    assert log.lines == ["it is so"] * 50


def fault(message: str) -> NoReturn:
    raise ValueError(message)


def test_what_differs_in_anything_is_another_message(log: Log) -> None:
    for _ in range(MOST + 1):
        log.says("inventory failed", org="production")
    log.says("inventory failed", org="sandbox")
    log.says("inventory ended", org="production")
    log.logger.error("inventory failed", extra={"org": "production"})
    for reason in ("one", "another"):
        try:
            fault(reason)
        except ValueError:
            log.logger.exception("inventory failed")
    lines = [line for line in log.lines if line.startswith("inventory")]
    assert lines[MOST:] == ["inventory failed", "inventory ended", *["inventory failed"] * 3]
    log.says("no text: \udcff")
    assert log.lines == ["no text: \udcff"]


def test_how_often_an_error_came_again_is_told_without_its_trace(log: Log) -> None:
    for _ in range(MOST + 1):
        try:
            fault("one")
        except ValueError:
            log.logger.exception("inventory failed")
    assert "Traceback (most recent call last):" in log.lines
    log.handler.close()
    assert log.lines == ["inventory failed ... 1 more of these in the last minute"]


def test_what_was_counted_is_told_when_the_log_ends(log: Log) -> None:
    for _ in range(MOST + 1):
        log.says("it is so")
    log.handler.close()
    assert log.lines[-1] == "it is so ... 1 more of these in the last minute"


def test_it_remembers_only_so_many_and_hides_none_for_it(log: Log) -> None:
    for _ in range(MOST + 2):
        log.says("the first")
    for number in range(10 * _KINDS):
        log.says("message %d", number)
    assert len(log.handler._repeats._seen) == _KINDS
    lines = log.lines
    assert lines[MOST : MOST + _KINDS + 2].count("the first ... 2 more of these in the last minute") == 1
    assert len(lines) == MOST + 1 + 10 * _KINDS


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=200))
def test_nothing_is_lost(said: list[tuple[str, float]]) -> None:
    log = Log()
    for word, later in said:
        log.now += later
        log.says(word)
    log.handler.close()
    told = dict.fromkeys("abc", 0)
    for line in log.lines:
        word, _, more = line.partition(" ... ")
        told[word] += int(more.split()[0]) if more else 1
    assert told == {word: [each for each, _ in said].count(word) for word in "abc"}


def test_the_same_sentence_about_another_error_is_another_message(log: Log) -> None:
    def fails(error: Exception) -> None:
        try:
            raise error
        except (ValueError, TypeError):
            log.logger.exception("inventory failed")

    for _ in range(MOST):
        fails(ValueError("one"))
    assert log.lines.count("inventory failed") == MOST
    for error in (ValueError("one"), ValueError("another"), TypeError("one")):
        fails(error)
    assert log.lines.count("inventory failed") == 2


def test_of_each_message_the_number_is_told_when_its_own_minute_is_over(log: Log) -> None:
    for at, word in ((0.0, "first"), (MINUTE / 2, "second")):
        log.now = at
        for _ in range(MOST + 1):
            log.says(word)
    log.lines.clear()
    told = []
    for at in (MINUTE, 1.5 * MINUTE):
        log.now = at
        log.handler.tell()
        told.append([line.partition(" ")[0] for line in log.lines if " ... 1 more" in line])
    assert told == [["first"], ["second"]]
