"""However a rotation ends badly, and whatever comes on top of it: what is said of it is so.

Real processes on one or two machines, simulated orgs over HTTPS, and a consumer beside each credential that knows one
key and logs in ten times a second. The thorough tier goes through the whole product, as `python -m tests.worst_hour`
does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.tiers import more_in_thorough, of_tier
from tests.worst_hour.counts import states, table
from tests.worst_hour.plans import ALL, CHOSEN, STANDARD
from tests.worst_hour.telling import Told, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worst_hour.hours import Plan

# Most of it is waiting, half a minute of it; where the cores are busy with other tests, it is minutes.
pytestmark = [pytest.mark.timeout(600), more_in_thorough]


LED: Final[list[tuple[Plan, ...]]] = of_tier([STANDARD], thorough=[CHOSEN, *((plan,) for plan in ALL)])
"""Machines that are led side by side: after a bad ending one thing follows on one of them, or much on two.

In the standard tier much on one.
"""


def named(plans: Any) -> str:
    return " and ".join(plan.name for plan in plans)


@pytest.fixture(scope="module", params=LED, ids=named)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The machines, led to their end."""
    with told(request.param, tmp_path_factory.mktemp("hours")) as led:
        yield led


def test_a_gap_holds_every_refused_login_and_little_more(both: Told) -> None:
    print(table(both.counts))  # noqa: T201 - for who runs it by hand
    assert {each.life: each.wrong for each in both.counts if each.wrong} == {}
    refused = {each.life for each in both.counts if each.refused}
    assert refused == {each.life for each in both.counts if each.life.endswith("-one")}, "in place alone"


def test_every_surface_says_the_same_and_it_is_so(both: Told) -> None:
    print(states(both.answers))  # noqa: T201
    assert len(both.answers) == sum(len(plan.rotations) * len(plan.moments) for plan in both.plans)
    assert both.wrong_answers == []
