"""Lives of credentials that a person has revoked, as the history and the apps have it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.crypto.certificates import throwaway
from rotator.core.lifecycle.revocation import EVERY_STEP, RevocationStep
from tests.contract.surfaces.gone import rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.services.cycle_bench import CycleBench


def revoked_after(live: Callable[[CycleBench], object]) -> Callable[[CycleBench], None]:
    """Revoked as a whole after that life."""

    def revoked(one: CycleBench) -> None:
        live(one)
        half_revoked(one, rotates=False)
        for step in EVERY_STEP:
            _record(one, "revoke_step", step=str(step))

    return revoked


def half_revoked(one: CycleBench, *, rotates: bool = True) -> None:
    """The process died before the last step."""
    if rotates:
        rotated(one)
    journal, steps = one.bench.journal, [str(step) for step in EVERY_STEP]
    if begun := journal.open_rotation(one.bench.credential):
        journal.finish_rotation(begun.id, outcome="abandoned", why="It was revoked.", now=one.bench.now())
    _record(one, "revoke_begins", steps=steps, reason="laptop stolen", actor="alex@laptop")
    for app in one.bench.settings.credentials[one.bench.credential].app_names:
        ending = throwaway(now=one.bench.time)
        one.bench.live[app] = ending
        _record(one, "disable", app=app, ended_by=ending.fingerprint)
    _record(one, "revoke_step", step=str(RevocationStep.CERTIFICATE))


def revoked_and_changed(one: CycleBench) -> None:
    """Somebody gave an app of it another certificate afterwards."""
    revoked_after(rotated)(one)
    app = one.bench.settings.credentials[one.bench.credential].app_names[0]
    one.bench.live[app] = one.bench.version(app).certificate


def _record(one: CycleBench, kind: str, **details: object) -> None:
    one.bench.journal.record(kind, now=one.bench.now(), credential=one.bench.credential, **details)  # type: ignore[arg-type]
