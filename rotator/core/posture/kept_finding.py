"""A finding as it is kept between two audits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.posture.checks import CHECKS
from rotator.core.posture.judgements import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.posture.checks import Check, Risk

_BY_NAME = {check.name: check for check in CHECKS}


@dataclass(frozen=True, kw_only=True)
class KeptFinding:
    """What a check came to, where that is not that all is well."""

    org: str
    credential: str | None
    check: str
    """Name of the check; one that only another release knows is shown without why and how."""
    risk: Risk
    verdict: Verdict
    seen: str
    needs: str
    """What it takes to see it, where it is not visible."""
    reason: str
    """Why it is excepted; empty where it is not."""
    until: datetime | None
    """Until when it is."""
    since: datetime
    """Since when it is so."""
    last_seen: datetime
    """When the audit last found it so."""
    gone_at: datetime | None = None
    """When the audit first found it no more."""

    @property
    def about(self) -> Check | None:
        """The check itself."""
        return _BY_NAME.get(self.check)

    @property
    def subject(self) -> str:
        """Whom it is about, in a few words."""
        return self.credential or f"org {self.org}"

    @property
    def key(self) -> str:
        """Names it among all, and never changes (`rotator.core.posture.assessment.Result.key`)."""
        return f"{self.check}/{self.org}/{self.credential or ''}"

    @property
    def is_open(self) -> bool:
        """Whether somebody is to mend it."""
        return self.verdict is Verdict.FINDING and self.gone_at is None


def in_order(finding: KeptFinding) -> tuple[int, int, str, str, str]:
    """What is to be mended comes first, and of that what matters most."""
    verdict = _VERDICTS.index(finding.verdict)
    return verdict, finding.risk.rank, finding.org, finding.credential or "", finding.check


_VERDICTS = (Verdict.FINDING, Verdict.EXCEPTED, Verdict.HIDDEN, Verdict.OK)
