"""The history of a large installation, as it is after years, written straight into its tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, text, update

from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.decision.options import NO_OPTIONS
from rotator.history.engine.tables import ATTEMPT, CERTIFICATE, EVENT, HEAD, LAST_OBSERVATION, ROTATION, SIGHTING
from rotator.history.engine.times import utc_text
from rotator.history.standstills import Standstills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database

KINDS: Final = (
    *("begin", "observe", "generate", "stage", "upload_begins", "upload", "verify", "promote", "disable", "finish"),
)
"""The events of one rotation."""

_AT_ONCE: Final = 20_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Installation:
    """How large it is."""

    orgs: int
    credentials: int
    apps: int = 20
    """In each org; a credential's app is one of them."""
    events: int = 0
    former: int = 2
    """So many certificates were in the place of each managed app before."""

    @property
    def rotations(self) -> int:
        """All of them ended well."""
        return self.events // len(KINDS)

    def settings(self, folder: Path, database: str = "") -> Settings:
        """Its configuration."""
        login = "{client_id: id, username: robot@example.com, private_key: {file: /nowhere/robot.pem}}"
        orgs = [
            f"  {org(number)}: {{login_url: 'https://{org(number)}.example.com', login: {login}}}"
            for number in range(self.orgs)
        ]
        credentials = [
            f"  {credential(number)}: {{org: {org(number % self.orgs)}, store: disk,"
            f" apps: [{app(number // self.orgs)}], username: robot@example.com}}"
            for number in range(self.credentials)
        ]
        lines = [
            f"database: {database or f'sqlite:///{folder}/rotator.db'}",
            "daemon: {first_rotations_after: 0s}",
            f"stores: {{disk: {{type: files, path: {folder}/store}}}}",
            *("orgs:", *orgs),
            *(("credentials:", *credentials) if credentials else ()),
        ]
        return parse("\n".join(lines) + "\n", folder / "config.yaml")

    def write(self, database: Database, now: datetime) -> None:
        """Fills an empty history."""
        Standstills(database).first_start(Actor("rotator on a benchmark"), now)
        with database.writing() as connection:
            _insert(connection, CERTIFICATE, self._certificates(now))
            _insert(connection, SIGHTING, self._sightings(now))
            _insert(connection, LAST_OBSERVATION, self._observations(now))
            _insert(connection, ATTEMPT, self._attempts(now))
            _insert(connection, ROTATION, self._rotations(now))
            _without_triggers(connection, lambda: _insert(connection, EVENT, self._events(now)))
            connection.execute(update(HEAD).values(events=self.events + 1))
        database.maintain()

    def _places(self) -> Iterator[tuple[int, int]]:
        return ((number, index) for number in range(self.orgs) for index in range(self.apps))

    def _is_managed(self, number: int, index: int) -> bool:
        return index * self.orgs + number < self.credentials

    def _certificates(self, now: datetime) -> Iterator[dict[str, Any]]:
        for number, index in self._places():
            for age in range(1 + self.former * self._is_managed(number, index)):
                yield _certificate(number, index, age, now)

    def _sightings(self, now: datetime) -> Iterator[dict[str, Any]]:
        for number, index in self._places():
            for age in reversed(range(1 + self.former * self._is_managed(number, index))):
                seen = now - age * 90 * _DAY
                yield {
                    "org": org(number),
                    "app": app(index),
                    "type": "ConnectedApp",
                    "fingerprint": fingerprint(number, index, age),
                    "first_seen": seen - 90 * _DAY,
                    "last_seen": seen,
                    "gone_at": seen if age else None,
                    "last_modified_at": None,
                    "last_modified_by": None,
                    "not_after": None,
                    "key_bits": None,
                }

    def _observations(self, now: datetime) -> Iterator[dict[str, Any]]:
        for number in range(self.credentials):
            where, index = number % self.orgs, number // self.orgs
            print_ = fingerprint(where, index, 0)
            held = {"name": app(index), "readable": True, "live": print_, "throwaway": False}
            ends = utc_text(now + _days_left(where, index))
            current = {"fingerprint": print_, "app": app(index), "public_fingerprint": print_, "not_after": ends}
            yield {
                "credential": credential(number),
                "observed_at": now,
                "promoted_at": now - 90 * _DAY,
                "stages": json.dumps({"current": current}),
                "apps": json.dumps([held]),
                "problem": "",
            }

    def _attempts(self, now: datetime) -> Iterator[dict[str, Any]]:
        names = [(kind, org(number)) for kind in ("look", "audit") for number in range(self.orgs)]
        names += [("rotate", credential(number)) for number in range(self.credentials)]
        names += [(kind, "") for kind in ("evaluate", "upkeep", "heartbeat")]
        for kind, name in names:
            yield {
                "kind": kind,
                "name": name,
                "last_at": now,
                "last_good_at": now,
                "failures": 0,
                "lasting": 0,
                "next_at": None,
                "needs_attention": False,
                "problem": "",
                "hint": "",
                "circumstances": "",
            }

    def _rotations(self, now: datetime) -> Iterator[dict[str, Any]]:
        for number in range(self.rotations):
            of = number % self.credentials
            began = now - (self.rotations - number) * timedelta(minutes=10)
            yield {
                "id": rotation(number),
                "credential": credential(of),
                "org": org(of % self.orgs),
                "strategy": "in_place",
                "trigger": "schedule",
                "actor": "rotator on a benchmark",
                "uid": None,
                "login_uid": None,
                "login_name": "",
                "claimed_name": "",
                "reason": "",
                "goal": "replace",
                "replaces": None,
                "brings_back": None,
                "options": NO_OPTIONS,
                "started_at": began,
                "finished_at": began + timedelta(minutes=1),
                "outcome": "rotated",
                "why": "",
                "old_fingerprint": f"{number:064x}",
                "new_fingerprint": f"{number + 1:064x}",
                "gap_seconds": 3.0,
            }

    def _events(self, now: datetime) -> Iterator[dict[str, Any]]:
        for number in range(self.rotations * len(KINDS)):
            of = number // len(KINDS)
            yield {
                "sequence": number + 2,
                "time": now - (self.rotations - of) * timedelta(minutes=10),
                "kind": KINDS[number % len(KINDS)],
                "credential": credential(of % self.credentials),
                "rotation_id": rotation(of),
                "details": '{"version":"' + "0" * 64 + '"}',
                "previous_hash": f"{number:064x}",
                "hash": f"{number + 1:064x}",
                "signature": None,
                "signer": None,
            }


