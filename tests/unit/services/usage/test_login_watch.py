"""Who logs in since a promotion, as a look at the login history of an org finds it: everything is read anew."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate
from rotator.core.usage.login_rows import LoginRow
from rotator.core.usage.sources import Standing
from rotator.errors import HistoryUnavailable, OrgUnavailable
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.history.usage.usages import Usages
from rotator.salesforce.access.login_history import LoginsRead
from rotator.salesforce.budget import LimitReached
from rotator.services.usage import login_watch
from rotator.services.usage.login_watch import AROUND, BEFORE, LoginWatch
from rotator.services.usage.noted_logins import NotedLogins
from rotator.testing.versions import make_version
from tests.unit.services.usage.promoted import (
    DAY,
    HOUR,
    MOVED,
    NOW,
    PROMOTED,
    SILENT,
    configured,
    seen,
    status,
    used,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from rotator.core.usage.sources import Source
    from rotator.core.usage.usage import Usage
    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus

USER: Final = "005000000000001AAA"
PAIRS_USER: Final = "005000000000002AAA"
OWN: Final = "005000000000099AAA"
REFUSED: Final = "Failed: Signature Invalid"
LATER: Final = PROMOTED + 20 * timedelta(minutes=1)
ROTATOR: Final = "198.51.100.1"


@dataclass
class Org:
    """One whose login history is asked, and what was asked."""

    rows: list[LoginRow] = field(default_factory=list)
    is_cut: bool = False
    own_user_id: str = OWN
    ids: dict[str, str] = field(default_factory=lambda: {"billing@example.com": USER, "pair@example.com": PAIRS_USER})
    fails: Exception | None = None
    asked: list[tuple[set[str], datetime]] = field(default_factory=list)
    asked_for_ids: list[str] = field(default_factory=list)

    def user_ids(self, usernames: Sequence[str]) -> dict[str, str]:
        self.asked_for_ids += usernames
        return {name: self.ids[name] for name in usernames if name in self.ids}

    def read(self, user_ids: Collection[str], since: datetime) -> LoginsRead:
        if self.fails:
            raise self.fails
        self.asked.append(({*user_ids}, since))
        mine = [row for row in self.rows if row.at >= since and row.user_id in user_ids]
        return LoginsRead(tuple(sorted(mine, key=lambda row: row.at, reverse=True)), self.is_cut)

    def logs_in(
        self, at: datetime, status: str = "Success", app: str = "Billing", address: str = "192.0.2.7", user: str = USER
    ) -> None:
        self.rows.append(LoginRow(f"0Ya{len(self.rows):012}", user, at, status, address, app, "batch/1"))


@dataclass
class World:
    """An org, and the history."""

    database: Database
    org: Org = field(default_factory=Org)

    def looks(self, *statuses: CredentialStatus, options: str = "", at: datetime = NOW) -> list[Usage]:
        watch = LoginWatch(configured(options), self.database, "production")
        opened: list[str] = []

        def opens(org: str) -> Any:
            opened.append(org)
            return self.org

        found = watch.look(cast("Any", opens), statuses or [status(options)], at)
        assert {*opened} <= {"production"}
        assert [Usages(self.database).get(each.credential) for each in found] == found, "it is written down"
        return found

    def own_login(
        self, at: datetime, app: str = "Billing", user: str = "billing@example.com", *, is_accepted: bool | None = True
    ) -> None:
        records = RecordedLogins(self.database)
        number = records.begins(Login("production", user, f"key of {app}", app), at)
        if is_accepted is not None:
            records.ended(number, is_accepted=is_accepted)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def standings(usage: Usage) -> dict[str, Standing]:
    return {each.address: each.standing(NOW) for each in usage.sources}


def source(usage: Usage, address: str = "192.0.2.7") -> Source:
    [found] = [each for each in usage.sources if each.address == address]
    return found


def test_who_moved_and_who_was_left_behind_is_told_of_one_app(world: World) -> None:
    world.org.logs_in(PROMOTED - DAY, address="192.0.2.9")
    world.org.logs_in(LATER, REFUSED)
    world.org.logs_in(LATER, address="192.0.2.8")
    world.org.logs_in(LATER, address="192.0.2.10", app="Another")
    world.org.logs_in(LATER, address="192.0.2.11", user=PAIRS_USER)
    [usage] = world.looks()
    assert standings(usage) == {
        "192.0.2.7": Standing.REFUSED,
        "192.0.2.8": Standing.MOVED,
        "192.0.2.9": Standing.SILENT,
    }
    assert (usage.credential, usage.promoted_at, usage.looked_at) == ("billing", PROMOTED, NOW)
    assert (usage.user_id, usage.problem, usage.is_cut) == (USER, "", False)


def test_of_two_apps_who_logs_in_through_the_one_before_has_not_moved(world: World) -> None:
    live = {name: ObservedApp(name) for name in ("Pair_A", "Pair_B")}
    pair = status(
        name="pair",
        observed=seen(apps=live, current=version("new", "Pair_B"), previous=version("old", "Pair_A")),
    )
    for number, (app, named) in enumerate((("Pair_A", "Invoices old"), ("Pair_B", "Invoices"))):
        world.own_login(PROMOTED - number * HOUR / 4, app, "pair@example.com")
        world.org.logs_in(PROMOTED - number * HOUR / 4, app=named, address=ROTATOR, user=PAIRS_USER)
    for number, app in enumerate(("Pair A", "Pair_B", "Invoices", "Invoices old", "key of Pair_A")):
        world.org.logs_in(LATER, app=app, address=f"192.0.2.{number}", user=PAIRS_USER)
    [usage] = world.looks(pair)
    old, moved = Standing.OLD, Standing.MOVED
    found = standings(usage)
    assert [found.pop(f"192.0.2.{number}") for number in range(5)] == [old, moved, moved, old, old]
    assert found == {}, "our own logins are taken out"
    assert usage.applications == ("Invoices",)


def test_names_of_the_app_are_those_that_the_org_shows_and_that_were_learnt_before(world: World) -> None:
    shown = ObservedCertificate(org="production", app="Billing", type=Kind.APP, client_id="3MVG9")
    of = replace(status(), apps=(shown,))
    Usages(world.database).put(used(user_id=USER, applications=("Invoices (EMEA)",)))
    for number, app in enumerate(("3MVG9", "Invoices (EMEA)", "BILLING", "key of Billing")):
        world.org.logs_in(LATER, app=app, address=f"192.0.2.{number}")
    assert len(world.looks(of)[0].sources) == 3
    world.own_login(PROMOTED - HOUR / 2)
    assert len(world.looks(of)[0].sources) == 4
    Usages(world.database).put(used(promoted_at=PROMOTED - DAY, applications=("Invoices (EMEA)",)))
    assert len(world.looks(of)[0].sources) == 3, "it was learnt before another promotion"


def test_our_own_logins_are_taken_out_the_one_from_where_we_come_first(world: World) -> None:
    for address in ("192.0.2.7", ROTATOR):
        world.org.logs_in(LATER, REFUSED, address=address)
    world.org.logs_in(LATER, address=ROTATOR, app="Rotator", user=OWN)
    world.own_login(LATER, is_accepted=False)
    assert standings(world.looks()[0]) == {"192.0.2.7": Standing.REFUSED}


def test_where_consumers_log_in_as_our_own_user_our_address_tells_nothing(world: World) -> None:
    world.org.own_user_id = USER
    world.org.logs_in(LATER - timedelta(seconds=5), REFUSED, address="192.0.2.7")
    world.org.logs_in(LATER, REFUSED, address=ROTATOR)
    world.own_login(LATER - timedelta(seconds=6), is_accepted=False)
    assert [*standings(world.looks()[0])] == [ROTATOR]


def test_what_counts_as_a_refusal_and_when_is_configured(world: World) -> None:
    options = ", left_behind_after: 30m"
    world.org.logs_in(PROMOTED + HOUR / 3)
    world.org.logs_in(PROMOTED + 2 * HOUR / 5, REFUSED)
    assert source(world.looks(options=options)[0]).turns == 0
    assert source(world.looks()[0]).turns == 1
    settings = configured()
    org = settings.orgs["production"].model_copy(update={"signature_refusals": ("no such key",)})
    settings = settings.model_copy(update={"orgs": {"production": org}})
    world.org.rows.clear()
    for address in ("192.0.2.7", ROTATOR):
        world.org.logs_in(LATER, "No such key", address=address)
    world.own_login(LATER, is_accepted=False)
    watch = LoginWatch(settings, world.database, "production")
    [usage] = watch.look(lambda _: cast("Any", world.org), [status()], NOW)
    assert [each.refused for each in usage.sources] == [1]


def test_a_month_before_is_read_once_and_then_what_is_needed_to_know_our_own_logins(world: World) -> None:
    world.looks()
    world.looks()
    assert world.org.asked == [({USER, OWN}, PROMOTED - BEFORE), ({USER, OWN}, PROMOTED - AROUND)]
    assert world.org.asked_for_ids == ["billing@example.com"], "the id is known from the first look"


@pytest.mark.parametrize("damaged", ["' OR Id != '", ""])
def test_what_is_no_id_is_asked_of_nobody(world: World, damaged: str) -> None:
    Usages(world.database).put(used(user_id=damaged))
    world.org.own_user_id = damaged
    world.looks()
    assert [users for users, _ in world.org.asked] == [{USER}]


def test_credentials_in_grace_are_asked_of_together_and_no_others(world: World) -> None:
    over, unknown = status(observed=seen(previous=None)), status(observed=seen(promoted_at=None))
    pair = status(name="pair")
    assert [each.credential for each in world.looks(over, unknown, status(), pair)] == ["billing", "pair"]
    assert [users for users, _ in world.org.asked] == [{USER, PAIRS_USER, OWN}]
    assert world.looks(over) == []
    assert len(world.org.asked) == 1


def test_of_more_users_than_one_query_has_room_for_nobody_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_watch, "MOST_USERS", 3)
    settings, of = configured(), status()
    names = [f"c{number}" for number in range(5)]
    many = [
        replace(of, credential=name, settings=of.settings.model_copy(update={"username": f"{name}@example.com"}))
        for name in names
    ]
    world.org.ids = {f"{name}@example.com": f"005{number:012}AAA" for number, name in enumerate(names)}
    found = LoginWatch(settings, world.database, "production").look(lambda _: cast("Any", world.org), many, NOW)
    assert [each.credential for each in found] == names
    assert [len(users) for users, _ in world.org.asked] == [3, 3, 2]


class TestUnseen:
    """What cannot be seen is written down with the reason, and what was known stays."""

    @pytest.fixture
    def known(self, world: World) -> Usage:
        found = used(MOVED, SILENT, looked_at=PROMOTED, user_id=USER, applications=("Invoices",), is_cut=True)
        Usages(world.database).put(found)
        return found

    def test_an_org_that_is_away(self, world: World, known: Usage, caplog: pytest.LogCaptureFixture) -> None:
        world.org.fails = OrgUnavailable("The org is away.", hint="Wait.")
        [usage] = world.looks()
        assert usage == replace(known, problem="The org is away.", hint="Wait.", is_cut=False)
        [warned] = caplog.records
        assert (warned.getMessage(), vars(warned)["org"]) == ("who logs in is not seen: The org is away.", "production")

    def test_limits_of_the_org_are_no_trouble(
        self, world: World, known: Usage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        world.org.fails = LimitReached("The limit is reached.")
        assert world.looks() == []
        assert Usages(world.database).get("billing") == known
        [told] = caplog.records
        assert (told.levelname, vars(told)["org"]) == ("INFO", "production")
        assert "leave no room" in told.getMessage()

    def test_a_user_that_the_org_does_not_show(self, world: World) -> None:
        world.org.ids.clear()
        [usage] = world.looks()
        assert usage.problem == "The org shows no user billing@example.com."
        assert "Monitor Login History" in usage.hint
        assert world.org.asked == [(set(), PROMOTED - BEFORE)], "nobody's logins are asked for"

    @pytest.mark.parametrize("is_known", [True, False])
    def test_not_even_our_own_logins(self, world: World, known: Usage, is_known: bool) -> None:
        if not is_known:
            Usages(world.database).put(replace(known, user_id=""))
        world.own_login(PROMOTED)
        [usage] = world.looks()
        assert "not even rotator's own test logins" in usage.problem
        assert (usage.user_id, usage.sources) == (USER, known.sources)
        assert not usage.is_cut
        world.org.logs_in(LATER)
        assert world.looks()[0].problem == ""

    @pytest.mark.parametrize("is_known", [True, False])
    def test_too_many_logins_of_others(self, world: World, known: Usage, is_known: bool) -> None:
        if not is_known:
            Usages(world.database).put(replace(known, user_id=""))
        world.org.is_cut = True
        world.org.logs_in(LATER, user=OWN)
        [usage] = world.looks()
        assert "too many logins" in usage.problem
        assert (usage.user_id, usage.is_cut, usage.sources) == (USER, True, known.sources)
        world.org.logs_in(PROMOTED - HOUR / 2, user=OWN)
        assert world.looks()[0].problem == "", "all since the promotion were read"

    def test_of_more_logins_than_are_read_who_was_known_stays(self, world: World, known: Usage) -> None:
        world.org.is_cut = True
        world.org.logs_in(LATER, REFUSED)
        [usage] = world.looks()
        assert usage.is_cut
        assert source(usage, MOVED.address) == MOVED
        world.org.is_cut = False
        assert source(world.looks()[0], MOVED.address).accepted_at is None
        assert known


class TestNoted:
    """The program's own logins are written down before they are made, and how they went."""

    @pytest.mark.parametrize(
        ("outcome", "is_the_orgs", "noted"),
        [
            (LoginOutcome.ACCEPTED, True, True),
            (LoginOutcome.MISMATCH, True, False),
            (LoginOutcome.TRANSIENT, True, None),
            (LoginOutcome.MISMATCH, False, None),
            (LoginOutcome.TRANSIENT, False, None),
        ],
    )
    def test_how_one_went_is_known_where_the_org_has_answered(
        self, world: World, outcome: LoginOutcome, is_the_orgs: bool, noted: bool | None
    ) -> None:
        stored = make_version()
        answer = LoginAnswer(outcome, is_the_orgs=is_the_orgs)

        def proves(_version: object) -> LoginAnswer:
            [begun] = own(stored.client_id)
            assert begun.is_accepted is None
            return answer

        def own(client_id: str, app: str = "") -> Any:
            records, username = RecordedLogins(world.database), stored.username
            since = NOW - HOUR
            return records.of("production", username, apps=[app], client_ids=[client_id], since=since)

        logins = NotedLogins(lambda: world.database, "production", lambda: NOW)
        assert logins.around(proves)(stored) is answer
        [found] = own(stored.client_id)
        assert [found] == own("", stored.app)
        assert (found.app, found.at, found.is_accepted) == (stored.app, NOW, noted)

    def test_what_cannot_be_written_down_holds_up_no_login(self, caplog: pytest.LogCaptureFixture) -> None:
        def is_away() -> Any:
            raise HistoryUnavailable("The disk is full.", hint="Make room.")

        answer = LoginAnswer(LoginOutcome.ACCEPTED)
        logins = NotedLogins(is_away, "production", lambda: NOW)
        assert logins.around(lambda _: answer)(make_version()) is answer
        [warned] = caplog.records
        assert warned.getMessage() == "an own login is not written down: The disk is full."
        assert vars(warned)["org"] == "production"
