"""What people are told of what the daily audit finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.posture.checks import Risk
from rotator.core.severity import Severity
from rotator.services.alerting.catalog import alert
from rotator.services.alerting.kinds import POSTURE, key

if TYPE_CHECKING:
    from rotator.core.alert import Alert, NewAlert
    from rotator.core.posture.kept_finding import KeptFinding

_SEVERITIES: Final = {Risk.HIGH: Severity.WARNING, Risk.MEDIUM: Severity.INFO, Risk.LOW: Severity.INFO}
"""None is critical: logins succeed as they did before."""


def finding(found: KeptFinding) -> NewAlert:
    """Something of a credential or an org is not as it should be."""
    check = found.about
    where = f"{found.credential} in {found.org}" if found.credential else f"the org {found.org}"
    remedy = check.remedy_for(found.credential) if check else ""
    return alert(
        POSTURE,
        found.key,
        _SEVERITIES[found.risk],
        f"The audit of {where} finds {found.check}",
        words.sentences(found.seen, check.why if check else ""),
        {"Check": found.check, "Severity": str(found.risk), **({"Source": check.source} if check else {})},
        meanwhile="Nothing is changed by itself. Logins and rotations go on.",
        to_do=words.sentences(remedy, "If it is to be so, except it (`audit: exceptions`), with a reason and a day."),
        org=found.org,
        credential=found.credential,
    )


def finding_key(found: KeptFinding) -> str:
    """Key of the alert for a finding."""
    return key(POSTURE, found.key)


def check_of(told: Alert) -> str:
    """Name of the check that the alert for a finding is about."""
    return told.key.removeprefix(key(POSTURE, "")).partition("/")[0]
