"""How often a rotation calls the org: as many test logins as are wanted, and no look that nothing calls for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Kind
from tests.rotation.scenarios import FINISH, REPLACE, one_app, pair
from tests.rotation.watching import handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rotation.ground import Ground


@dataclass(frozen=True)
class Asked:
    """What one request asks of the org."""

    looks: int
    """At all apps of the credential, in one call."""
    changes: int
    """Of an app: it is read, written, and read back."""
    accepted: int = 0
    """Test logins; whose token it is, is asked of each."""
    refused: int = 0
    session: int = field(default=1)
    """The program's own login."""

    @property
    def calls(self) -> Counter[str]:
        """The same by the kinds of calls, with the list that tells of which kind each app is."""
        by_kind = {
            Kind.TOKEN: self.session + self.accepted + self.refused,
            Kind.USERINFO: self.accepted,
            Kind.SOAP_LIST: 1,
            Kind.SOAP_READ: self.looks + 2 * self.changes,
            Kind.SOAP_UPDATE: self.changes,
        }
        return Counter({kind: count for kind, count in by_kind.items() if count})


# Whether the app is the one that the program itself logs in by; at first; after the key pair is made; before the
# upload and after it; before the promotion and after it.
LOOKS: Final = 7
IN_PLACE: Final = Asked(looks=LOOKS, changes=1, accepted=1 + 5, refused=1)
"""Current's key once, the new one before its certificate is there, and then until it is proven."""
ALTERNATING: Final = Asked(looks=LOOKS, changes=1, accepted=5, refused=1)
"""Current's key is not at stake."""
GRACE_ENDS: Final = Asked(looks=4, changes=1)
"""The same; before and after the old app's key is ended; after the version is destroyed. Nobody logs in."""


@pytest.mark.parametrize(
    ("prepare", "credential", "asked"),
    [(one_app, "billing", IN_PLACE), (pair, "warehouse", ALTERNATING)],
    ids=["in place", "alternating"],
)
def test_a_rotation_asks_no_more_than_its_proofs_need(
    ground: Ground, prepare: Callable[[Ground], None], credential: str, asked: Asked
) -> None:
    ground.confirmations, ground.hold = 5, "30s"
    prepare(ground)
    ground.org.calls.clear()
    begun = ground.clock.slept
    with ground.program() as app:
        report = handle(credential, REPLACE)(app)
    assert report.outcome is Outcome.ROTATED
    assert ground.org.calls == asked.calls
    assert ground.clock.slept - begun == timedelta(seconds=30)


def test_the_end_of_a_grace_needs_no_login_but_the_programs_own(ground: Ground) -> None:
    pair(ground)
    with ground.program() as app:
        handle("warehouse", REPLACE)(app)
    ground.clock.time += timedelta(days=8)
    ground.org.calls.clear()
    with ground.program() as app:
        assert handle("warehouse", FINISH)(app).outcome is Outcome.NOTHING
    assert ground.stages("warehouse").previous is None
    assert ground.org.calls == GRACE_ENDS.calls


def test_while_a_change_spreads_the_apps_are_looked_at_once_a_minute(ground: Ground) -> None:
    ground.confirmations, ground.hold = 5, "30s"
    ground.org.settings = OrgSettings(propagation_seconds=100.0)
    one_app(ground)
    ground.org.calls.clear()
    begun = ground.clock.slept
    with ground.program() as app:
        assert handle("billing", REPLACE)(app).outcome is Outcome.ROTATED
    spreads = (ground.clock.slept - begun).total_seconds() - 30
    assert 100 <= spreads <= 110
    looks = ground.org.calls[Kind.SOAP_READ] - IN_PLACE.calls[Kind.SOAP_READ]
    assert 1 <= looks <= spreads // 60 + 1
