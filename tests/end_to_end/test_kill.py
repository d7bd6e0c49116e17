"""`rotate now` as a process that is killed, interrupted, or started twice: running it again always ends well."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from rotator.cli.simulator import _fill_store
from rotator.core.logins import LoginOutcome
from rotator.history.database import open_database
from rotator.history.queries import rotations, verify
from rotator.salesforce.login import LoginTarget, prove
from rotator.salesforce.transport import Transport
from rotator.simulator.export import Export
from rotator.simulator.faults import Effect, Fault, Kind
from rotator.simulator.hosting import hosted
from rotator.simulator.settings import OrgSettings
from rotator.stores.files import FilesStore
from tests.end_to_end.processes import Process, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rotator.core.credentials import Version
    from rotator.simulator.org import Org

DEADLINE: Final = 60.0
"""Seconds after which a test gives up waiting for a process."""

HANG, SLOW = Effect.HANG, Effect.SLOW

Reached = Callable[[tuple[Kind, tuple[str, ...]]], bool]
"""Whether a call, of a kind and about some apps, is the one that is waited for."""


@dataclass
class Place:
    """A simulated org in this process, and what `rotate` works with in others."""

    org: Org
    folder: Path

    @property
    def store(self) -> FilesStore:
        """Where the versions are."""
        return FilesStore("keys", self.folder / "store")

    def start(self, *arguments: str) -> Process:
        """A process that begins."""
        environ = {**os.environ, "ROTATOR_CONFIG": str(self.folder / "config.yaml"), "COLUMNS": "200"}
        return start("rotate", *arguments, environ=environ)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """A process from beginning to end: its exit code and what it printed."""
        ran = self.start(*arguments).ran()
        return ran.code, ran.out, ran.err

    def start_and_reach(self, reached: Reached, effect: Effect, *arguments: str, seconds: float = DEADLINE) -> Process:
        """A process that has come to a call, whose answer is late by so many seconds, or does not come."""
        here = Event()

        def take(kind: Kind, apps: Iterable[str]) -> Fault | None:
            if here.is_set() or not reached((kind, tuple(apps))):
                return None
            here.set()
            return Fault(kind, effect, seconds=seconds)

        self.org.faults.take = take  # type: ignore[method-assign] # asked once for each call
        process = self.start(*arguments)
        wait_until(here.is_set, process)
        return process

    def current(self, name: str) -> Version:
        """The current version."""
        fingerprint = self.store.stages(name).current
        assert fingerprint
        return self.store.read(name, fingerprint)

    def logs_in(self, version: Version) -> bool:
        """Whether the org takes the key."""
        target = LoginTarget(version.login_url, version.client_id, version.username, version.audience)
        transport = Transport(ca=self.folder / "ca.pem", timeout=(5.0, 5.0))
        try:
            answer = prove(transport, target, version.private_key, self.org.clock())
        finally:
            transport.close()
        return answer.outcome is LoginOutcome.ACCEPTED

    def live(self, app: str) -> str | None:
        """Fingerprint of the live certificate."""
        certificate = self.org.app(app).live_certificate
        return certificate.fingerprint if certificate else None

    def kept(self, name: str) -> set[str]:
        """Every version in the store's folder."""
        return {path.name for path in (self.folder / "store" / name / "versions").iterdir()}

    def outcomes(self, name: str) -> list[str | None]:
        """How the credential's rotations ended, the newest first; the journal is proven on the way."""
        with open_database(f"sqlite:///{self.folder}/rotator.db") as database:
            assert verify(database).intact
            return [rotation.outcome for rotation in rotations(database, name)]


def wait_until(is_so: Callable[[], Any], process: Process) -> None:
    """Looks until something is so. Fails when the process ends before, or nothing happens."""
    for _ in range(int(DEADLINE / 0.005)):
        if is_so():
            return
        if process.poll() is not None:
            pytest.fail(f"it ended with {process.returncode}: {process.communicate()}")
        time.sleep(0.005)
    pytest.fail("it never came so far")


def kill(process: Process) -> None:
    """Ends a process without a word to it."""
    process.kill()
    process.communicate()


def wait_for_line(process: Process, text: str) -> None:
    """Reads what the process says until it says this."""
    assert any(text in line for line in process.stderr), f"it never said {text!r}"


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    export = Export(tmp_path_factory.mktemp("place"))
    with hosted(OrgSettings(), port=0, export=export) as server:
        _fill_store(export, server)
        config = yaml.safe_load(export.config.read_text())
        quick = {"confirmations": 2, "interval": "1s", "hold": "0s", "timeout": "3s"}
        config["rotation"]["verification"] = quick
        export.config.write_text(yaml.safe_dump(config))
        yield Place(server.org("production"), export.folder)


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    """The same place for every test: each rotates what the one before left."""
    yield _place
    vars(_place.org.faults).pop("take", None)
    _place.org.settings = OrgSettings()


def after_promotion(place: Place, name: str) -> Reached:
    """Whether a call comes when another version is current than now."""
    old = place.store.stages(name).current
    return lambda _: place.store.stages(name).current != old


def upload_after_promotion(place: Place, name: str) -> Reached:
    """Whether a certificate is replaced when another version is current than now."""
    is_promoted = after_promotion(place, name)
    return lambda call: call[0] is Kind.SOAP_UPDATE and is_promoted(call)


def about(kind: Kind, app: str = "") -> Callable[[Place], Reached]:
    """The first call of a kind, about an app where one is named."""
    return lambda _: lambda call: call[0] is kind and (not app or app in call[1])


def with_new_key(place: Place) -> Reached:
    """The first login with the key that was uploaded."""
    old = place.live("Billing")
    return lambda call: call == (Kind.TOKEN, ("Billing",)) and place.live("Billing") != old


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


@pytest.mark.parametrize("when", ALTERNATING)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_before_anything_is_half_done_it_stops(place: Place, number: signal.Signals) -> None:
    old = place.current("billing")
    process = place.start_and_reach(about(Kind.TOKEN, "Billing")(place), SLOW, "now", "billing", seconds=2.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "Stopping where nothing is left half done." in err
    assert "interrupted" in out
    assert "rotate finish billing" in out
    assert place.current("billing") == old
    assert place.live("Billing") == old.fingerprint
    assert place.store.stages("billing").pending is None


def test_asked_to_stop_in_the_middle_it_goes_on_until_the_new_version_is_current(place: Place) -> None:
    old = place.current("billing")
    process = place.start_and_reach(about(Kind.SOAP_UPDATE)(place), SLOW, "now", "billing", seconds=2.0)
    process.send_signal(signal.SIGINT)
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


def test_a_new_key_that_never_logs_in_ends_with_the_old_certificate_and_code_4(place: Place) -> None:
    old = place.current("billing")
    place.org.settings = OrgSettings(propagation_seconds=86400.0)
    slot = place.org.app("Billing").slot
    slot.changes = [replace(slot.changes[-1], at=place.org.clock() - timedelta(days=2))]
    code, out, err = place.run("now", "billing")
    assert code == 4, err
    assert "reverted" in out
    assert place.current("billing") == old
    assert place.live("Billing") == old.fingerprint
    assert place.outcomes("billing")[0] == "reverted"
