"""Writing down what was done: rotations, and the append-only journal of events."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import WRITES, ActionKind, begins
from rotator.core.lifecycle.revocation import RevocationStep
from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.history.engine.tables import EVENT, ROTATION
from rotator.history.journal.chain import refuse_private_keys, refuse_secrets, storable
from rotator.history.journal.credential_rows import credential_record, credential_records
from rotator.history.journal.events import Entry, append
from rotator.history.journal.projection import STEP_REVOKED
from rotator.history.journal.readers import EVENTS, ROTATIONS, rotation_by_events
from rotator.history.records import GOALS, JSON, OUTCOMES, TRIGGERS, NewRotation, Rotation, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from rotator.core.lifecycle.revocation import Revocation
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.records import Event

PROMOTION: Final = "promote"
"""Kind of the event that is recorded when a version was promoted."""

STAGING: Final = begins(ActionKind.STAGE)
"""Kind of the event that is recorded before an org is asked to stage a pair of consumer key and secret."""

WRONG_KEY: Final = "wrong_key"
"""Detail of the test login at which an app has said what it says of a version's key while that is wrong."""

DEPLOYMENT: Final = "deployment"
"""Kind of the events of a deployment, which takes effect later than it begins (`state`: `begins`, `begun`, `ended`)."""

EXPORT: Final = "export"
"""Kind of the event that is recorded before a private key leaves the store."""

_ROTATION: Final = select(ROTATION).where(ROTATION.c.id == bindparam("its_id"))
_OPEN_ROTATION: Final = (
    select(ROTATION)
    .where(ROTATION.c.credential == bindparam("its_credential"), ROTATION.c.outcome.is_(None))
    .order_by(ROTATION.c.started_at.desc(), ROTATION.c.id.desc())
    .limit(1)
)
_WRONG_KEYS: Final = (
    select(EVENT)
    .where(EVENT.c.credential == bindparam("its_credential"), EVENT.c.details.contains(f'"{WRONG_KEY}"'))
    .order_by(EVENT.c.sequence)
)
_PROMOTIONS: Final = (
    select(EVENT)
    .where(EVENT.c.credential == bindparam("its_credential"), EVENT.c.kind == PROMOTION)
    .order_by(EVENT.c.sequence.desc())
)


