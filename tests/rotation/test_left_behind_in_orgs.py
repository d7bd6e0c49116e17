"""Who was left behind, by the login history of an org: whatever it says of a refused login, and never we ourselves.

Everything comes from one address, as of consumers on rotator's own machine, and two credentials have one user.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.cli.output.usage.use_lines import use_as_json, use_in_words
from rotator.core.actor import Actor
from rotator.core.usage.sources import Standing
from rotator.salesforce.login import LoginTarget, log_in
from rotator.services.rotation.report import Outcome, Silent
from rotator.services.rotation.requests import Request
from rotator.services.usage.login_watch import LoginWatch
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Kind
from tests.rotation.lineups import CONNECTED, EXTERNAL, OTHER_WORDS
from tests.tiers import first_standard

if TYPE_CHECKING:
    from rotator.application import Application
    from rotator.core.credentials import KeyVersion
    from rotator.core.usage.usage import Usage
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.lineups import Lineup

NOW: Final = Request("replace", Actor("alex@laptop"))
AGAIN: Final = Request("replace", Actor("alex@laptop"), "again")
MINUTE: Final = 60.0


def look(ground: Ground, app: Application, name: str = "billing") -> Usage | None:
    """One look at the org, as the service takes it beside its inventory."""
    now = ground.clock.now()
    found = LoginWatch(app.settings, app.database, "production").look(app.login_history, app.statuses([], now), now)
    return next((usage for usage in found if usage.credential == name), None)


def left_behind(usage: Usage | None, ground: Ground) -> int:
    """How many refused logins are of consumers."""
    assert usage
    assert usage.problem == ""
    found = usage.left_behind(ground.clock.now(), timedelta(minutes=10))
    return sum(each.refused for each in found)


def consumer(ground: Ground, version: KeyVersion, times: int = 1) -> None:
    """One that has read the store once, and goes on with that."""
    for _ in range(times):
        log_in(ground.transport, LoginTarget.of(version), version.private_key, ground.clock.now())
        ground.clock.sleep(MINUTE)


def rotate(app: Application, name: str, request: Request = NOW) -> Report:
    return app.rotation_service(name, listener=Silent(), stop_asked=lambda: False).handle(request)


ORGS: Final[list[tuple[Lineup, dict[str, Any]]]] = [
    (CONNECTED, {}),
    (OTHER_WORDS, {}),
    (CONNECTED, {"signature_failure_status": "Failed: Signature Invalid/Configured Certificate Mismatch"}),
    (EXTERNAL, {"signature_failure_status": "invalid_grant: invalid assertion"}),
    (CONNECTED, {"signature_failure_application": "client_id"}),
    (EXTERNAL, {"signature_failure_application": "none"}),
    (CONNECTED, {"signature_failure_type": "Application"}),
    (CONNECTED, {"signature_failure_status": None}),
]


@pytest.mark.parametrize(("lineup", "changes"), first_standard(ORGS, 3), ids=lambda each: str(each) or "as usual")
def test_our_own_logins_never_count_and_those_of_a_consumer_left_behind_do(
    ground: Ground, lineup: Lineup, changes: dict[str, Any]
) -> None:
    """Our own: before the certificate is there, while it spreads, in the grace by `verify`, and one beside another."""
    ground.begin(replace(lineup.settings, propagation_seconds=30.0, **changes), lineup)
    ground.confirmations, ground.hold = 3, "20s"
    old = ground.in_use("billing", "Billing")
    with ground.program() as app:
        assert rotate(app, "billing").outcome is Outcome.ROTATED
        refused = [login for login in ground.org.logins if login.outcome != "Success"]
        assert len(refused) > 1
        ground.clock.sleep(15 * MINUTE)
        prove = app.credential_context("billing").prove
        for fingerprint in ground.stages("billing").fingerprints:
            prove(ground.store.read("billing", fingerprint))
        assert left_behind(look(ground, app), ground) == 0
        consumer(ground, ground.current("billing"), 2)
        assert left_behind(look(ground, app), ground) == 0
        consumer(ground, old, 2)
        prove(old)
        consumer(ground, old)
        shown = changes.get("signature_failure_status", "") is not None
        assert left_behind(look(ground, app), ground) == (3 if shown else 0)
        consumer(ground, ground.current("billing"))
        assert left_behind(look(ground, app), ground) == 0


def test_a_rotation_that_was_taken_back_in_the_grace_leaves_nobody_behind(ground: Ground) -> None:
    """Its new key is refused for as long as there is patience, all that after the promotion before."""
    old = ground.in_use("billing", "Billing")
    with ground.program() as app:
        rotate(app, "billing")
        ground.clock.sleep(15 * MINUTE)
        ground.org.settings = replace(ground.org.settings, propagation_seconds=3600.0)
        assert rotate(app, "billing", AGAIN).outcome is not Outcome.ROTATED
        ground.org.settings = replace(ground.org.settings, propagation_seconds=0.0)
        ground.clock.sleep(15 * MINUTE)
        assert sum(login.outcome != "Success" for login in ground.org.logins) > 10
        assert left_behind(look(ground, app), ground) == 0
        consumer(ground, old, 2)
        assert left_behind(look(ground, app), ground) == 2


def test_with_two_apps_who_has_not_moved_is_known_while_nobody_is_refused(ground: Ground) -> None:
    old = ground.in_use("warehouse", "Warehouse_A")
    with ground.program() as app:
        rotate(app, "warehouse")
        ground.clock.sleep(15 * MINUTE)
        consumer(ground, old, 2)
        usage = look(ground, app, "warehouse")
        assert left_behind(usage, ground) == 0
        assert usage
        assert [each.standing(ground.clock.now()) for each in usage.sources] == [Standing.OLD]
        consumer(ground, ground.current("warehouse"))
        usage = look(ground, app, "warehouse")
        assert usage
        assert [each.standing(ground.clock.now()) for each in usage.sources] == [Standing.MOVED]


def test_two_credentials_of_one_user_are_told_apart_by_their_apps(ground: Ground) -> None:
    old = ground.in_use("billing", "Billing")
    ground.in_use("warehouse", "Warehouse_A")
    with ground.program() as app:
        rotate(app, "billing")
        rotate(app, "warehouse")
        ground.clock.sleep(15 * MINUTE)
        consumer(ground, old, 2)
        calls = ground.org.calls[Kind.DATA]
        assert left_behind(look(ground, app, "warehouse"), ground) == 0
        # The ids of the users once, and then one query for all.
        assert ground.org.calls[Kind.DATA] - calls == 2
        assert left_behind(look(ground, app, "billing"), ground) == 2
        assert ground.org.calls[Kind.DATA] - calls == 3


@pytest.mark.parametrize("changes", [{"logins_of_others_shown": False}, {"hidden_types": ("LoginHistory",)}])
def test_an_org_that_does_not_show_who_logs_in_says_so(ground: Ground, changes: dict[str, Any]) -> None:
    ground.begin(OrgSettings(**changes), CONNECTED)
    ground.in_use("billing", "Billing")
    with ground.program() as app:
        assert rotate(app, "billing").outcome is Outcome.ROTATED
        usage = look(ground, app)
        assert usage
        assert usage.problem
        assert "Monitor Login History" in usage.hint
        assert usage.sources == ()


def test_the_programs_own_logins_by_the_credential_do_not_count_either(ground: Ground) -> None:
    old = ground.in_use("management", "Robot")
    ground.logs_in_by("management")
    with ground.program() as app:
        assert rotate(app, "management").outcome is Outcome.ROTATED
        ground.clock.sleep(15 * MINUTE)
        ground.org.sessions.end_all()
        assert left_behind(look(ground, app, "management"), ground) == 0
        usage = look(ground, app, "management")
        assert usage
        assert usage.sources == ()
        consumer(ground, old, 2)
        assert left_behind(look(ground, app, "management"), ground) == 2


def test_who_uses_a_credential_is_known_before_it_is_rotated(ground: Ground) -> None:
    ground.in_use("billing", "Billing")
    ground.in_use("warehouse", "Warehouse_A")
    with ground.program() as app:
        rotate(app, "billing")
        ground.clock.sleep(15 * MINUTE)
        consumer(ground, ground.current("billing"), 3)
        found = app.users_before("production", ["billing", "warehouse"])
        [source] = found["billing"].sources
        assert (source.address, source.accepted, source.refused) == ("127.0.0.1", 3, 0)
        assert [each.app for each in found["billing"].tokens] == ["Billing"]
        assert found["warehouse"].sources == ()
        lines = list(use_in_words(found["billing"], ground.clock.now()))
        assert lines[0].startswith("integration@production.example logs in from 127.0.0.1 (rotator/")
        assert "3 logins in 30 days" in lines[0]
        assert "has a token of Billing" in lines[1]
        assert next(use_in_words(found["warehouse"], ground.clock.now())).startswith("Nobody logs in as")
        ground.org.settings = replace(ground.org.settings, logins_of_others_shown=False)
        hidden = app.users_before("production", ["billing"])["billing"]
        assert next(use_in_words(hidden, ground.clock.now())).startswith("Who logs in with it is not visible: ")
        assert "Monitor Login History" in hidden.hint
        assert use_as_json(hidden)["why_not"] == hidden.why_not
