"""The alerts in the history (`rotator.core.alert`): begun, kept up to date, taken on, put off, ended."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, insert, or_, select, update

from rotator.core.alert import Alert, NewAlert
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, label
from rotator.errors import NOTHING_CHANGED, ConfigurationError, HistoryError
from rotator.history.alerts.outbox import CLOSED, Outbox
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import ALERT
from rotator.history.engine.times import utc_text
from rotator.history.engine.transactions import Within
from rotator.history.journal.chain import canonical, refuse_private_keys, refuse_secrets, storable
from rotator.history.journal.events import Entry, append

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.core.actor import Actor
    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import JSON


_OPEN: Final = select(ALERT).where(ALERT.c.closed_at.is_(None)).order_by(ALERT.c.opened_at, ALERT.c.id)
_OPEN_OF_KIND: Final = _OPEN.where(ALERT.c.kind == bindparam("its_kind"))
_OF_KEY: Final = select(ALERT).where(ALERT.c.key == bindparam("its_key")).limit(1)
_OPEN_OF_KEY: Final = _OF_KEY.where(ALERT.c.closed_at.is_(None))
_OF_ID: Final = select(ALERT).where(ALERT.c.id == bindparam("its_id")).limit(1)
_NEW_ALERT: Final = insert(ALERT)

ALWAYS_TOLD: Final = (label(EXPIRED), CLOSED)
"""Steps that neither an acknowledgement nor a snooze holds back."""


class AlertRecords:
    """The alerts. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._database: Final = database
        self._random_bytes: Final = random_bytes

    def open(self, new: NewAlert, now: datetime, *, instead_of: str = "") -> tuple[Alert, bool]:
        """The open alert of that key, with what is known of it now; True where it begins with this.

        `instead_of` is the key of an open alert that this one goes on from, with its id and its threads. Raises
        HistoryError when a text has a private key in it.
        """
        values = _values(new)
        with self._database.writing() as connection:
            known = ALERTS.first(connection, _OPEN_OF_KEY, its_key=new.key)
            if known is None and instead_of:
                known = ALERTS.first(connection, _OPEN_OF_KEY, its_key=instead_of)
            if known is None:
                _set_aside(connection, new.key, now)
                return self._insert(connection, values, now), True
            if any(values[name] != value for name, value in _values(known).items()):
                connection.execute(update(ALERT).where(ALERT.c.id == known.id), values)
                known = _of_id(connection, known.id)
            return known, False

    def add_closed(self, new: NewAlert, now: datetime) -> Alert | None:
        """Notes what happened and is over; None where an alert of that key was ever there, so it was noted before."""
        values = _values(new)
        with self._database.writing() as connection:
            if ALERTS.first(connection, _OF_KEY, its_key=new.key) is not None:
                return None
            return self._insert(connection, values | {"closed_at": now}, now)

    def _insert(self, connection: Connection, values: dict[str, Any], now: datetime) -> Alert:
        new_id = self._new_id(now)
        connection.execute(_NEW_ALERT, {"closed_why": ""} | values | {"id": new_id, "opened_at": now})
        return _of_id(connection, new_id)

    def _new_id(self, now: datetime) -> str:
        letters = base64.b32encode(self._random_bytes(5)).decode().lower()
        return f"{now.astimezone(UTC):%Y%m%d}-{letters}"

    def close(self, key: str, why: str, now: datetime) -> Alert | None:
        """Ends the open alert of that key; who has heard of it hears of that, too. None where there is none."""
        with self._database.writing() as connection:
            known = ALERTS.first(connection, _OPEN_OF_KEY, its_key=key)
            if known is None:
                _set_aside(connection, key, now)
                return None
            ending = {"closed_at": now, "closed_why": storable(why)}
            connection.execute(update(ALERT).where(ALERT.c.id == known.id), ending)
            Outbox(Within(connection)).settle(known.id, now)
            return _of_id(connection, known.id)

    def opened(self, key: str) -> Alert | None:
        """The open alert of that key; None where there is none."""
        with self._database.reading() as connection:
            return ALERTS.first(connection, _OPEN_OF_KEY, its_key=key)

    def open_alerts(
        self, *, kind: str | None = None, orgs: Collection[str] | None = None, ids: Collection[str] | None = None
    ) -> list[Alert]:
        """Those that have not ended, of one kind, of some orgs or some ids where they are given, oldest first."""
        query, parameters = (_OPEN, {}) if kind is None else (_OPEN_OF_KIND, {"its_kind": kind})
        if orgs is not None:
            query = query.where(ALERT.c.org.in_([*orgs]))
        if ids is not None:
            query = query.where(ALERT.c.id.in_([*ids]))
        with self._database.reading() as connection:
            return list(ALERTS.read(connection, query, **parameters))

    def all(self, limit: int = 100) -> list[Alert]:
        """The newest `limit` alerts, also those that have ended, newest first."""
        query = select(ALERT).order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return list(ALERTS.read(connection, query))

    def known(self, alert_id: str) -> Alert | None:
        """The alert of exactly that id; None when there is none, or its row cannot be read."""
        with self._database.reading() as connection:
            return ALERTS.first(connection, _OF_ID, its_id=alert_id)

    def get(self, alert_id: str) -> Alert:
        """The alert of exactly that id. Raises HistoryError when there is none."""
        with self._database.reading() as connection:
            return _of_id(connection, alert_id)

    def find(self, beginning: str) -> Alert:
        """The one alert whose id, or the letters at its end, begin so.

        Raises ConfigurationError where there is none, or more than one.
        """
        with self._database.reading() as connection:
            return _find(connection, beginning)

    def acknowledge(self, beginning: str, *, actor: Actor, reason: str, now: datetime) -> Alert:
        """Notes that somebody has taken it on, with an event `acknowledge`: nothing but ALWAYS_TOLD is told any more.

        Raises ConfigurationError as `find` does, HistoryError for an alert that has ended or a reason with a key in it.
        """
        values = {"acknowledged_at": now, "acknowledged_by": storable(str(actor)), "acknowledged_why": storable(reason)}
        return self._silence("acknowledge", beginning, values, now, {**actor.details(), "reason": reason})

    def snooze(self, beginning: str, *, until: datetime, actor: Actor, reason: str, now: datetime) -> Alert:
        """Has people left alone with it until then, with an event `snooze`: what is crossed meanwhile is told then.

        Raises as `acknowledge` does, and ValueError for a time that has passed.
        """
        if until <= now:
            raise ValueError("snoozed until a time that has passed")
        values = {"snoozed_until": until, "snoozed_by": storable(str(actor)), "snoozed_why": storable(reason)}
        details: dict[str, JSON] = {
            **actor.details(),
            "reason": reason,
            "until": utc_text(until),
        }
        return self._silence("snooze", beginning, values, now, details)

    def _silence(
        self, kind: str, beginning: str, values: dict[str, Any], now: datetime, details: dict[str, JSON]
    ) -> Alert:
        refuse_secrets(str(details["reason"]))
        with self._database.writing() as connection:
            known = _find(connection, beginning)
            if not known.is_open:
                raise _ended_already(known)
            about: dict[str, JSON] = {"alert": known.id, "key": known.key, "title": known.title}
            told = {name: storable(value) if isinstance(value, str) else value for name, value in details.items()}
            append(connection, Entry(kind, now, known.credential, None, about | told))
            connection.execute(update(ALERT).where(ALERT.c.id == known.id), values)
            Outbox(Within(connection)).withdraw(known.id, now, keep=ALWAYS_TOLD)
            return _of_id(connection, known.id)


