"""What the service's daily audits found, from when it was first so until it was so no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, insert, or_, select, update

from rotator.core.posture.checks import Risk
from rotator.core.posture.judgements import Verdict
from rotator.core.posture.kept_finding import KeptFinding, in_order
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import FINDING
from rotator.history.journal.chain import storable
from rotator.history.retention import KEPT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from rotator.core.posture.assessment import Result
    from rotator.history.engine.transactions import Transactions


class AuditFindings:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def put(self, org: str, results: Iterable[Result], now: datetime) -> list[KeptFinding]:
        """Notes what an audit of an org came to, and gives what has ended by it.

        What was found and cannot be seen any more is as it was: only what was seen to be well has ended. What the audit
        did not ask of any more, such as a credential that was taken out of the configuration, has ended as well.
        """
        ended: list[KeptFinding] = []
        with self._database.writing() as connection:
            known = {each.key: each for each in FINDINGS.read(connection, select(FINDING).where(FINDING.c.org == org))}
            asked = {result.key: result for result in results}
            for result in asked.values():
                before = known.get(result.key)
                is_there = before is not None and before.gone_at is None
                stays = result.verdict is Verdict.HIDDEN and before is not None and before.verdict is Verdict.FINDING
                if result.verdict is Verdict.OK or (stays and is_there):
                    continue
                since = before.since if before and is_there and before.verdict is result.verdict else now
                values = _values(result, since, now)
                if not connection.execute(update(FINDING).where(_this(result)), values).rowcount:
                    connection.execute(insert(FINDING), values)
            for key, before in known.items():
                is_well = key not in asked or asked[key].verdict is Verdict.OK
                if before.gone_at is None and is_well:
                    connection.execute(update(FINDING).where(_this(before)).values(gone_at=now))
                    ended.append(before)
        return ended

    def all(self, orgs: Collection[str] | None = None) -> list[KeptFinding]:
        """What stands, of some orgs or of all, what matters most first."""
        query = select(FINDING).where(FINDING.c.gone_at.is_(None))
        if orgs is not None:
            query = query.where(FINDING.c.org.in_([*orgs]))
        with self._database.reading() as connection:
            return sorted(FINDINGS.read(connection, query), key=in_order)

    def forget(self, now: datetime, orgs: Collection[str]) -> None:
        """Forgets what ended a year ago, and what is of orgs that are not configured any more."""
        with self._database.writing() as connection:
            is_old = FINDING.c.gone_at < now - KEPT
            connection.execute(delete(FINDING).where(or_(is_old, FINDING.c.org.not_in([*orgs]))))


def _values(result: Result, since: datetime, now: datetime) -> dict[str, Any]:
    exemption = result.exemption if result.verdict is Verdict.EXCEPTED else None
    return {
        "org": result.org,
        "credential": result.credential or "",
        "check_name": result.check.name,
        "risk": result.check.risk,
        "verdict": result.verdict,
        "seen": storable(result.seen),
        "needs": storable(result.needs),
        "reason": storable(exemption.reason) if exemption else "",
        "until": exemption.until if exemption else None,
        "since": since,
        "last_seen": now,
        "gone_at": None,
    }


def _this(finding: Result | KeptFinding) -> ColumnElement[bool]:
    name = finding.check if isinstance(finding, KeptFinding) else finding.check.name
    columns = FINDING.c
    return and_(
        columns.org == finding.org, columns.credential == (finding.credential or ""), columns.check_name == name
    )


def _finding(values: dict[str, Any]) -> KeptFinding:
    told = {name: value for name, value in values.items() if name != "check_name"}
    return KeptFinding(**told | {"credential": values["credential"] or None, "check": values["check_name"]})


FINDINGS: Final = RowReader(
    columns_of(FINDING),
    _finding,
    parse={"risk": Risk, "verdict": Verdict},
    spare={"seen": "", "needs": "", "reason": "", "until": None},
)
