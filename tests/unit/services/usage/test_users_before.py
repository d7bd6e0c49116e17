"""Who uses a credential before it is rotated: of however many users, and what cannot be seen is told as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.cli.output.usage.use_lines import use_in_words
from rotator.config.loading import parse
from rotator.core.posture.facts import Use
from rotator.core.usage.login_rows import LoginRow
from rotator.errors import OrgError
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.salesforce.access.login_history import MOST_USERS, LoginsRead
from rotator.services.usage.users_before import UsersBefore
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
CONFIGURATION: Final = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {env: ROTATOR_KEY}}
stores: {keys: {type: files, path: store}}
credentials:
"""


def settings(number: int) -> Settings:
    lines = (
        f"  c{each}: {{org: production, store: keys, username: u{each}@example.com, apps: [App_{each}]}}\n"
        for each in range(number)
    )
    return parse(CONFIGURATION + "".join(lines), Path("/nowhere/config.yaml"))


def id_of(number: int) -> str:
    return f"005{number:012}AAA"


@dataclass
class Org:
    """One that reads of so many users at once as a query has room for, and so many rows as are told."""

    numbers: Collection[int]
    """Of the users who have logged in, each through his app an hour ago."""
    most: int = 10_000
    users_of_a_query: list[int] = field(default_factory=list)
    shown_tokens: tuple[Use, ...] = ()
    refusal: OrgError | None = None
    refuses_users: OrgError | None = None
    rows: list[LoginRow] = field(default_factory=list)
    """Further ones."""

    def user_ids(self, usernames: Iterable[str]) -> dict[str, str]:
        if self.refuses_users:
            raise self.refuses_users
        return {name: id_of(int(name.partition("@")[0][1:])) for name in usernames}

    def read(self, user_ids: Collection[str], _since: datetime) -> LoginsRead:
        assert len(user_ids) <= MOST_USERS
        if self.refusal:
            raise self.refusal
        self.users_of_a_query.append(len(user_ids))
        rows = [
            LoginRow(f"0Ya{each:012}", id_of(each), NOW - HOUR, "Success", "192.0.2.7", f"App_{each}", "batch/1")
            for each in self.numbers
            if id_of(each) in user_ids
        ]
        rows += self.rows
        return LoginsRead(tuple(rows[: self.most]), is_cut=len(rows) > self.most)

    def tokens(self, _usernames: Mapping[str, str]) -> tuple[Use, ...]:
        return self.shown_tokens


def asked(database: Database, number: int, org: Any) -> dict[str, Any]:
    made = settings(number)
    return UsersBefore(made, database, "production").of([*made.credentials], org, org, NOW)


@longer
def test_nobody_is_left_out_however_many_users_there_are(database: Database) -> None:
    number = 2 * MOST_USERS + 1
    org = Org(range(number))
    found = asked(database, number, org)
    assert org.users_of_a_query == [MOST_USERS, MOST_USERS, 1]
    assert {name: len(use.sources) for name, use in found.items()} == {f"c{each}": 1 for each in range(number)}


def own_login(database: Database, at: datetime) -> None:
    records = RecordedLogins(database)
    records.ended(records.begins(Login("production", "u1@example.com", "key", "App_1"), at), is_accepted=True)


def test_of_too_many_logins_it_is_said_that_they_are(database: Database) -> None:
    """The program's own login is older than the oldest row that was read."""
    own_login(database, NOW - 2 * HOUR)
    use = asked(database, 2, Org([0, 0, 0], most=2))["c1"]
    assert "too many logins" in use.why_not
    assert "Monitor Login History" not in use.why_not + use.hint
    assert use.is_cut


def test_an_org_that_shows_not_even_our_own_logins_hides_them(database: Database) -> None:
    own_login(database, NOW - 2 * HOUR)
    use = asked(database, 2, Org([0]))["c1"]
    assert "not even rotator's own test logins" in use.why_not
    assert "Monitor Login History" in use.hint
    own_login(database, NOW)
    assert "Monitor Login History" in asked(database, 2, Org([0, 0, 0], most=2))["c1"].hint


def test_that_nobody_logged_in_is_not_said_of_whom_too_many_logins_hide(database: Database) -> None:
    unseen = asked(database, 2, Org([0]))["c1"]
    assert "No login" in unseen.why_not
    assert "only to a user with the permission" in unseen.hint
    hidden = asked(database, 2, Org([0, 0, 0], most=2))["c1"]
    assert "too many logins" in hidden.why_not
    assert "keep each access token" in hidden.hint


def test_an_org_that_shows_no_users_is_told_with_what_to_do(database: Database) -> None:
    refusal = OrgError("User is not shown.", hint="Give a permission.")
    uses = asked(database, 2, Org([], refuses_users=refusal))
    assert {(each.username, each.why_not, each.hint) for each in uses.values()} == {
        (f"u{number}@example.com", refusal.message, refusal.hint) for number in range(2)
    }


def test_a_label_that_was_learnt_and_a_refusal_that_was_configured_count(database: Database) -> None:
    made = settings(1)
    org = made.orgs["production"].model_copy(update={"signature_refusals": ("no such key",)})
    made = made.model_copy(update={"orgs": {"production": org}})
    records = RecordedLogins(database)
    login = Login("production", "u0@example.com", "key", "App_0")
    records.ended(records.begins(login, NOW - 2 * HOUR), is_accepted=True)
    rows = [
        LoginRow("0Ya1", id_of(0), NOW - 2 * HOUR, "Success", "198.51.100.1", "Invoices", "rotator"),
        LoginRow("0Ya2", id_of(0), NOW - HOUR, "Success", "192.0.2.7", "Invoices", "batch/1"),
        LoginRow("0Ya3", id_of(0), NOW, "No such key", "192.0.2.8", "App 0", "web/1"),
    ]
    asks: Any = Org([], rows=rows)
    use = UsersBefore(made, database, "production").of(["c0"], asks, asks, NOW)["c0"]
    assert [(each.address, each.accepted, each.refused) for each in use.sources] == [
        ("192.0.2.8", 0, 1),
        ("192.0.2.7", 1, 0),
    ]


@pytest.mark.parametrize("refusal", [None, OrgError("LoginHistory is not shown.", hint="Give a permission.")])
def test_tokens_that_the_org_shows_are_told_also_where_logins_are_not(
    database: Database, refusal: OrgError | None
) -> None:
    token = Use("u0@example.com", "App 0", NOW - HOUR)
    others = (Use("u1@example.com", "App 0", NOW), Use("u0@example.com", "Another", NOW))
    use = asked(database, 1, Org([], shown_tokens=(token, *others), refusal=refusal))["c0"]
    assert use.tokens == (token,)
    not_visible, told = use_in_words(use, NOW)
    assert not_visible.startswith("Who logs in with it is not visible: ")
    assert (use.why_not, use.hint) == (
        (refusal.message, refusal.hint) if refusal else ("No login of its user was seen in 30 days.", use.hint)
    )
    assert told.startswith("u0@example.com has a token of App 0, last used ")
