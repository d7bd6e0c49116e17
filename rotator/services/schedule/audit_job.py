"""The daily audit: what it finds is written down, who is to be told of it is decided, and what has ended is told.

An org that cannot be read keeps the findings that it had, and is tried again as whatever fails is. All orgs that are
due are audited together, as a key may be that of an app in another org.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.posture.judgements import Verdict
from rotator.history.audit_findings import AuditFindings
from rotator.services.alerting.kinds import POSTURE, key
from rotator.services.alerting.posture_alerts import finding, finding_key
from rotator.services.schedule.agenda import Agenda
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.core.posture.kept_finding import KeptFinding
    from rotator.services.posture.auditing import Audit
    from rotator.services.schedule.context import ServiceContext, UnitOfWork
    from rotator.services.schedule.jobs import Moment

EVERY: Final = timedelta(days=1)

_NOT_ASKED: Final = "The audit does not ask for it any more."


class DailyAudit:
    """Knows when an audit is due, and makes it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._agenda: Final = Agenda(context.settings.orgs)

    def is_due(self, moment: Moment) -> bool:
        """Whether an org was last audited a day ago, or could not be and is to be tried again."""

        def look(org: str) -> datetime | None:
            attempt = moment.attempt(JobKind.AUDIT, org)
            return moment.now if attempt.is_due(moment.now, EVERY) else attempt.due_from(EVERY)

        return bool(self._agenda.due(moment.now, look))

    def run(self) -> None:
        """Audits every org that is due. Raises HistoryError."""
        now, attempts = self._context.now(), self._context.history.attempts
        tried = [attempts.get(JobKind.AUDIT, org) for org in self._context.settings.orgs]
        due = [attempt for attempt in tried if attempt.is_due(now, EVERY)]
        with self._context.open_adapters(limited=True) as adapters:
            found = adapters.audit([attempt.name for attempt in due])
        for attempt in due:
            with self._context.history.transaction() as history:
                # Another process may have audited it since, and taken this one for gone.
                if history.attempts.is_still(attempt):
                    self._note(history, attempt, found, now)

    def _note(self, history: UnitOfWork, attempt: AttemptRecord, found: Audit, now: datetime) -> None:
        org = attempt.name
        if org in found.unread:
            # The inventory tells people of an org that cannot be read.
            error, jitter = found.unread[org], self._context.random()
            failed = attempt.failed(now, self._context.back_off, problem=error.message, hint=error.hint, jitter=jitter)
            history.attempts.put(failed)
            return
        kept = AuditFindings(history.database)
        kept.put(org, [each for each in found.results if each.org == org], now)
        self._tell(history, org, kept.all([org]), {each.key for each in found.results}, now)
        history.attempts.put(attempt.succeeded(now))

    def _tell(
        self, history: UnitOfWork, org: str, standing: list[KeptFinding], asked: Collection[str], now: datetime
    ) -> None:
        least = self._context.settings.audit.alert_from
        told = {finding_key(each): each for each in standing if each.is_open and each.risk.reaches(least)}
        for each in told.values():
            history.alerting.problem(finding(each), now)
        why = {finding_key(each): _why_not_told(each) for each in standing}
        why |= {key(POSTURE, which): "" for which in asked if key(POSTURE, which) not in why}
        for open_alert in history.alerts.open_alerts(kind=POSTURE, orgs=[org]):
            if open_alert.key not in told:
                history.alerting.solved(open_alert.key, why.get(open_alert.key, _NOT_ASKED), now)


def _why_not_told(found: KeptFinding) -> str:
    if found.verdict is Verdict.EXCEPTED:
        return f"It is excepted: {found.reason}."
    return f"What matters so little is no alert: it is {found.risk} (`audit: alert_from`)."
