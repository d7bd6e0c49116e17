"""The rows of OauthToken, all of them, however few of them a query gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.secret import Secret
from rotator.errors import OrgError
from rotator.salesforce.access import oauth_tokens
from rotator.salesforce.access.oauth_tokens import tokens_of
from rotator.simulator.rest import tables
from tests.unit.salesforce.conftest import CONSUMER, Pair

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.simulator.org.org import Org


def use(org: Org, app: str, username: str, *, seconds: float = 0) -> None:
    at = org.clock() + timedelta(seconds=seconds)
    user = org.users.get(username) or org.add_user(username)
    org.grants.use(org.app(app), user, at, Secret(f"{app} {username}"))


def use_many(org: Org, pair: Pair, apps: int, in_one_second: int) -> None:
    for number in range(apps):
        org.add_app(f"App{number}", certificate=pair.certificate, username=CONSUMER)
        use(org, f"App{number}", CONSUMER, seconds=number // in_one_second)


@pytest.fixture
def _ten_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_tokens, "MOST_ROWS", 10)
    monkeypatch.setitem(tables.TABLES, "OauthToken", replace(tables.TABLES["OauthToken"], most_rows=10, batch=4))


def test_of_a_user_and_an_app(production: Org, records: OrgRecords) -> None:
    use(production, "Billing", CONSUMER)
    use(production, "Rotator", CONSUMER)
    use(production, "Billing", "o'brien@rotator.example")
    found, other = sorted(tokens_of(records, CONSUMER), key=lambda each: each.app_name)
    assert (found.app_name, other.app_name) == ("Billing", "Rotator")
    assert found.is_of(production.app("Billing").id, "")
    assert not found.is_of(production.app("Rotator").id, "Billing")
    assert found.delete_token.reveal() not in repr(found)
    assert [each.app_name for each in tokens_of(records, "o'brien@rotator.example")] == ["Billing"]


@pytest.mark.usefixtures("_ten_in_all")
@pytest.mark.parametrize("in_one_second", [1, 3, 9])
def test_those_beyond_what_one_query_gives(
    production: Org, records: OrgRecords, pair: Pair, in_one_second: int
) -> None:
    use_many(production, pair, 35, in_one_second)
    assert [each.app_name for each in tokens_of(records, CONSUMER)] == [f"App{number}" for number in range(35)]


@pytest.mark.usefixtures("_ten_in_all")
def test_more_of_one_second_than_a_query_gives_are_told(production: Org, records: OrgRecords, pair: Pair) -> None:
    use_many(production, pair, 25, in_one_second=25)
    with pytest.raises(OrgError, match="more than 10 OAuth tokens of one second"):
        tokens_of(records, CONSUMER)


def test_what_is_no_token_is_no_answer(production: Org, records: OrgRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    use(production, "Billing", CONSUMER)
    monkeypatch.setattr(next(iter(production.grants)), "created_at", None)
    with pytest.raises(OrgError, match=r"does not answer like the REST API: .*CreatedDate is no text"):
        tokens_of(records, CONSUMER)
