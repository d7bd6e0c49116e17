"""When users last logged in, and through what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotator.salesforce.access.last_uses import LastUses
from rotator.salesforce.login import log_in
from tests.unit.salesforce.conftest import CONSUMER, Pair

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.simulator.org.org import Org
    from tests.near_orgs import NearTransport


def test_a_login_that_failed_is_no_use(
    production: Org, near: NearTransport, records: OrgRecords, pair: Pair, other_pair: Pair, target: Any
) -> None:
    """The org counts, and takes no condition on how a login ended."""
    now = datetime.now(UTC)
    asked = {production.users[CONSUMER].id: CONSUMER}, now - timedelta(days=1)
    app = target(production, production.app("Billing"))
    log_in(near, app, other_pair.key, now)
    assert production.logins, "the refused one is in the history"
    assert LastUses(records).logins(*asked) == ()
    log_in(near, app, pair.key, now)
    [use] = LastUses(records).logins(*asked)
    assert (use.username, use.app) == (CONSUMER, "Billing")