def org(number: int) -> str:
    """Name of an org."""
    return f"org{number:05}"


def app(index: int) -> str:
    """Name of an app in any of them."""
    return f"App_{index:02}"


def credential(number: int) -> str:
    """Name of a credential."""
    return f"credential{number:05}"


def rotation(number: int) -> str:
    """Id of a rotation."""
    return f"20240101-000000-{number:08}"


def fingerprint(number: int, index: int, age: int) -> str:
    """Of the certificate that an app holds, or held so many rotations ago."""
    return f"{number:032x}{index:016x}{age:016x}"


def _days_left(number: int, index: int) -> timedelta:
    """From a hundred days to three years, each at another time of the day."""
    return timedelta(days=100 + (number * 7 + index * 53) % 1000, seconds=(number * 61 + index * 977) % 86_400)


def _certificate(number: int, index: int, age: int, now: datetime) -> dict[str, Any]:
    ends = now + _days_left(number, index) - age * 365 * _DAY
    return {
        "fingerprint": fingerprint(number, index, age),
        "subject": f"CN=app {index} of {org(number)}",
        "issuer": f"CN=app {index} of {org(number)}",
        "not_before": ends - 1200 * _DAY,
        "not_after": ends,
        "key_algorithm": "RSA",
        "key_bits": 2048,
        "signature_algorithm": "sha256WithRSAEncryption",
        "serial_number": f"{number * 1000 + index * 10 + age:x}",
        "first_seen": now - _DAY,
        "last_seen": now,
    }


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            connection.execute(insert(table), some)
            some = []
    if some:
        connection.execute(insert(table), some)


def _without_triggers(connection: Connection, work: Any) -> None:
    """The triggers of the journal cost more than a million of its events; SQLite's are cheap."""
    on_server = connection.dialect.name == "postgresql"
    if on_server:
        connection.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))
    work()
    if on_server:
        connection.execute(text("ALTER TABLE event ENABLE TRIGGER USER"))


def now() -> datetime:
    """The time at which all of it was seen last."""
    return datetime.now(UTC)
