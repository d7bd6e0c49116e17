"""What may befall a credential whose app is an external client app: one that is read, one that hides, a mixed pair."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.contract.surfaces.gone import lost, org_away, rotated
from tests.contract.surfaces.lives import (
    ONE,
    PAIR,
    Life,
    changed_by_hand,
    crashed,
    expired,
    grown_old,
    halted_after_the_upload,
    never_stored,
    retired_at_once,
    reverted,
    standby_is_unknown,
    valid_from_tomorrow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.services.cycle_bench import CycleBench


def external(one: CycleBench, live: Callable[[CycleBench], object], *apps: str) -> None:
    """The same with apps of the other kind, which show their certificates."""
    one.bench.external = set(apps)
    live(one)


def hidden(one: CycleBench, live: Callable[[CycleBench], object], *apps: str) -> None:
    """The same, and from then on the org does not show what the apps hold."""
    external(one, live, *apps)
    one.bench.hiding = set(apps)


def always_hidden(one: CycleBench, live: Callable[[CycleBench], object], *apps: str) -> None:
    """The same where the org has never shown what the apps hold."""
    one.bench.hiding = set(apps)
    live(one)


def gets_another_consumer_key(one: CycleBench) -> None:
    """Somebody rotates it in Setup."""
    rotated(one)
    one.bench.client_ids[one.bench.current.app] = "another"


def _with(how: Callable[..., None], live: Callable[[CycleBench], object], *apps: str) -> Callable[[CycleBench], None]:
    return lambda one: how(one, live, *apps)


def external_lives() -> Iterator[Life]:
    for name, live, says in (
        ("rotated", rotated, "ok"),
        ("its grace ended at once", retired_at_once, "ok"),
        ("late", partial(grown_old, days=10), "due (warning)"),
        ("expired", expired, "expired"),
        ("drift", changed_by_hand, "drift"),
        ("another consumer key", gets_another_consumer_key, "drift"),
        ("gone from its store", lost, "not stored (critical)"),
        ("never stored", never_stored, "not stored"),
        ("halted after the upload", halted_after_the_upload, "refused"),
        ("its org is away", org_away, "unknown"),
    ):
        yield Life(_with(external, live, "Billing"), says, ONE, f"external: {name}")
    for name, live, says in (
        ("rotated", rotated, "ok"),
        ("its grace ended at once", retired_at_once, "ok"),
        ("drift", changed_by_hand, "drift"),
        ("another consumer key", gets_another_consumer_key, "drift"),
        ("nobody knows what the one that rests holds", standby_is_unknown, "ok"),
        ("halted after the upload", halted_after_the_upload, "halted"),
    ):
        for app in ("Warehouse_A", "Warehouse_B"):
            yield Life(_with(external, live, app), says, PAIR, f"mixed, {app} is external: {name}")
    for name, live, says in (
        ("stored", partial(grown_old, days=365), "ok"),
        ("rotated", rotated, "ok"),
        ("late", partial(grown_old, days=10), "due (warning)"),
        ("very late", partial(grown_old, days=2), "due (critical)"),
        ("expired", expired, "expired"),
        ("not valid before tomorrow", valid_from_tomorrow, "not yet valid"),
        ("changed by hand, which nobody can see", changed_by_hand, "ok"),
        ("another consumer key", gets_another_consumer_key, "drift"),
        ("never stored", never_stored, "not stored"),
        ("gone from its store", lost, "not stored (critical)"),
    ):
        yield Life(_with(hidden, live, "Billing"), says, ONE, f"hidden: {name}")
    for name, live, says in (
        ("rotated", rotated, "ok"),
        ("its grace ended at once", retired_at_once, "ok"),
        ("expired", expired, "expired"),
        ("halted after the upload", halted_after_the_upload, "refused"),
        ("reverted", reverted, "due (warning)"),
        ("killed after the upload, which nobody can see", lambda one: crashed(one, "upload"), "unfinished"),
        ("killed before it was written that it is current", lambda one: crashed(one, "promote"), "unfinished"),
    ):
        yield Life(_with(always_hidden, live, "Billing"), says, ONE, f"always hidden: {name}")
    for apps in (("Warehouse_A",), ("Warehouse_B",), ("Warehouse_A", "Warehouse_B")):
        yield Life(_with(hidden, rotated, *apps), "ok", PAIR, f"hidden pair, {' and '.join(apps)}: rotated")
        yield Life(_with(always_hidden, rotated, *apps), "ok", PAIR, f"always hidden, {' and '.join(apps)}: rotated")
        yield Life(_with(always_hidden, retired_at_once, *apps), "ok", PAIR, f"always hidden, {apps}: ended")
