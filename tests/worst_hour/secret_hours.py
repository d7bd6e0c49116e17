"""The worst hour of a client secret: a rotation of it ends badly, and more follows, in one process and in no time."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rotator.cli.output import status_table
from rotator.core.actor import Actor
from rotator.errors import RotatorError
from rotator.history.journal.queries import rotations
from rotator.history.journal.verification import verify
from rotator.salesforce.client_secrets import State
from rotator.services.alerting.rules import open_alerts
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from tests.contract.surfaces.asking import Shown, states_of_the_credential
from tests.rotation.secret_ground import NAME, READS, Crash, Died, SecretGround
from tests.worst_hour.hours import BAD_ENDING, HOUR, Following
from tests.worst_hour.surfaces import Answers, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotator.alerts.base import Message
    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus
    from tests.worst_hour.secret_endings import SecretEnding

_T = TypeVar("_T")

_CHANNEL: Final = "alerts: {channels: {mail: {type: slack-webhook, url: {env: WEBHOOK}}}}"
_KILLED_AT: Final = 4
"""The number of the call that changes something at which a process is killed; or it ends before."""
_DELIVERIES: Final = 3


@dataclass
class Mailbox:
    """A channel that accepts everything (`rotator.alerts.base.Channel`)."""

    name: str = "mail"
    has_threads: bool = False
    digest_from: int = 100
    arrived: list[Message] = field(default_factory=list)

    def send(self, message: Message, *, thread: str | None) -> str:  # noqa: ARG002 - there are none
        self.arrived.append(message)
        return ""

    def send_digest(self, messages: Sequence[Message]) -> str:
        self.arrived += messages
        return ""

    def check(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Run(Crash):
    """The calls of one process: they may meet trouble, and a consumer logs in after each that changes something."""

    hour: SecretHour | None = None
    clock_set_by: timedelta | None = None
    """By how much somebody sets the clock of its machine, in the middle of it."""

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Crash."""
        assert self.hour
        hour = self.hour
        if hour.is_in_trouble and hour.ending.has_begun and (error := hour.ending.meets(name)):
            raise error
        try:
            return super().call(name, call)
        finally:
            if self.clock_set_by is not None:
                hour.ground.off, self.clock_set_by = self.clock_set_by, None
            if hour.is_in_trouble and name == hour.ending.begins_after:
                hour.begin_trouble()
            if name.partition(".")[2] not in READS:
                hour.log_in()


