"""Who may use an app is read by its grants and their assignments, of apps of either kind alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.errors import OrgError
from rotator.salesforce.access.admitted_users import AdmittedUsers, Holder
from tests.unit.salesforce.conftest import CONSUMER, ROBOT, Pair

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.simulator.org.org import Org


def test_by_a_profile(production: Org, apps: OrgApps, records: OrgRecords) -> None:
    app = apps.read("Billing")
    assert app
    found = AdmittedUsers(records).of(app, only_approved=True)
    assert (found.app_id, found.label) == (production.app("Billing").id, "Billing")
    [grant] = found.grants
    assert (grant.holder, grant.name) == (Holder.PROFILE, "Standard User")
    assert [each.username for each in found.assignments] == [CONSUMER]
    assert str(found.of(CONSUMER.upper())[0]) == "the profile Standard User"
    assert found.of(ROBOT) == ()
    assert found.assignments[0].permission_set_id == grant.permission_set_id


def test_by_a_permission_set_of_an_external_client_app(
    production: Org, apps: OrgApps, records: OrgRecords, pair: Pair
) -> None:
    production.add_user("ship@rotator.example", permission_sets=("Shipping access",), profile="Nobody else's")
    production.add_user("gone@rotator.example", permission_sets=("Shipping access",), active=False)
    external = production.add_external_app("Shipping", certificate=pair.certificate, username="ship@rotator.example")
    policies = external.satellites["ExtlClntAppOauthConfigurablePolicies"]
    policies.component = {**policies.component, "commaSeparatedPermissionSet": "Shipping access"}
    app = apps.read("Shipping")
    assert app
    admitted = AdmittedUsers(records)
    found = admitted.of(app, only_approved=True, username="ship@rotator.example")
    assert {(each.holder, each.name) for each in found.grants} == {
        (Holder.PROFILE, "Nobody else's"),
        (Holder.PERMISSION_SET, "Shipping access"),
    }
    assert sorted(map(str, found.assignments)) == [
        "the permission set Shipping access",
        "the profile Nobody else's",
    ]
    [of_set] = [each for each in found.grants if each.holder is Holder.PERMISSION_SET]
    assert admitted.users_of(of_set.permission_set_id) == ("ship@rotator.example",)
    everybody = admitted.assignments(found.app_id)
    assert "gone@rotator.example" in [each.username for each in everybody]


def test_two_apps_of_a_label_are_not_told_apart(
    production: Org, apps: OrgApps, records: OrgRecords, pair: Pair
) -> None:
    other = production.add_app("Billing2", certificate=pair.certificate, username=CONSUMER)
    other.component = {**other.component, "label": "Billing"}
    app = apps.read("Billing")
    assert app
    with pytest.raises(OrgError, match="shows 2 apps of the label of Billing") as caught:
        AdmittedUsers(records).of(app, only_approved=True)
    assert "label of its own" in caught.value.hint


def test_a_permission_that_is_missing_is_named(production: Org, apps: OrgApps, records: OrgRecords) -> None:
    app = apps.read("Billing")
    assert app
    production.settings = replace(production.settings, hidden_types=("SetupEntityAccess",))
    with pytest.raises(OrgError) as caught:
        AdmittedUsers(records).of(app, only_approved=True)
    assert '"View Setup and Configuration"' in caught.value.hint
