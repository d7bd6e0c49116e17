"""A simulated org in this process, and processes that work with it up to a call that is waited for."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from rotator.cli.commands.simulator import _fill_store
from rotator.core.credentials import key_version
from rotator.core.logins import LoginOutcome
from rotator.history.engine.database import open_database
from rotator.history.journal.queries import rotations
from rotator.history.journal.verification import verify
from rotator.net.limits import Limits
from rotator.salesforce.login import LoginTarget, prove
from rotator.salesforce.transport import Transport
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving import application
from rotator.simulator.serving.export import Export
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.stores.files.store import FilesStore
from tests.end_to_end.orgs import hosted_orgs
from tests.end_to_end.processes import Process, start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from rotator.core.credentials import KeyVersion
    from rotator.simulator.org.org import Org

DEADLINE: Final = 120.0
"""Seconds after which a test gives up waiting for a process."""

HANG, SLOW = Effect.HANG, Effect.SLOW

Reached = Callable[[tuple[Kind, tuple[str, ...]]], bool]
"""Whether a call, of a kind and about some apps, is the one that is waited for."""


@dataclass
class Place:
    """A simulated org in this process, and what `rotate` works with in others."""

    org: Org
    folder: Path
    _answers: Event = field(default_factory=Event)

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
        here = self.hold(reached, effect, seconds)
        process = self.start(*arguments)
        wait_until(here.is_set, process)
        return process

    def hold(self, reached: Reached, effect: Effect, seconds: float) -> Event:
        """Has the call that is waited for answered late, or not at all; the event says that it has come."""
        here = Event()
        self._answers.clear()

        def take(kind: Kind, apps: Iterable[str]) -> Fault | None:
            if here.is_set() or not reached((kind, tuple(apps))):
                return None
            here.set()
            return Fault(kind, effect, seconds=seconds)

        self.org.faults.take = take  # type: ignore[method-assign] # asked once for each call
        return here

    def answer(self) -> None:
        """Has the call answered now that was to be answered late."""
        self._answers.set()

    def waiting(self, wait: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """In the place of what waits until a client has gone: its time is over as soon as `answer` was called."""

        async def wait_for_either(request: Request) -> Response:
            gone = asyncio.ensure_future(wait(request))
            try:
                while not gone.done():
                    if self._answers.is_set():
                        raise TimeoutError
                    await asyncio.wait({gone}, timeout=0.01)
                return gone.result()
            finally:
                gone.cancel()

        return wait_for_either

    def let_go(self) -> None:
        """No call is waited for any more, and the org takes changes at once."""
        vars(self.org.faults).pop("take", None)
        self.org.settings = OrgSettings()

    def current(self, name: str) -> KeyVersion:
        """The current version."""
        fingerprint = self.store.stages(name).current
        assert fingerprint
        return key_version(self.store.read(name, fingerprint))

    def logs_in(self, version: KeyVersion) -> bool:
        """Whether the org takes the key."""
        target = LoginTarget(version.login_url, version.client_id, version.username, version.audience)
        transport = Transport(ca=self.folder / "ca.pem", limits=Limits(connect=DEADLINE, silence=DEADLINE))
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
    """Reads what the process says until it says this; the rest of it is there still to be read."""
    assert any(text in line for line in process.stderr), f"it never said {text!r}"


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


@contextmanager
def hosted_place(folder: Path, history: Path | None = None) -> Iterator[Place]:
    """A place, with a configuration that verifies at once, and for as long as a busy machine needs.

    `history`: a file with all tables, which it begins with. Without one whoever comes first makes them, which takes
    longer than most commands, and a service starts a process for it.
    """
    export = Export(folder)
    with hosted_orgs(export) as server:
        _fill_store(export, server)
        config = yaml.safe_load(export.config.read_text())
        quick = {"confirmations": 2, "interval": "1s", "hold": "0s", "timeout": "2m"}
        config["rotation"]["verification"] = quick
        export.config.write_text(yaml.safe_dump(config))
        if history:
            shutil.copy(history, export.folder / "rotator.db")
        place = Place(server.org("production"), export.folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(application, "_wait_for_disconnect", place.waiting(application._wait_for_disconnect))
            yield place
