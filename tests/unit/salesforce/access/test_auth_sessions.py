"""The live sessions of a user, and their end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.salesforce.access.auth_sessions import AuthSessions
from rotator.salesforce.login import log_in
from tests.unit.salesforce.conftest import CONSUMER, Pair

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.simulator.org.org import Org
    from tests.near_orgs import NearTransport


def test_each_names_the_app_that_it_was_opened_through(
    production: Org, near: NearTransport, records: OrgRecords, pair: Pair, target: Any
) -> None:
    log_in(near, target(production, production.app("Billing")), pair.key, datetime.now(UTC))
    user = production.users[CONSUMER]
    production.start_password_session(user)
    found = AuthSessions(records).of(user.id)
    assert sorted(each.application for each in found) == ["", "Billing"]
    assert {each.user_id for each in found} == {user.id}
