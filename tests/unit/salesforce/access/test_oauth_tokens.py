"""The rows of OauthToken, all of them, however few of them a query gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.secret import Secret
from rotator.errors import OrgError
from rotator.salesforce.access import oauth_tokens
from rotator.salesforce.access.oauth_tokens import OauthTokens
from rotator.simulator.rest import tables
from tests.unit.salesforce.conftest import CONSUMER

if TYPE_CHECKING:
    from rotator.salesforce.access.org_records import OrgRecords
    from rotator.simulator.org.org import Org


def use(org: Org, app: str, username: str, *, seconds: float = 0) -> None:
    at = org.clock() + timedelta(seconds=seconds)
    user = org.users.get(username) or org.add_user(username)
    org.grants.use(org.app(app), user, at, Secret(f"{app} {username}"))


@pytest.fixture
def _ten_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_tokens, "MOST_ROWS", 10)
    monkeypatch.setitem(tables.TABLES, "OauthToken", replace(tables.TABLES["OauthToken"], most_rows=10, batch=4))


def test_of_a_user_and_an_app(production: Org, records: OrgRecords) -> None:
    use(production, "Billing", CONSUMER)
    use(production, "Rotator", CONSUMER)
    use(production, "Billing", "o'brien@rotator.example")
    tokens = OauthTokens(records)
    [found] = tokens.of(username=CONSUMER, label="Billing")
    assert (found.username, found.app_name, found.uses) == (CONSUMER, "Billing", 1)
    assert found.is_of(production.app("Billing").id, "")
    assert not found.is_of(production.app("Rotator").id, "Billing")
    assert found.delete_token.reveal() not in repr(found)
    assert [each.app_name for each in tokens.of(username="o'brien@rotator.example")] == ["Billing"]


@pytest.mark.usefixtures("_ten_in_all")
@pytest.mark.parametrize("in_one_second", [1, 3, 9])
def test_those_beyond_what_one_query_gives(production: Org, records: OrgRecords, in_one_second: int) -> None:
    for number in range(35):
        use(production, "Billing", f"user{number}@rotator.example", seconds=number // in_one_second)
    found = OauthTokens(records).of(label="Billing")
    assert [each.username for each in found] == [f"user{number}@rotator.example" for number in range(35)]


@pytest.mark.usefixtures("_ten_in_all")
def test_more_of_one_second_than_a_query_gives_are_told(production: Org, records: OrgRecords) -> None:
    for number in range(25):
        use(production, "Billing", f"user{number}@rotator.example")
    with pytest.raises(OrgError, match="more than 10 OAuth tokens of one second"):
        OauthTokens(records).of(label="Billing")


def test_what_is_no_token_is_no_answer(production: Org, records: OrgRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    use(production, "Billing", CONSUMER)
    monkeypatch.setattr(next(iter(production.grants)), "created_at", None)
    with pytest.raises(OrgError, match=r"does not answer like the REST API: .*CreatedDate is no text"):
        OauthTokens(records).of()
