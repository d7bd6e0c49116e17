"""What is in its store, and what becomes of a credential whose store, version or org is away or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import Stages
from rotator.errors import OrgUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import KeyVersion
    from tests.unit.services.cycle_bench import CycleBench


def stored(one: CycleBench, *, days: float = 365) -> KeyVersion:
    """The first app is in use, with a certificate that has so many days left."""
    bench = one.bench
    version = bench.version(bench.settings.credentials[bench.credential].app_names[0], days=round(days))
    bench.store.put_pending(version)
    bench.store.promote(bench.credential, version.fingerprint, replaces=None)
    bench.live[version.app] = version.certificate
    return version


def rotated(one: CycleBench) -> None:
    stored(one)
    one.bench.handle()


def lost(one: CycleBench) -> None:
    rotated(one)
    one.bench.store.staged = Stages()


def lost_after(live: Callable[[CycleBench], None]) -> Callable[[CycleBench], None]:
    """The file system of the store is not mounted any more, in the middle of a rotation."""

    def live_and_lose(one: CycleBench) -> None:
        live(one)
        one.bench.store.staged = Stages()

    return live_and_lose


def store_away(one: CycleBench) -> None:
    rotated(one)
    one.cycle.take_inventory("production")
    one.outside.store_fails = StoreUnavailable("The store is away.", hint="Wait.")


def damaged(one: CycleBench) -> None:
    rotated(one)
    one.cycle.take_inventory("production")
    del one.bench.store.versions[one.bench.store.staged.current or ""]


def org_away(one: CycleBench) -> None:
    rotated(one)
    one.cycle.take_inventory("production")
    one.outside.org_fails = OrgUnavailable("The org is away.", hint="Wait.")
