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
from tests.rotation.lineups import CONNECTED, EXTERNAL
from tests.rotation.scenarios import REPLACE, SCENARIOS, one_app
from tests.rotation.watching import handle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.rotation.ground import Ground
    from tests.rotation.watching import Scenario


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
    records: int = 0
    """Queries for the outstanding tokens and sessions of an app whose key was taken, who their users are, and whether
    the program's user is shown those of others."""
    revoked: int = 0
    """Tokens ended."""

    @property
    def calls(self) -> Counter[str]:
        """The same by the kinds of calls, with the list that tells of which kind each app is."""
        by_kind = {
            Kind.TOKEN: self.session + self.accepted + self.refused,
            Kind.USERINFO: self.accepted,
            Kind.SOAP_LIST: 1,
            Kind.SOAP_READ: self.looks + 2 * self.changes,
            Kind.SOAP_UPDATE: self.changes,
            Kind.DATA: self.records,
            Kind.REVOKE: self.revoked,
        }
        return Counter({kind: count for kind, count in by_kind.items() if count})


# Looks: whether the app is the one that the program itself logs in by; at first; after the key pair is made; before
# the upload and after it; before the promotion and after it. An end of a key has a look before and one after it, as the
# end of a version has. After a compromise the apps are looked at once more, for whose tokens end. Logins: current's key
# once where its place is taken, the new one before its certificate is there, and then until it is proven.
ASKED: Final[Mapping[str, Asked]] = {
    "in place": Asked(looks=7, changes=1, accepted=1 + 5, refused=1),
    "in place, same key": Asked(looks=6, changes=1, accepted=1 + 5),
    "in place, compromised": Asked(looks=9, changes=1, accepted=1 + 5, refused=1, records=7, revoked=1),
    "in place, back": Asked(looks=7, changes=1, accepted=1 + 5, refused=1),
    "alternating": Asked(looks=7, changes=1, accepted=5, refused=1),
    "alternating, same key": Asked(looks=6, changes=1, accepted=1 + 5),
    "alternating, compromised": Asked(looks=10, changes=2, accepted=5, refused=1, records=12, revoked=1),
    "alternating, retire now": Asked(looks=9, changes=2, accepted=5, refused=1),
    "alternating, back": Asked(looks=5, changes=0, accepted=5),
    "finish after grace": Asked(looks=4, changes=1),
    "enroll": Asked(looks=7, changes=1, accepted=5, refused=1),
    # The key that a person brings is tried once before it is stored.
    "adopt": Asked(looks=4, changes=0, accepted=1 + 5),
    "adopt what a person put there instead": Asked(looks=4, changes=0, accepted=1 + 5),
    "restore": Asked(looks=4, changes=1, accepted=5),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_rotation_asks_no_more_than_its_proofs_need(ground: Ground, scenario: Scenario) -> None:
    ground.confirmations, ground.hold = 5, "30s"
    scenario.prepare(ground)
    ground.org.calls.clear()
    begun = ground.clock.slept
    with ground.program() as app:
        scenario.check(ground, scenario.handle(app))
    assert ground.org.calls == ASKED[scenario.name].calls
    # Of the time that the logins must hold, none is lost.
    assert ground.clock.slept - begun == timedelta(seconds=30 if ASKED[scenario.name].accepted else 0)


@pytest.fixture
def external(ground: Ground) -> Iterator[Ground]:
    """Where all apps are external client apps."""
    ground.begin(lineup=EXTERNAL)
    yield ground
    ground.lineup = CONNECTED


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.name in {"in place", "alternating"}], ids=str)
def test_external_client_apps_take_one_more_call(external: Ground, scenario: Scenario) -> None:
    external.confirmations, external.hold = 5, "30s"
    scenario.prepare(external)
    external.org.calls.clear()
    with external.program() as app:
        scenario.check(external, scenario.handle(app))
    # Whether a deployment of ours is still at work.
    more = Counter({Kind.TOOLING: 1})
    assert external.org.calls == ASKED[scenario.name].calls + more


def test_deployments_take_four_more_calls_where_the_org_comes_to_them_at_once(ground: Ground) -> None:
    [scenario] = [each for each in SCENARIOS if each.name == "in place"]
    ground.confirmations, ground.hold, ground.write = 5, "30s", "deploy"
    scenario.prepare(ground)
    ground.org.calls.clear()
    with ground.program() as app:
        scenario.check(ground, scenario.handle(app))
    # Whether one of ours is still at work; and for the update one that is only checked, another, and how both went.
    more = Counter({Kind.TOOLING: 1, Kind.SOAP_DEPLOY: 2, Kind.SOAP_STATUS: 2})
    assert ground.org.calls == ASKED["in place"].calls - Counter({Kind.SOAP_UPDATE: 1}) + more


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
    looks = ground.org.calls[Kind.SOAP_READ] - ASKED["in place"].calls[Kind.SOAP_READ]
    assert 1 <= looks <= spreads // 60 + 1
