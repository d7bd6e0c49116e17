"""SIGTERM while `rotator run` rotates: it ends where nothing is half done, says where, and the next start finishes."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from rotator.application import Application
from rotator.daemon.start import serve_once
from rotator.services.schedule.jobs import CycleEnd
from rotator.simulator.wire.faults import Kind
from tests.end_to_end.daemons import Daemon, configured, exits, running
from tests.end_to_end.places import (
    DEADLINE,
    SLOW,
    Place,
    Reached,
    about,
    after_promotion,
    upload_after_promotion,
    with_new_key,
)
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from pathlib import Path

_turns: Final = itertools.count(4)


def due(place: Place, name: str) -> Path:
    """A service with one credential, which is due: the versions that it makes live longer from test to test."""
    turn = next(_turns)
    settings = yaml.safe_load((place.folder / "config.yaml").read_text())
    ages = {"lifetime": f"{100 * (turn + 1)}d", "rotate_before": f"{100 * turn + 50}d", "grace": "0s"}
    return configured(
        place,
        f"{name}-{turn}",
        orgs={"production": settings["orgs"]["production"]},
        credentials={name: settings["credentials"][name]},
        rotation={**settings["rotation"], **ages},
    )


def finish(config: Path) -> CycleEnd:
    """What the next start does first."""
    with Application.configured(config) as app:
        return serve_once(app, lambda: False, exit_at_once=exits)


def stopped(place: Place, config: Path, reached: Reached, step: str) -> Daemon:
    """A service that was asked to stop when it came to a call of a rotation."""
    here = place.hold(reached, SLOW, DEADLINE)
    with running(config) as daemon:
        daemon.comes(here.is_set)
        daemon.process.send_signal(signal.SIGTERM)
        told = daemon.hears("STOPPING=1")
        place.answer()
        assert f"STATUS=stopping: the rotation of {config.stem.partition('-')[0]} is at {step}, and " in told
        assert daemon.ended() == 0, daemon.events
        assert daemon.events[-1]["event"] == "ended"
        return daemon


def generated(place: Place) -> Reached:
    """The look at the app when a new key pair is in the store."""
    return lambda call: call == (Kind.SOAP_READ, ("Billing",)) and place.store.stages("billing").pending is not None


BEFORE: Final = {
    "verify": about(Kind.TOKEN, "Billing"),
    "generate": generated,
}


@pytest.mark.parametrize("step", standard_first(BEFORE, ["generate"]))
def test_before_the_upload_it_ends_there_and_the_next_start_finishes(place: Place, step: str) -> None:
    old, config = place.current("billing"), due(place, "billing")
    stopped(place, config, BEFORE[step](place), step)
    assert place.current("billing") == old
    assert place.live("Billing") == old.fingerprint
    assert place.outcomes("billing")[0] is None
    place.let_go()
    assert finish(config) is CycleEnd.WELL
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint
    assert place.outcomes("billing")[0] == "rotated"


MIDDLE: Final = {
    "upload": about(Kind.SOAP_UPDATE),
    "verify": with_new_key,
}


@pytest.mark.parametrize("step", standard_first(MIDDLE, ["upload"]))
def test_between_upload_and_promotion_it_goes_on_until_the_new_key_is_current(place: Place, step: str) -> None:
    old = place.current("billing")
    daemon = stopped(place, due(place, "billing"), MIDDLE[step](place), step)
    assert "EXTEND_TIMEOUT_USEC=60000000" in daemon.told
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint
    assert place.logs_in(place.current("billing"))


def test_at_the_promotion_it_ends_with_the_new_key_current_and_the_next_start_retires_the_old_one(
    place: Place,
) -> None:
    old, config = place.current("billing"), due(place, "billing")
    stopped(place, config, after_promotion(place, "billing"), "promote")
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint
    place.let_go()
    assert finish(config) is CycleEnd.WELL
    assert place.kept("billing") == {place.current("billing").fingerprint}
    assert place.outcomes("billing")[0] == "rotated"


@thorough
def test_while_an_old_key_is_retired_nobody_is_refused_and_the_next_start_finishes(place: Place) -> None:
    old, config = place.current("warehouse"), due(place, "warehouse")
    stopped(place, config, upload_after_promotion(place, "warehouse"), "disable")
    current = place.current("warehouse")
    assert current.app != old.app
    assert place.logs_in(current)
    place.let_go()
    assert finish(config) is CycleEnd.WELL
    assert place.kept("warehouse") == {current.fingerprint}
    assert not place.logs_in(old)
    assert place.outcomes("warehouse")[0] == "rotated"


@thorough
def test_asked_twice_it_ends_at_once_and_the_next_start_finishes(place: Place) -> None:
    old, config = place.current("billing"), due(place, "billing")
    here = place.hold(about(Kind.SOAP_UPDATE)(place), SLOW, DEADLINE)
    with running(config) as daemon:
        daemon.comes(here.is_set)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.hears("STOPPING=1")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.ended() == 130
        assert "the rotation of billing is at upload" in daemon.events[-1]["event"]
        assert "`rotate finish`" in daemon.events[-1]["hint"]
    assert place.current("billing") == old
    place.let_go()
    assert finish(config) is CycleEnd.WELL
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint
