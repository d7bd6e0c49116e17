"""A query that is refused shows where it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.simulator.rest.test_query import BASE, ask, get

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org


def test_the_furthest_offset_is_answered(org: Org) -> None:
    assert ask(org, "SELECT Id FROM User OFFSET 2000")["records"] == []
    assert ask(org, "SELECT AppName FROM OauthToken LIMIT 2500 OFFSET 2500")["records"] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # As people quote what Salesforce answered (restforce issue 632).
        (
            r"SELECT Id, Data_Quality_Score__c from Contact where FirstName = 'Anne\-Marie'",
            "\nfrom Contact where FirstName = 'Anne\\-Marie'\n"
            "                              ^\nERROR at Row:1:Column:64\n"
            "Invalid string literal 'Anne\\-Marie'. Illegal character sequence '\\-' in string literal.",
        ),
        (
            "SELECT Username FROM User where Id = '='",
            "\nSELECT Username FROM User where Id = '='\n                                ^\n"
            "ERROR at Row:1:Column:33\ninvalid ID field: =",
        ),
        (
            "SELECT Id FROM Nope__c",
            "\nSELECT Id FROM Nope__c\n               ^\nERROR at Row:1:Column:16\nsObject type 'Nope__c' is not",
        ),
        (
            "SELECT CreatedById,LastModifiedById,Name,Product__c,IsActive,LastModifiedDate,Id FROM User",
            "\nCreatedById,LastModifiedById,Name,Product__c,IsActive,LastModifiedDate\n",
        ),
        ("SELECT Id, Id FROM User", "duplicate field selected: Id"),
        ("SELECT Id FROM User LIMIT x", "unexpected token: 'x'"),
    ],
)
def test_a_refusal_shows_the_place_in_the_query(org: Org, text: str, told: str) -> None:
    status, body = get(org, f"{BASE}/query", q=text)
    assert status == 400
    assert body[0]["message"][: len(told)] == told
