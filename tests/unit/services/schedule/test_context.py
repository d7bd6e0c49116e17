"""What is kept of an attempt that failed, for whoever decides whether to try again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.errors import LoginRefused, OrgUnavailable, RotatorError
from rotator.services.schedule.jobs import JobKind
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

NEVER_TRIED = AttemptRecord(JobKind.ROTATE, "billing")


@pytest.mark.parametrize(
    ("error", "lasting"),
    [(OrgUnavailable("The org is away.", hint="Wait."), 0), (LoginRefused("It refuses.", hint="Look at the app."), 1)],
    ids=["away for a while", "until a person mends it"],
)
def test_a_failure_is_kept_with_what_was_observed_then(database: Database, error: RotatorError, lasting: int) -> None:
    failed = cycle_bench(database).context.failed(NEVER_TRIED, error, circumstances="a digest")
    assert (failed.problem, failed.hint) == (error.message, error.hint)
    assert (failed.circumstances, failed.lasting) == ("a digest", lasting)
    assert cycle_bench(database).context.failed(NEVER_TRIED, error).circumstances == ""


@pytest.mark.parametrize("after", [1, 2])
def test_a_person_is_called_after_as_many_failures_as_are_configured(database: Database, after: int) -> None:
    context = cycle_bench(database, daemon=f", back_off: {{attention_after: {after}}}").context
    attempt = NEVER_TRIED
    for failures in range(1, 4):
        attempt = context.failed(attempt, LoginRefused("It refuses.", hint="Look at the app."))
        assert attempt.needs_attention is (failures >= after)
