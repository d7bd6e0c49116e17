"""What apps gave out to a user ends, and what was ended is written down whatever happens to the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.observed import Kind
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.salesforce.apps.app import App
from rotator.services.access.issued_tokens import IssuedTokens, end_tokens, issued
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.history.engine.database import Database

APPS = [App(Kind.APP, name, "key", None, None) for name in ("A", "B")]
HIDDEN = OrgError("The org does not allow it.", hint='It takes "Manage Users".')


@dataclass
class Org:
    """What two apps gave out to one user: a session ends with the token that it was given out for."""

    tokens_of: dict[str, list[str]] = field(default_factory=lambda: {"A": ["a1", "a2"], "B": ["b1"]})
    sessions_of: dict[str, list[str]] = field(default_factory=lambda: {"A": ["a1", "alone"], "B": ["b1", "other"]})
    sessions_fail: Mapping[str, OrgError] = field(default_factory=dict)
    fails_at: str = ""
    ended: list[str] = field(default_factory=list)

    def tokens(self, app: App, username: str) -> list[str]:
        assert username == "billing@example.com"
        return [each for each in self.tokens_of[app.full_name] if each not in self.ended]

    def sessions(self, app: App, username: str) -> list[str]:
        assert username == "billing@example.com"
        if app.full_name in self.sessions_fail:
            raise self.sessions_fail[app.full_name]
        return [each for each in self.sessions_of[app.full_name] if each not in self.ended]

    def revoke(self, token: str) -> None:
        if token == self.fails_at:
            raise OrgUnavailable("The org is away.")
        self.ended.append(token)

    end = revoke

    def issued(self) -> IssuedTokens:
        return issued(cast("Any", self), APPS, "billing@example.com")

    def ends(self, database: Database) -> IssuedTokens:
        access, journal = cast("Any", self), Journal(database)
        return end_tokens(access, journal, "billing", APPS, "billing@example.com", lambda: MOMENT)


def written_down(database: Database) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(each.kind, each.credential, dict(each.details)) for each in events(database)]


def test_all_of_it_ends_and_is_written_down_before_and_after(database: Database) -> None:
    org = Org()
    assert str(org.ends(database)) == "3 tokens and 4 live sessions"
    assert org.ended == ["a1", "a2", "b1", "alone", "other"]
    counts = {"tokens": 3, "sessions": 4}
    assert written_down(database) == [
        ("revoke_tokens_begins", "billing", counts),
        ("revoke_tokens", "billing", counts),
    ]


@pytest.mark.parametrize(("fails_at", "tokens", "sessions"), [("a1", 0, 0), ("b1", 2, 0), ("other", 3, 1)])
def test_what_was_ended_before_the_org_went_away_is_written_down(
    database: Database, fails_at: str, tokens: int, sessions: int
) -> None:
    org = Org(fails_at=fails_at)
    with pytest.raises(OrgUnavailable):
        org.ends(database)
    assert written_down(database)[1:] == [
        ("revoke_tokens", "billing", {"tokens": tokens, "sessions": sessions, "succeeded": False})
    ]


@pytest.mark.parametrize(("tokens", "sessions"), [(["a1"], []), ([], ["alone"])])
def test_tokens_alone_and_sessions_alone_end_too(database: Database, tokens: list[str], sessions: list[str]) -> None:
    org = Org({"A": tokens, "B": []}, {"A": sessions, "B": []})
    assert not org.ends(database).is_none
    assert org.ended == tokens + sessions
    assert org.issued().is_none


def test_where_nothing_was_given_out_nothing_is_written_down(database: Database) -> None:
    nothing: dict[str, list[str]] = {"A": [], "B": []}
    assert Org(nothing, nothing).ends(database).is_none
    assert written_down(database) == []


def test_where_sessions_are_not_shown_the_tokens_are_what_is_known_and_people_hear_why(database: Database) -> None:
    org = Org(sessions_fail={"A": HIDDEN, "B": HIDDEN})
    told = org.ends(database)
    assert str(told) == "3 tokens"
    assert told.hidden == 'Live sessions are not shown. The org does not allow it. It takes "Manage Users".'
    assert org.ended == ["a1", "a2", "b1"]
    assert not Org().issued().hidden


def test_sessions_that_one_app_does_not_show_hide_no_others() -> None:
    assert str(Org(sessions_fail={"B": HIDDEN}).issued().sessions) == "['a1', 'alone']"


@pytest.mark.parametrize("error", [OrgUnavailable("Away."), LoginRefused("No.")])
def test_an_org_that_is_away_or_refuses_the_login_hides_nothing(error: OrgError) -> None:
    with pytest.raises(type(error)):
        Org(sessions_fail={"A": error}).issued()
