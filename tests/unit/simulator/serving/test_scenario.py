"""The two orgs that are served when nothing else is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import Certificate
from rotator.simulator.serving.scenario import MANAGED, ORGS, two_orgs, username
from tests.unit.simulator.helpers import START, seeded

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock


@pytest.fixture
def orgs(clock: StandingClock, key_pairs: tuple[KeyPair, ...]) -> dict[str, Org]:
    keys = cycle(key for key, _ in key_pairs)
    return {org.name: org for org in two_orgs(clock=clock, random=seeded(), new_key=lambda: next(keys))}


def days_left(org: Org, app: str) -> int | None:
    certificate = org.app(app).live_certificate
    return (certificate.not_after - START).days if certificate else None


def test_certificates_are_fresh_near_their_end_expired_and_missing(orgs: dict[str, Org]) -> None:
    apps = ("Reporting", "Billing", "Legacy_Sync", "Onboarding")
    assert [days_left(orgs["production"], app) for app in apps] == [290, 12, -40, None]


def test_both_apps_of_the_pair_hold_the_certificate_of_the_current_key(orgs: dict[str, Org]) -> None:
    first, second = orgs["production"].app("Warehouse_A"), orgs["production"].app("Warehouse_B")
    assert first.live_certificate == second.live_certificate
    assert first.client_id != second.client_id


def test_every_org_has_a_management_app_whose_user_may_use_the_metadata_api(orgs: dict[str, Org]) -> None:
    assert {org.management.name for org in orgs.values()} == {"Rotator_Management"}
    assert [org.kind for org in orgs.values()] == list(ORGS)


def test_other_certificates_are_near_their_end_without_one_waiting_and_deleted(orgs: dict[str, Org]) -> None:
    org = orgs["production"]
    told = {each.name: each.expires_at and (each.expires_at - START).days for each in org.certificates}
    assert (told["Document_Signing"], told["Partner_Connection"]) == (9, None)
    assert org.certificates[2].expires_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert [each.name for each in org.certificates if each.unusable] == ["Partner_Connection"]
    assert [each.name for each in org.certificates if each.deleted] == ["Document_Signing_Old"]
    trusted = Certificate.parse(org.identity_providers["Company_Login"].component["validationCert"])
    assert (trusted.not_after - START).days == 45


def test_every_app_with_a_certificate_has_its_key_and_its_user(orgs: dict[str, Org]) -> None:
    for org in orgs.values():
        for app in org.apps.values():
            assert app.username in org.users
            if app.live_certificate:
                assert app.private_key is not None
                assert app.private_key.matches(app.live_certificate)


def test_what_is_managed_is_there_and_some_apps_are_managed_by_nobody(orgs: dict[str, Org]) -> None:
    managed = {(each.org, app) for each in MANAGED for app in each.apps}
    there = {(org.name, app) for org in orgs.values() for app in org.apps}
    assert managed < there
    for each in MANAGED:
        assert {orgs[each.org].app(app).username for app in each.apps} == {username(orgs[each.org], each.user)}
