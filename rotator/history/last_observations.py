"""How each credential was last observed, so that what reads the history alone says the same as who observes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from rotator.core.credentials import Stage
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCredential
from rotator.history.engine.row_reading import RowReader, columns_of, of_names
from rotator.history.engine.tables import LAST_OBSERVATION
from rotator.history.engine.times import utc_text, utc_time
from rotator.history.engine.transactions import Within
from rotator.history.journal.chain import storable
from rotator.history.sightings import record_sightings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

    from rotator.core.observed import ObservedCertificate
    from rotator.history.engine.transactions import Transactions

_THIS: Final = LAST_OBSERVATION.c.credential == bindparam("its_name")
_ALL: Final = select(LAST_OBSERVATION)
_OF_NAMES: Final = of_names(_ALL, LAST_OBSERVATION.c.credential)
_GET: Final = _ALL.where(_THIS)
_CHANGE: Final = update(LAST_OBSERVATION).where(_THIS)
_ADD: Final = insert(LAST_OBSERVATION)
_OLD: Final = "with_old_client_id"
_UNSEEN: Final = {"observed_at": None, "promoted_at": None, "stages": "{}", "apps": "[]", "problem": ""}


@dataclass(frozen=True)
class LastObservation:
    """What is known of one credential from its last observation."""

    seen: ObservedCredential | None = None
    """None where no observation has ever shown all of it."""
    problem: str = ""
    """Why it could not be seen since, in a person's words; empty where it could."""


class LastObservations:
    """The credentials as they were last seen. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def put(self, name: str, seen: ObservedCredential, observed_at: datetime, now: datetime) -> None:
        """Keeps what was seen at `observed_at`, unless somebody has kept a later observation meanwhile.

        A later one that lies in the future of `now` shows a clock that was set back, and does not count.
        """
        values = {"observed_at": observed_at, "promoted_at": seen.promoted_at, "problem": "", **_as_json(seen)}
        with self._database.writing() as connection:
            known = connection.execute(_GET, {"its_name": name}).first()
            if known is None:
                connection.execute(_ADD, {"credential": name, **values})
            elif not (isinstance(known.observed_at, datetime) and observed_at < known.observed_at <= now):
                connection.execute(_CHANGE, {"its_name": name, **values})

    def put_problem(self, name: str, problem: str) -> None:
        """Notes why it cannot be seen; what was seen before stays known."""
        why = storable(problem)
        with self._database.writing() as connection:
            if not connection.execute(_CHANGE, {"its_name": name, "problem": why}).rowcount:
                connection.execute(_ADD, {"credential": name, **_UNSEEN, "problem": why})

    def all(self, names: Collection[str] | None = None) -> dict[str, LastObservation]:
        """Those of some credentials, or all that there are, by name."""
        query, parameters = _OF_NAMES(names)
        with self._database.reading() as connection:
            return dict(OBSERVATIONS.read(connection, query, **parameters))

    def with_pending(self) -> set[str]:
        """The credentials that had a version pending."""
        query = select(LAST_OBSERVATION.c.credential).where(LAST_OBSERVATION.c.stages.contains(f'"{Stage.PENDING}"'))
        with self._database.reading() as connection:
            return set(connection.scalars(query))

    def get(self, name: str) -> LastObservation:
        """That of one; one that shows nothing where there is none."""
        with self._database.reading() as connection:
            found = OBSERVATIONS.first(connection, _GET, its_name=name)
        return found[1] if found else LastObservation()


def note_observation(
    database: Transactions, name: str, seen: ObservedCredential, held: Sequence[ObservedCertificate], now: datetime
) -> None:
    """Notes how a credential was just seen, and what its apps held. Raises HistoryError or HistoryUnavailable."""
    with database.writing() as connection:
        here = Within(connection)
        record_sightings(here, held, now)
        LastObservations(here).put(name, seen, now, now)


def _as_json(seen: ObservedCredential) -> dict[str, str]:
    staged = {stage: getattr(seen, stage.value) for stage in Stage}
    stages = {stage: _version_as_json(version) for stage, version in staged.items() if version}
    return {"stages": json.dumps(stages), "apps": json.dumps([_app_as_json(app) for app in seen.apps.values()])}


def _app_as_json(app: ObservedApp) -> dict[str, Any]:
    """Only what is otherwise than where nothing is said of it: a release beside this one may not know a new field."""
    return {each.name: value for each in fields(app) if (value := getattr(app, each.name)) != each.default}


def _version_as_json(version: KnownVersion) -> dict[str, str | None]:
    begins = utc_text(version.not_before) if version.not_before else None
    return asdict(version) | {"not_after": utc_text(version.not_after), "not_before": begins}


def _last_observation(values: dict[str, Any]) -> tuple[str, LastObservation]:
    name, problem = values["credential"], values["problem"]
    if values["observed_at"] is None:
        return name, LastObservation(problem=problem)
    seen = ObservedCredential(values["apps"], **values["stages"], promoted_at=values["promoted_at"])
    return name, LastObservation(seen, problem)


def _unknown(_connection: Connection, values: dict[str, Any]) -> tuple[str, LastObservation] | None:
    why = "What was last seen of it cannot be read in the history."
    return (values["credential"], LastObservation(problem=why)) if "credential" in values else None


def _apps(text: str) -> dict[str, ObservedApp]:
    # A release that comes later may say more of an app.
    known = {each.name for each in fields(ObservedApp)}
    apps = [
        ObservedApp(**{name: each[name] for name in known & each.keys()} | {_OLD: tuple(each.get(_OLD, ()))})
        for each in json.loads(text)
    ]
    flags = [flag for app in apps for flag in (app.readable, app.throwaway, app.hidden, app.refuses_stored, app.ours)]
    fingerprints = [each for app in apps for each in (app.live, *app.with_old_client_id) if each is not None]
    _require(str, [*(app.name for app in apps), *fingerprints])
    _require(bool, flags)
    return {app.name: app for app in apps}


def _versions(text: str) -> dict[str, KnownVersion]:
    return {Stage(stage).value: _version(each) for stage, each in json.loads(text).items()}


def _version(fields: dict[str, Any]) -> KnownVersion:
    begins = fields.get("not_before")
    dates = {"not_after": utc_time(fields["not_after"]), "not_before": utc_time(begins) if begins else None}
    version = KnownVersion(**fields | dates)
    _require(str, [version.fingerprint, version.app, version.public_fingerprint])
    return version


def _require(kind: type, values: Iterable[object]) -> None:
    if not all(isinstance(value, kind) for value in values):
        raise TypeError


OBSERVATIONS: Final = RowReader(
    columns_of(LAST_OBSERVATION),
    _last_observation,
    parse={"apps": _apps, "stages": _versions},
    spare={"promoted_at": None, "problem": ""},
    instead=_unknown,
)
