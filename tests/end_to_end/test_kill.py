"""`rotate now` as a process that is killed, interrupted, or started twice: running it again always ends well."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Kind
from tests.end_to_end.places import (
    DEADLINE,
    HANG,
    SLOW,
    Place,
    Reached,
    about,
    after_promotion,
    kill,
    upload_after_promotion,
    wait_for_line,
    with_new_key,
)
from tests.tiers import standard_first

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


IN_PLACE: Final = {
    "while the answer to the upload is on its way": (about(Kind.SOAP_UPDATE), SLOW),
    "at the first login with the new key": (with_new_key, HANG),
    "after the promotion": (lambda place: after_promotion(place, "billing"), HANG),
}


@pytest.mark.parametrize("when", IN_PLACE)
def test_killed_in_place_and_run_again_it_ends_rotated(place: Place, when: str) -> None:
    old = place.current("billing")
    reached, effect = IN_PLACE[when]
    kill(place.start_and_reach(reached(place), effect, "now", "billing"))
    assert (place.current("billing") != old) == (when == "after the promotion")
    code, out, err = place.run("now", "billing")
    assert code == 0, err
    current = place.current("billing")
    assert f"{old.fingerprint[:12]} -> {current.fingerprint[:12]}" in out
    assert place.live("Billing") == current.fingerprint != old.fingerprint
    assert place.kept("billing") == {current.fingerprint, old.fingerprint}
    assert place.logs_in(current)
    assert not place.logs_in(old)
    assert place.outcomes("billing")[0] == "rotated"


ALTERNATING: Final[dict[str, Callable[[Place], Reached]]] = {
    "while the answer to the upload is on its way": about(Kind.SOAP_UPDATE),
    "while the old key is ended": lambda place: upload_after_promotion(place, "warehouse"),
}


@pytest.mark.parametrize("when", standard_first(ALTERNATING, [*ALTERNATING][-1:]))
def test_killed_while_alternating_and_run_again_it_ends_rotated(place: Place, when: str) -> None:
    old = place.current("warehouse")
    kill(place.start_and_reach(ALTERNATING[when](place), SLOW, "now", "warehouse", "--retire-now"))
    assert place.logs_in(place.current("warehouse")), "`current` logs in at every moment"
    code, _, err = place.run("now", "warehouse", "--retire-now")
    assert code == 0, err
    current = place.current("warehouse")
    assert current.app != old.app
    assert place.live(current.app) == current.fingerprint
    assert place.kept("warehouse") == {current.fingerprint}
    assert place.logs_in(current)
    assert not place.logs_in(old)
    assert place.outcomes("warehouse")[0] == "rotated"


@pytest.mark.parametrize("number", standard_first([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM]))
def test_asked_to_stop_before_anything_is_half_done_it_stops(place: Place, number: signal.Signals) -> None:
    old = place.current("billing")
    process = place.start_and_reach(about(Kind.TOKEN, "Billing")(place), SLOW, "now", "billing")
    process.send_signal(number)
    wait_for_line(process, "Stopping where nothing is left half done.")
    place.answer()
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "interrupted" in out
    assert "rotate finish billing" in out
    assert place.current("billing") == old
    assert place.live("Billing") == old.fingerprint
    assert place.store.stages("billing").pending is None


def test_asked_to_stop_in_the_middle_it_goes_on_until_the_new_version_is_current(place: Place) -> None:
    old = place.current("billing")
    process = place.start_and_reach(about(Kind.SOAP_UPDATE)(place), SLOW, "now", "billing")
    process.send_signal(signal.SIGINT)
    wait_for_line(process, "Stopping where nothing is left half done.")
    place.answer()
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint


def test_interrupted_twice_it_stops_at_once_and_says_what_is_half_done(place: Place) -> None:
    old = place.current("billing")
    process = place.start_and_reach(about(Kind.SOAP_UPDATE)(place), SLOW, "now", "billing")
    process.send_signal(signal.SIGINT)
    wait_for_line(process, "Once more stops at once")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "The app holds a certificate that is not current's" in err
    assert "`rotate finish billing` goes on from there" in err
    assert "Traceback" not in err
    assert place.current("billing") == old
    code, _, err = place.run("finish", "billing")
    assert code == 0, err
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint


def test_of_two_at_once_one_runs_and_the_other_says_so(place: Place) -> None:
    process = place.start_and_reach(about(Kind.SOAP_UPDATE)(place), HANG, "now", "billing")
    code, _, err = place.run("now", "billing")
    assert code == 3
    assert f"The credential billing is being rotated right now, by process {process.pid}" in err
    assert "Traceback" not in err
    kill(process)
    assert place.run("now", "billing")[0] == 0


def impatient(place: Place) -> Path:
    """The configuration of one who waits three seconds for a new key to log in."""
    settings = yaml.safe_load((place.folder / "config.yaml").read_text())
    settings["rotation"]["verification"]["timeout"] = "3s"
    path = place.folder / "impatient.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_a_new_key_that_never_logs_in_ends_with_the_old_certificate_and_code_4(place: Place) -> None:
    old = place.current("billing")
    place.org.settings = OrgSettings(propagation_seconds=86400.0)
    slot = place.org.app("Billing").slot
    slot.changes = [replace(slot.changes[-1], at=place.org.clock() - timedelta(days=2))]
    code, out, err = place.run("--config", str(impatient(place)), "now", "billing")
    assert code == 4, err
    assert "reverted" in out
    assert place.current("billing") == old
    assert place.live("Billing") == old.fingerprint
    assert place.outcomes("billing")[0] == "reverted"
