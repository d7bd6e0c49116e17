"""What an audit came to, for tests of the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import APP_KIND, KEY_SIZE
from rotator.core.posture.choices import Exemption
from rotator.core.posture.judgements import Verdict
from tests.contract.history.databases import NOW

WEAK: Final = Result(
    check=KEY_SIZE, org="production", credential="billing", verdict=Verdict.FINDING, seen="The key has 1024 bits."
)
EXCEPTED: Final = Result(
    check=APP_KIND,
    org="production",
    credential=None,
    verdict=Verdict.EXCEPTED,
    seen="Legacy is a Connected App.",
    exemption=Exemption(APP_KIND.name, None, "production", "until spring", NOW + timedelta(days=9)),
)
