"""However a rotation ends badly, and whatever comes on top of it: what is said of it is so.

Real processes on two machines, simulated orgs over HTTPS, and a consumer beside each credential that knows one key and
logs in ten times a second. `python -m tests.worst_hour` goes through the whole product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end import processes
from tests.worst_hour.counts import Count, count, table
from tests.worst_hour.hours import hours, led
from tests.worst_hour.plans import CHOSEN

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Count]]:
    with hours(CHOSEN, tmp_path_factory.mktemp("hours")) as both:
        led(both)
        yield [count(hour, life) for hour in both for life in hour.lives]
    processes.end()


def test_a_gap_holds_every_refused_login_and_little_more(counts: list[Count]) -> None:
    print(table(counts))  # noqa: T201 - for who runs it by hand
    assert {each.life: each.wrong for each in counts if each.wrong} == {}
    refused = {each.life for each in counts if each.refused}
    assert refused == {each.life for each in counts if each.life.endswith("-one")}, "in place, consumers are refused"