class Journal:
    """Writes rotations and events, and reads what a rotation needs of them. Every method raises HistoryError."""

    def __init__(self, database: Transactions, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._database: Final = database
        self._random_bytes: Final = random_bytes

    def begin_rotation(self, new: NewRotation, now: datetime) -> Rotation:
        """Writes down that a rotation begins, with an event `begin`, and gives it its id.

        Raises ValueError for a trigger or a goal that there is not.
        """
        if new.trigger not in TRIGGERS or new.goal not in GOALS:
            raise ValueError(f"no trigger or no goal: {new.trigger!r}, {new.goal!r}")
        new = replace(
            new,
            actor=storable(new.actor),
            login_name=storable(new.login_name),
            claimed_name=storable(new.claimed_name),
            reason=storable(new.reason),
        )
        rotation = Rotation(id=rotation_id(now, self._random_bytes), started_at=now.astimezone(UTC), **vars(new))
        refuse_secrets(rotation.reason)
        refuse_private_keys(rotation.actor, rotation.claimed_name)
        with self._database.writing() as connection:
            connection.execute(insert(ROTATION), vars(rotation))
            append(connection, Entry("begin", now, rotation.credential, rotation.id, _beginning(new)))
        return rotation

    def finish_rotation(
        self,
        rotation_id: str,
        *,
        outcome: str,
        now: datetime,
        why: str = "",
        old_fingerprint: str | None = None,
        new_fingerprint: str | None = None,
        gap_seconds: float | None = None,
        stop: Stop | None = None,
    ) -> Rotation:
        """Writes down how a rotation ended, with an event `finish`.

        `outcome` is one of OUTCOMES; `gap_seconds` how long consumers may have been refused; `stop` why a person is
        needed. Raises HistoryError for a rotation that is not there or has an outcome already, ValueError for an
        outcome that there is not.
        """
        if outcome not in OUTCOMES:
            raise ValueError(f"no outcome: {outcome!r}")
        why = storable(why)
        refuse_private_keys(why, *_stop(stop).values())
        ending: dict[str, JSON] = {
            "outcome": outcome,
            "why": why,
            "old_fingerprint": old_fingerprint,
            "new_fingerprint": new_fingerprint,
            "gap_seconds": gap_seconds,
        }
        with self._database.writing() as connection:
            rotation = _find(connection, rotation_id)
            if rotation.outcome is not None:
                raise _finished_already(rotation)
            this = ROTATION.c.id == rotation_id
            connection.execute(update(ROTATION).where(this), {"finished_at": now, **ending})
            told = _known({**ending, **_stop(stop)})
            append(connection, Entry("finish", now, rotation.credential, rotation_id, told))
            return _find(connection, rotation_id)

    def record(
        self,
        kind: str,
        *,
        now: datetime,
        credential: str | None = None,
        rotation_id: str | None = None,
        **details: JSON,
    ) -> Event:
        """Appends an event.

        Raises HistoryError when the details hold a secret, TypeError or ValueError when JSON cannot hold them.
        """
        with self._database.writing() as connection:
            return append(connection, Entry(kind, now, credential, rotation_id, details))

    def rotation(self, rotation_id: str) -> Rotation:
        """The rotation of that id. Raises HistoryError when there is none."""
        with self._database.reading() as connection:
            return _find(connection, rotation_id)

    def open_rotation(self, credential: str) -> Rotation | None:
        """The credential's newest rotation without an outcome: running, or interrupted.

        What it wants is what its events say, which are in the chain, whatever its row says.
        """
        with self._database.reading() as connection:
            found = ROTATIONS.first(connection, _OPEN_ROTATION, its_credential=credential)
            return _as_its_events_say(connection, found) if found else None

    def last_promotion(self, credential: str) -> datetime | None:
        """When a version of the credential was last promoted.

        That is the time of its newest event of kind `promote`, those with the detail `succeeded: false` left out.
        """
        newest = self._newest_promotion(credential)
        return newest[0] if newest else None

    def promoted_version(self, credential: str) -> str | None:
        """Fingerprint of the version that was last promoted, as far as the history knows."""
        newest = self._newest_promotion(credential)
        return str(newest[1]["version"]) if newest and newest[1].get("version") else None

    def credential_record(self, credential: str) -> CredentialRecord:
        """What was last learnt of a credential, and what is open."""
        with self._database.reading() as connection:
            return credential_record(connection, credential)

    def revocations(self) -> dict[str, Revocation]:
        """What was revoked of all credentials, by the credential."""
        with self._database.reading() as connection:
            known = credential_records(connection)
        return {name: each.revoked for name, each in known.items() if each.revoked}

    def wrong_key_words(self, credential: str) -> dict[Fingerprint, str]:
        """What an app said of the key of each version that was tried before its certificate was there."""
        with self._database.reading() as connection:
            found = [event.details for event in EVENTS.read(connection, _WRONG_KEYS, its_credential=credential)]
        return {Fingerprint(str(details.get("version"))): str(details.get("answer")) for details in found}

    def last_sent(self, credential: str) -> dict[str, Fingerprint | None]:
        """The version whose certificate each app was sent last, however that went; None for a throwaway one."""
        with self._database.reading() as connection:
            found = list(EVENTS.read(connection, _newest_first(credential, *map(begins, WRITES))))
        return {
            str(event.details.get("app")): None
            if event.kind == begins(ActionKind.DISABLE)
            else Fingerprint(str(event.details.get("version")))
            for event in reversed(found)
        }

    def is_staging(self, credential: str) -> bool:
        """Whether a pair of consumer key and secret was being staged, and it was never learnt what came of it.

        A revocation that has ended the pairs of its app has ended that one as well.
        """
        query = _newest_first(credential, STAGING, "stage", "unstage", STEP_REVOKED)
        with self._database.reading() as connection:
            for event in EVENTS.read(connection, query):
                is_other_step = event.kind == STEP_REVOKED and event.details.get("step") != RevocationStep.CERTIFICATE
                has_failed = event.details.get("succeeded") is False and not event.details.get("undone")
                if event.kind == STAGING or not (has_failed or is_other_step):
                    return event.kind == STAGING
        return False

    def gap_counter(self, credential: str) -> str:
        """What the machine had counted when the newest gap began (`RunClock.counter`); empty where that is unknown."""
        with self._database.reading() as connection:
            for event in EVENTS.read(connection, _newest_first(credential, begins(ActionKind.UPLOAD))):
                if event.details.get("opens_gap"):
                    return str(event.details.get("counter", ""))
        return ""

    def unended_deployment(self, credential: str) -> str | None:
        """The org's id of a deployment of the credential whose end nobody wrote down; empty where it has none yet.

        None where there is none.
        """
        with self._database.reading() as connection:
            last = EVENTS.first(connection, _newest_first(credential, DEPLOYMENT).limit(1))
        if last is None or last.details.get("state") == "ended":
            return None
        return str(last.details.get("deployment", ""))

    def _newest_promotion(self, credential: str) -> tuple[datetime, Mapping[str, JSON]] | None:
        with self._database.reading() as connection:
            for event in EVENTS.read(connection, _PROMOTIONS, its_credential=credential):
                if event.details.get("succeeded", True):
                    return event.time, event.details
        return None


def rotation_id(now: datetime, random_bytes: Callable[[int], bytes]) -> str:
    """Such as `20261123-123147-7f3k9qzm`: sorts by its time (UTC), ends in 40 random bits."""
    ending = base64.b32encode(random_bytes(5)).decode().lower()
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{ending}"


def _newest_first(credential: str, *kinds: str) -> Select[Any]:
    """A credential's events of these kinds."""
    these = EVENT.c.credential == credential, EVENT.c.kind.in_(kinds)
    return select(EVENT).where(*these).order_by(EVENT.c.sequence.desc())


def _find(connection: Connection, rotation_id: str) -> Rotation:
    found = ROTATIONS.first(connection, _ROTATION, its_id=rotation_id)
    if found is None:
        raise HistoryError(
            f"The history knows no rotation {rotation_id}.",
            effect=NOTHING_CHANGED,
            hint="`rotator history` lists the rotations with their ids.",
        )
    return found


def _as_its_events_say(connection: Connection, found: Rotation) -> Rotation | None:
    """None where they say that it has ended; the row itself where no event says all of it."""
    said = rotation_by_events(connection, found.id)
    if said is None:
        return found
    return said if said.outcome is None else None


def _beginning(new: NewRotation) -> dict[str, JSON]:
    """What is known of a rotation when it begins, each option by its name."""
    asked = {name: value for name, value in vars(new).items() if name != "options"}
    return _known(asked | new.options.as_json())


def _stop(stop: Stop | None) -> dict[str, str]:
    return {"halt": stop.reason, "hint": storable(stop.hint)} if stop else {}


def _known(fields: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in fields.items() if value not in (None, "") and value is not False}


def _finished_already(rotation: Rotation) -> HistoryError:
    return HistoryError(
        f"The rotation {rotation.id} of {rotation.credential} has ended already: {rotation.outcome}.",
        effect="Its outcome was left as it was.",
        hint=f"See `rotator history {rotation.credential}`.",
    )
