"""`rotator revoke` as a process that is killed: running it again ends all access, and `--undo` brings it back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from rotator.salesforce.login import LoginTarget, log_in
from rotator.salesforce.transport import Transport
from rotator.simulator.oauth import identity
from rotator.simulator.wire.faults import Kind
from tests.end_to_end.places import DEADLINE, SLOW, Place, about, kill, wait_until
from tests.end_to_end.processes import start
from tests.tiers import standard_first

if TYPE_CHECKING:
    from tests.end_to_end.processes import Process

REVOKE: Final = ("revoke", "billing", "--reason", "laptop stolen", "--yes")


def started(place: Place, *arguments: str) -> Process:
    environ = {**os.environ, "ROTATOR_CONFIG": str(place.folder / "config.yaml"), "COLUMNS": "200"}
    return start("rotator", *arguments, environ=environ)


def consumers_token(place: Place) -> str:
    version, transport = place.current("billing"), Transport(ca=place.folder / "ca.pem")
    try:
        login = log_in(transport, LoginTarget.of(version), version.private_key, place.org.clock())
    finally:
        transport.close()
    assert login.token
    return login.token.reveal()


@pytest.mark.parametrize("kind", standard_first([Kind.SOAP_UPDATE, Kind.REVOKE], [Kind.SOAP_UPDATE]), ids=str)
def test_killed_and_run_again_it_ends_all_access_and_comes_back(place: Place, kind: Kind) -> None:
    old, token = place.current("billing"), consumers_token(place)
    here = place.hold(about(kind)(place), SLOW, DEADLINE)
    process = started(place, *REVOKE)
    wait_until(here.is_set, process)
    kill(process)
    place.let_go()
    told = started(place, "status", "billing", "--json").ran().json[0]
    assert (told["state"], told["urgency"]) == ("revoked", "critical")
    again = started(place, *REVOKE, "--json").ran()
    assert again.code == 0, again.err
    [report] = again.json
    assert report["outcome"] == "revoked"
    assert not place.logs_in(old)
    assert identity.userinfo(place.org, token).status == 403
    told = started(place, "status", "billing", "--json").ran().json[0]
    assert (told["state"], told["urgency"], told["revocation"]["left"]) == ("revoked", "info", [])
    back = started(place, "revoke", "--undo", "billing", "--reason", "found again", "--yes").ran()
    assert back.code == 0, back.err
    assert place.logs_in(place.current("billing"))
    assert not place.logs_in(old)
    assert place.kept("billing") == {place.current("billing").fingerprint}