_NEW: Final = tuple(NewAlert.__dataclass_fields__)


def _values(new: NewAlert) -> dict[str, Any]:
    """What a row holds of it."""
    values = {name: getattr(new, name) for name in _NEW}
    values = {name: storable(value) if type(value) is str else value for name, value in values.items()}
    facts = canonical([[storable(name), storable(value)] for name, value in new.facts.items()])
    refuse_private_keys(new.title, new.text, new.meanwhile, new.to_do, *new.facts.values())
    return values | {"severity": str(new.severity), "facts": facts}


def _facts(text: str) -> dict[str, str]:
    facts = dict(json.loads(text))
    if not all(isinstance(each, str) for pair in facts.items() for each in pair):
        raise TypeError
    return facts


_OF_USE_WITHOUT: Final[dict[str, Any]] = {
    **dict.fromkeys(("text", "meanwhile", "to_do", "closed_why"), ""),
    **dict.fromkeys(("refused_since", "again_at", "not_after")),
    **dict.fromkeys(("acknowledged_at", "acknowledged_by", "acknowledged_why")),
    **dict.fromkeys(("snoozed_until", "snoozed_by", "snoozed_why")),
    "facts": {},
    "severity": Severity.WARNING,
    "title": "An alert whose title cannot be read",
}

ALERTS: Final = RowReader(
    columns_of(ALERT),
    lambda values: Alert(**values),
    parse={"severity": Severity, "facts": _facts},
    spare=_OF_USE_WITHOUT,
)
"""What somebody took on or put off and cannot be read is told again."""


def _set_aside(connection: Connection, key: str, now: datetime) -> None:
    """Ends what is open of that key and cannot be read: what is so is told by another alert."""
    this = and_(ALERT.c.key == key, ALERT.c.closed_at.is_(None))
    ids = connection.scalars(select(ALERT.c.id).where(this)).all()
    if ids:
        why = "Its row in the history could not be read."
        connection.execute(update(ALERT).where(this).values(closed_at=now, closed_why=why))
        for each in ids:
            Outbox(Within(connection)).withdraw(each, now)


def _of_id(connection: Connection, alert_id: str) -> Alert:
    found = ALERTS.first(connection, _OF_ID, its_id=alert_id)
    if found is None:
        raise HistoryError(
            f"The history knows no alert {alert_id}.",
            effect=NOTHING_CHANGED,
            hint="`rotator alerts list --all` lists them with their ids.",
        )
    return found


def _find(connection: Connection, beginning: str) -> Alert:
    wanted = beginning.strip().lower()
    column = ALERT.c.id
    these = or_(column.startswith(wanted, autoescape=True), column.contains(f"-{wanted}", autoescape=True))
    rows = list(ALERTS.read(connection, select(ALERT).where(these).limit(2))) if wanted else []
    if len(rows) == 1:
        return rows[0]
    message = f"More than one alert's id begins with {beginning!r}." if rows else f"There is no alert {beginning!r}."
    raise ConfigurationError(
        message,
        effect="Nothing was touched.",
        hint="`rotator alerts list --all` lists the alerts with their ids; give one, or enough of its beginning.",
    )


def _ended_already(alert: Alert) -> HistoryError:
    return HistoryError(
        f"The alert {alert.id} has ended: {alert.closed_why or alert.title}",
        effect="It was left as it was.",
        hint="There is nothing left to be told of it. `rotator alerts list` lists those that are open.",
    )
