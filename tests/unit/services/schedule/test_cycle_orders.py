"""Whatever happens in whatever order, what is due has an end, and no version is replaced twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import LoginRefused, OrgUnavailable, StoreUnavailable
from rotator.history.journal.queries import rotations
from rotator.history.journal.verification import verify
from tests.tiers import longer, of_tier
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database

AWAY = OrgUnavailable("The org is away.", rerun="Run it again.")
REFUSED = LoginRefused("The org refuses the login.", hint="Look at the app.")
NO_STORE = StoreUnavailable("The store is away.", hint="Wait.")
TRANSIENT = LoginAnswer(LoginOutcome.TRANSIENT, "busy")


def _org(error: OrgUnavailable | LoginRefused | None) -> Callable[[CycleBench], None]:
    def change(found: CycleBench) -> None:
        found.outside.org_fails = error

    return change


def _store(error: StoreUnavailable | None) -> Callable[[CycleBench], None]:
    def change(found: CycleBench) -> None:
        found.outside.store_fails = error

    return change


def _logins(answer: LoginAnswer | None) -> Callable[[CycleBench], None]:
    def change(found: CycleBench) -> None:
        found.bench.refuses = lambda _: answer

    return change


def _limits(found: CycleBench) -> None:
    found.outside.full_until = found.bench.time + timedelta(hours=3)


HAPPENINGS: dict[str, Callable[[CycleBench], None]] = {
    "org away": _org(AWAY),
    "org refuses": _org(REFUSED),
    "org back": _org(None),
    "store away": _store(NO_STORE),
    "store back": _store(None),
    "logins answer nothing": _logins(TRANSIENT),
    "logins work": _logins(None),
    "limits reached": _limits,
    "restart": CycleBench.restart,
}
PASSING = st.integers(min_value=-5, max_value=90 * 24).map(lambda hours: timedelta(hours=hours))
LIFE = st.lists(st.tuples(PASSING, st.sampled_from(sorted(HAPPENINGS))), min_size=3, max_size=8)


@longer
@settings(
    max_examples=of_tier(2, thorough=6),
    # A life takes a third of a second: shrinking one would take minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(life=LIFE, is_pair=st.booleans())
def test_every_day_has_an_end_and_no_version_is_replaced_twice(
    empty_history: Callable[[], Database], life: list[tuple[timedelta, str]], *, is_pair: bool
) -> None:
    found = cycle_bench(empty_history(), apps="Billing, Billing_B" if is_pair else "Billing")
    found.bench.use("Billing")
    for passing, happening in life:
        HAPPENINGS[happening](found)
        found.bench.time += passing
        found.work()
    for name in ("org back", "store back", "logins work"):
        HAPPENINGS[name](found)
    for _ in range(3):
        found.bench.time += timedelta(days=2)
        found.work()
    made = Counter(each.old_fingerprint for each in rotations(found.context.database) if each.outcome == "rotated")
    assert set(made.values()) <= {1}
    assert found.bench.current.certificate.not_after - found.bench.time > timedelta(days=1)
    assert not found.inventory.failures
    assert not found.rotation.failures
    assert verify(found.context.database).intact
