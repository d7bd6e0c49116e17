"""What one scenario left in the simulated org is not there in the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.org.org import Rest
from rotator.simulator.org.users import PermissionSet, Profile
from rotator.testing.versions import MOMENT, spare_key
from tests.rotation.ground import PERSONS_KEY, ROBOT
from tests.rotation.scenarios import REPLACE, one_app
from tests.rotation.watching import handle

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.org import Org
    from tests.rotation.ground import Ground
    from tests.rotation.secret_ground import SecretGround

LEFT_BEHIND: Final = frozenset(
    {"grants", "certificates", "identity_providers", "permission_sets", "profiles", "features", "cursors"}
)


def holdings(org: Org) -> dict[str, int]:
    """How much there is of each thing that the org can forget."""
    kept = {name: each for name, each in vars(org).items() if hasattr(each, "clear") and name != "_ids_by_name"}
    return {name: len([*each]) for name, each in kept.items() if hasattr(each, "__iter__")}


def leave_behind(org: Org, certificate: Certificate) -> None:
    """What no rotation makes."""
    org.add_certificate("Own", None)
    org.add_identity_provider("Partner", certificate)
    org.permission_sets["Set"] = PermissionSet("Set", "0PS", {}, MOMENT, MOMENT, ROBOT)
    org.profiles["Profile"] = Profile()
    org.features["SecuritySettings"] = {}
    org.cursors["cursor"] = Rest([], 0)


def test_a_ground_begins_with_the_same_org_each_time(ground: Ground) -> None:
    new = holdings(ground.org)
    one_app(ground)
    with ground.program() as app:
        handle("billing", REPLACE)(app)
    leave_behind(ground.org, ground.certificate(spare_key(PERSONS_KEY)))
    used = holdings(ground.org)
    assert {name for name in used if used[name] > new[name]} >= LEFT_BEHIND
    ground.begin()
    assert holdings(ground.org) == new


def test_so_does_that_of_client_secrets(secret_ground: SecretGround, ground: Ground) -> None:
    new = holdings(secret_ground.org)
    secret_ground.handle("enroll")
    leave_behind(secret_ground.org, ground.certificate(spare_key(PERSONS_KEY)))
    used = holdings(secret_ground.org)
    assert {name for name in used if used[name] > new[name]} >= LEFT_BEHIND
    secret_ground.begin()
    assert holdings(secret_ground.org) == new
