"""However a rotation ends badly, and whatever comes on top of it: what is said of it is so.

Real processes on two machines, simulated orgs over HTTPS, and a consumer beside each credential that knows one key and
logs in ten times a second. `python -m tests.worst_hour` goes through the whole product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end import processes
from tests.tiers import more_in_thorough, of_tier
from tests.worst_hour.counts import states, table
from tests.worst_hour.plans import CHOSEN, STANDARD
from tests.worst_hour.telling import Told, told

if TYPE_CHECKING:
    from collections.abc import Iterator

# Most of it is waiting, half a minute of it; where the cores are busy with other tests, it is minutes.
pytestmark = [pytest.mark.timeout(600), more_in_thorough]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Both machines, led to their end."""
    with told(of_tier(STANDARD, thorough=CHOSEN), tmp_path_factory.mktemp("hours")) as led:
        yield led
    processes.end()


def test_a_gap_holds_every_refused_login_and_little_more(both: Told) -> None:
    print(table(both.counts))  # noqa: T201 - for who runs it by hand
    assert {each.life: each.wrong for each in both.counts if each.wrong} == {}
    refused = {each.life for each in both.counts if each.refused}
    assert refused == {each.life for each in both.counts if each.life.endswith("-one")}, "in place alone"


def test_every_surface_says_the_same_and_it_is_so(both: Told) -> None:
    print(states(both.answers))  # noqa: T201
    assert len(both.answers) == len(both.counts) * 5
    assert both.wrong_answers == []