@dataclass
class SecretHour(Shown):
    """One credential, from before its rotation until it is well again."""

    ground: SecretGround
    ending: SecretEnding
    is_in_trouble: bool = True
    logins: int = 0
    refused: list[str] = field(default_factory=list)
    """The calls after which a plain consumer was refused, though nobody had ended its logins by hand."""
    processes: int = 0
    mailbox: Mailbox = field(default_factory=Mailbox)
    _calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ground.begin()
        self.ground.sections = _CHANNEL
        self.ground.handle("enroll")
        with self.ground.program() as app:
            self._settings, self._database = app.settings, app.database
        self._cycle = Cycle(
            ServiceContext(
                settings=self._settings,
                database=self._database,
                open_adapters=self._adapters,
                now=self.ground.now,
                random=lambda: 0.5,
                actor=Actor("rotator on a machine"),
            )
        )

    @contextmanager
    def _adapters(self, *, limited: bool = False) -> Iterator[Application]:  # noqa: ARG002 - nothing is limited here
        with self.ground.program() as app:
            app.__dict__["channel"] = lambda _name: self.mailbox
            yield app

    @property
    def now(self) -> datetime:
        """See Shown."""
        return self.ground.now()

    @property
    def name(self) -> str:
        """See Shown."""
        return NAME

    @property
    def settings(self) -> Settings:
        """See Shown."""
        return self._settings

    @property
    def database(self) -> Database:
        """See Shown."""
        return self._database

    def status(self) -> CredentialStatus:
        """See Shown."""
        with self.ground.program() as app:
            [one] = app.statuses([NAME], self.now)
            return one

    def begin_trouble(self) -> None:
        """What happens once."""
        if not self.ending.has_begun:
            self.ending.has_begun = True
            self.ending.begin(self.ground)

    def log_in(self) -> None:
        """What a consumer of `current` does; while it cannot read the store, it uses what it has."""
        with suppress(RotatorError):
            if self.ground.stages().current:
                self._version: Any = self.ground.version("current")
        self.logins += 1
        if not self.ground.logs_in(self._version) and not self._may_be_refused:
            self.refused.append(self._calls[-1] if self._calls else "the beginning")

    @property
    def _may_be_refused(self) -> bool:
        is_ended_by_hand = self.ending.is_refused_by_hand and self.ending.has_begun and self.is_in_trouble
        return is_ended_by_hand or any(self.ground.org.faults)

    def leads(self, followings: Sequence[Following]) -> Iterator[Answers]:
        """The rotation ends badly, these follow, and all is mended; what is said after each."""
        if not self.ending.begins_after:
            self.begin_trouble()
        self._run("replace")
        yield self.asked(BAD_ENDING)
        for following in followings:
            self._follows(following)
            yield self.asked(following.value)
        if Following.MENDED not in followings:
            self._follows(Following.MENDED)
            yield self.asked(Following.MENDED.value)

    def _follows(self, what: Following) -> None:
        match what:
            case Following.NOTHING:
                pass
            case Following.CRASH:
                self._run("replace", at=_KILLED_AT)
            case Following.FORWARD:
                self._run("replace", clock_set_by=HOUR)
            case Following.BACK:
                self._run("replace", clock_set_by=-HOUR)
            case Following.AGAIN:
                self._run("replace")
            case Following.MENDED:
                self.ground.off = max(self.ground.off, timedelta(0))
                if self.ending.has_begun:
                    self.ending.mend(self.ground)
                self.is_in_trouble = False
                self._run("")
                self._run("restore")

    def _run(self, goal: str, *, at: int = 0, clock_set_by: timedelta | None = None) -> None:
        """A process from beginning to end."""
        self.processes += 1
        run = Run(at, hour=self, clock_set_by=clock_set_by)
        self._calls = run.calls
        with suppress(Died, RotatorError):
            self.ground.handle(goal, crash=run)
        self.log_in()

    def asked(self, when: str) -> Answers:
        """What is said on all surfaces, after the service has looked, and told what it has to."""
        self._cycle.take_inventory("production")
        self._cycle.evaluate()
        for _ in range(_DELIVERIES):
            self._cycle.deliver("mail")
        status = self.status()
        as_json = status_table.as_json(status, self.now)
        mine = rotations(self._database, NAME)
        newest = next((each for each in mine if each.outcome is None), mine[0])
        return Answers(
            when,
            NAME,
            is_refused=bool(self.refused),
            is_away=any(self.ground.org.faults),
            states=states_of_the_credential(self),
            refused_since={"json": as_json["refused_since"], "metrics": Metrics(self.scrape()).refused_since(NAME)},
            has_halted=as_json["halted_since"] is not None,
            history=status.ending_of(newest),
            is_current_known=newest.new_fingerprint == as_json["stages"]["current"],
            alerts=tuple(each for each in open_alerts(self._database, self._settings) if each.credential == NAME),
            mails=tuple(f"{each.title}\n{each.text}" for each in self.mailbox.arrived),
        )

    def wrong_at_the_end(self) -> Iterator[str]:
        """What is not as it was before, or better."""
        for call in self.refused:
            yield f"a consumer of `current` was refused after {call}"
        stages = self.ground.stages()
        if stages.pending or self.ground.second(State.STAGED):
            yield f"something is left: {stages}"
        if any(each.gap_seconds for each in rotations(self._database, NAME)):
            yield "the history knows of a gap"
        if not verify(self._database).intact:
            yield "the history is not intact"
