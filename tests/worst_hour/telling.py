"""Hours that are led to their end: what was counted, what was said, and what was wrong with either."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.contract.servers.mail import mail_server
from tests.worst_hour.counts import Count, count
from tests.worst_hour.hours import hours, led
from tests.worst_hour.surfaces import Answers, Service
from tests.worst_hour.truths import wrong_with_life

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.worst_hour.hours import Hour, Plan


@dataclass(frozen=True)
class Told:
    """All that came of some hours."""

    plans: Sequence[Plan]
    counts: list[Count]
    answers: list[Answers]
    wrong_answers: list[str]


@contextmanager
def told(plans: Sequence[Plan], folder: Path) -> Iterator[Told]:
    """Leads them, and asks all surfaces after each thing that happens."""
    answers: list[Answers] = []
    wrong: list[str] = []

    def ask(hour: Hour, when: str) -> None:
        found = services[hour.plan.name].ask(hour, when)
        for life, each in zip(hour.lives, found, strict=True):
            wrong.extend(wrong_with_life(hour, life, each))
        answers.extend(found)

    with mail_server() as mail, hours(plans, folder, mail) as all_of:
        services = {hour.plan.name: Service(hour.machine, mail) for hour in all_of}
        led(all_of, ask)
        yield Told(plans, [count(hour, life) for hour in all_of for life in hour.lives], answers, wrong)
