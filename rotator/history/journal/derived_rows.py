"""What the events say that the rows of other tables are.

Rotations, records of credentials, alerts that were taken on or put off, and what holds rotations up: those tables are
there so that nobody has to read the whole journal. They are outside the chain of hashes, and anybody who can write the
database can write them. So all of them that people are shown follows from events, which are in the chain:
`rotator.history.journal.verification` compares, and `rebuilding` writes them anew.

An event `taken_over` says what a row was at a migration, where the events of an earlier release do not say it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.core.decision.options import RotationOptions
from rotator.core.schedule import Standstill
from rotator.history.engine.times import utc_text, utc_time
from rotator.history.journal import projection, standstill_rows
from rotator.history.journal.projection import CredentialRecord
from rotator.history.journal.standstill_rows import actor_of
from rotator.history.records import Event, NewRotation, Rotation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TAKEN_OVER: Final = "taken_over"
"""Kind of the event by which a migration says what a row was, with its `table` and the `row`."""

_TIMES: Final = frozenset({"started_at", "finished_at", "tried_at", "accepted_at", "refused_since", "halted_at"})
_BEGINNING: Final = frozenset(each.name for each in fields(NewRotation)) - {"options"}
_ALWAYS_SAID: Final = frozenset({"credential", "org", "strategy", "trigger", "actor"})
_ENDING: Final = frozenset({"outcome", "why", "old_fingerprint", "new_fingerprint", "gap_seconds"})

Row = dict[str, object]
"""A row as texts, numbers and JSON: what any database gives, and what an event can hold."""


def rotation_after(known: Rotation | None, event: Event) -> Rotation | None:
    """The rotation after one more of its events; None while they do not say all of it.

    Raises KeyError, TypeError or ValueError for an event that rotator did not write.
    """
    details: Mapping[str, Any] = event.details
    match event.kind:
        case "begin" if details.keys() >= _ALWAYS_SAID and event.rotation_id is not None:
            said = {name: value for name, value in details.items() if name in _BEGINNING}
            options = RotationOptions.from_json(details)
            return Rotation(**said, options=options, id=event.rotation_id, started_at=event.time)
        case "finish" if known is not None:
            said = {name: value for name, value in details.items() if name in _ENDING}
            return replace(known, **said, finished_at=event.time)
        case "taken_over" if details["table"] == "rotation":
            row = _with_times(details["row"])
            return Rotation(**row | {"options": RotationOptions.from_json(row["options"])})
        case _:
            return known


@dataclass
class ExpectedRows:
    """What the rows are by the events that were added, in their order."""

    rotations: dict[str, Rotation | None] = field(default_factory=dict)
    """By their ids; None where no event says all of it."""
    credentials: dict[str, CredentialRecord] = field(default_factory=dict)
    silenced: dict[str, Row] = field(default_factory=dict)
    """Columns of alerts that somebody has acknowledged or snoozed, by their ids."""
    standstills: dict[str, Standstill] = field(default_factory=dict)
    """By their keys."""
    taken_over: int = 0
    """How many rows are what they were at a migration."""

    def add(self, event: Event) -> None:
        """Raises KeyError, TypeError or ValueError for an event that rotator did not write."""
        if event.rotation_id is not None and event.kind in {"begin", "finish", TAKEN_OVER}:
            self.rotations[event.rotation_id] = rotation_after(self.rotations.get(event.rotation_id), event)
        if event.credential is not None and event.kind in projection.KINDS:
            known = self.credentials.get(event.credential) or CredentialRecord(credential=event.credential)
            self.credentials[event.credential] = projection.after(known, event)
        silenced = _SILENCES.get(event.kind)
        if silenced and "alert" in event.details:
            self.silenced.setdefault(str(event.details["alert"]), {}).update(silenced(event))
        standstill_rows.follow(self.standstills, event)
        if event.kind == TAKEN_OVER:
            self._take_over(event.details)

    def _take_over(self, details: Mapping[str, Any]) -> None:
        self.taken_over += 1
        row = details["row"]
        match details["table"]:
            case "credential_record":
                self.credentials[row["credential"]] = CredentialRecord(**_with_times(row))
            case "alert":
                self.silenced[row["id"]] = {name: value for name, value in row.items() if name != "id"}


def as_row(record: Rotation | CredentialRecord | Standstill) -> Row:
    """The record as the row that holds it."""
    values = standstill_rows.row_of(record) if isinstance(record, Standstill) else asdict(record)
    if isinstance(record, Rotation):
        values["options"] = record.options.as_json()
    return {name: utc_text(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: utc_time(value) if value and name in _TIMES else value for name, value in row.items()}


def _acknowledged(event: Event) -> Row:
    at, by, why = utc_text(event.time), str(actor_of(event)), event.details["reason"]
    return {"acknowledged_at": at, "acknowledged_by": by, "acknowledged_why": why}


def _snoozed(event: Event) -> Row:
    until = utc_text(datetime.fromisoformat(str(event.details["until"])))
    return {"snoozed_until": until, "snoozed_by": str(actor_of(event)), "snoozed_why": event.details["reason"]}


_SILENCES: Final[dict[str, Callable[[Event], Row]]] = {"acknowledge": _acknowledged, "snooze": _snoozed}
