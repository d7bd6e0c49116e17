"""What was taken from a user comes back as it was written down, and never lets a revoked key in again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy, RevocationStep
from rotator.core.observed import Kind
from rotator.errors import NOTHING_CHANGED, OrgError, OrgUnavailable, RotationHalted
from rotator.history.journal.journal import Journal
from rotator.history.journal.projection import GIVEN_BACK
from rotator.history.journal.queries import events
from rotator.salesforce.apps.app import App
from rotator.services.access.given_access import (
    give_back,
    is_let_in,
    note_who_is_let_in,
    refuse_to_return,
    return_access,
    says_what_is_back,
    withdraw,
)
from rotator.testing.versions import MOMENT, make_secret_version, make_version
from tests.unit.revoked import revoke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.credentials import KeyVersion, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.history.engine.database import Database
    from rotator.history.records import Event

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
PROFILE = AccessGrant("Billing", "0H4", GivenBy.PROFILE, "Standard User", "0PS1", "005")
SET = AccessGrant("Billing", "0H4", GivenBy.PERMISSION_SET, "Integration", "0PS2", "005", shared_with=("orders",))
NOT_ALLOWED = OrgError("The org does not allow it.", hint='It takes "Manage Users".')


def app(name: str = "Billing", version: KeyVersion | None = None, *, hides: bool = False) -> App:
    return App(Kind.APP, name, "key", version.certificate if version else None, None, hides)


@dataclass
class World:
    """One org with the apps of `billing`, and the history."""

    database: Database
    apps_read: list[App | None] = field(default_factory=lambda: [app()])
    lets_in: dict[str, list[AccessGrant]] = field(default_factory=dict)
    fails: dict[AccessGrant, OrgError] = field(default_factory=dict)
    given: list[AccessGrant] = field(default_factory=list)
    sent: list[tuple[str, Certificate, str | None]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    name = "billing"

    def __post_init__(self) -> None:
        self.settings = SimpleNamespace(username="billing@example.com")
        self.journal = Journal(self.database)
        self.apps = self

    @property
    def any(self) -> Any:
        """As whatever a function asks for."""
        return cast("Any", self)

    def read_apps(self) -> list[App | None]:
        return self.apps_read

    def replace_certificate(
        self, full_name: str, certificate: Certificate, *, expecting: str | None, sends: Any
    ) -> None:
        self.done.append(f"another certificate for {full_name}")
        sends()
        self.sent.append((full_name, certificate, expecting))

    def grants(self, app: App, username: str) -> tuple[AccessGrant, ...]:
        assert username == "billing@example.com"
        return tuple(self.lets_in.get(app.full_name, ()))

    def give_back(self, grant: AccessGrant) -> None:
        self.done.append(f"{grant} comes back")
        if grant in self.fails:
            raise self.fails[grant]
        self.given.append(grant)

    def withdraw(self, grant: AccessGrant) -> None:
        self.done.append(f"{grant} goes")
        assert "withdraw_begins" in kinds(self)
        assert "withdraw" not in kinds(self)
        if grant in self.fails:
            raise self.fails[grant]

    def revoked(
        self, *grants: AccessGrant, credential: str = "billing", steps: Sequence[RevocationStep] = EVERY_STEP
    ) -> None:
        revoke(self.journal, MOMENT, credential, steps)
        for grant in grants:
            self.journal.record("withdraw_begins", now=MOMENT, credential=credential, grant=asdict(grant))

    def comes_back(self) -> tuple[str, ...]:
        return give_back(self.any, self.any, self.journal, now)


def now() -> Any:
    return MOMENT


def told(world: World) -> list[Event]:
    return list(events(world.database))


def kinds(world: World) -> list[str]:
    return [each.kind for each in told(world)]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_what_is_taken_is_written_down_before_and_after(world: World) -> None:
    world.revoked()
    withdraw(world.any, world.journal, "billing", PROFILE, now)
    assert world.journal.revocations()["billing"].withdrawn == (PROFILE,)
    begun, done = told(world)[-2:]
    assert (begun.kind, done.kind) == ("withdraw_begins", "withdraw")
    assert done.credential == begun.credential == "billing"
    assert done.details == begun.details


def test_what_could_not_be_taken_may_have_been_taken(world: World) -> None:
    world.revoked()
    world.fails[PROFILE] = OrgUnavailable("The org is away.")
    with pytest.raises(OrgUnavailable):
        withdraw(world.any, world.journal, "billing", PROFILE, now)
    assert world.journal.revocations()["billing"].withdrawn == (PROFILE,)


def test_all_that_was_taken_comes_back_the_last_first(world: World) -> None:
    world.revoked(PROFILE, SET)
    assert world.comes_back() == ()
    assert world.given == [SET, PROFILE]
    assert world.journal.revocations()["billing"].withdrawn == ()


def test_what_was_taken_with_another_credential_comes_back_and_ends_what_that_says_of_access(world: World) -> None:
    world.revoked()
    world.revoked(replace(SET, shared_with=("billing",)), credential="orders")
    assert world.comes_back() == ()
    [given] = world.given
    assert given.name == SET.name
    orders = world.journal.revocations()["orders"]
    assert (orders.withdrawn, orders.wanted) == ((), (CERTIFICATE, TOKENS))


def test_an_org_that_is_away_is_no_refusal_and_the_rest_is_left(world: World) -> None:
    world.revoked(PROFILE, SET)
    world.fails[PROFILE] = OrgUnavailable("The org is away.")
    with pytest.raises(OrgUnavailable):
        world.comes_back()
    assert world.journal.revocations()["billing"].withdrawn == (PROFILE,)


def test_what_cannot_come_back_holds_up_none_of_the_rest_and_is_said(world: World) -> None:
    world.revoked(PROFILE, SET)
    world.fails[SET] = NOT_ALLOWED
    with pytest.raises(RotationHalted) as raised:
        world.comes_back()
    assert "Not given back: the permission set Integration, for Billing" in raised.value.message
    assert "The org does not allow it." in raised.value.message
    assert raised.value.effect == "Nothing else of it is in use yet."
    assert "Let billing@example.com in to Billing in Setup" in raised.value.hint
    assert raised.value.hint.endswith(NOT_ALLOWED.hint)
    assert world.given == [PROFILE]
    assert world.journal.revocations()["billing"].withdrawn == (SET,), "it is still to come back"


def test_it_is_done_with_where_the_user_is_let_in_by_something_else(world: World) -> None:
    world.revoked(SET)
    world.fails[SET] = NOT_ALLOWED
    world.lets_in["Billing"] = [PROFILE]
    [sentence] = world.comes_back()
    assert sentence.endswith("The user is let in by the profile Standard User, for Billing now.")
    assert world.journal.revocations()["billing"].withdrawn == ()
    assert told(world)[-1].details["why"] == "The org does not allow it."


def test_nothing_is_said_where_the_user_has_it_all_the_same(world: World) -> None:
    world.revoked(SET)
    world.fails[SET] = NOT_ALLOWED
    world.lets_in["Billing"] = [PROFILE, replace(SET, app_id="0H5")]
    assert world.comes_back() == ()
    assert world.journal.revocations()["billing"].withdrawn == ()


@pytest.mark.parametrize(
    ("lets_in", "is_let_in"),
    [({"Other": [PROFILE]}, True), ({"Other": [PROFILE], "Another": []}, False), ({}, False)],
)
def test_of_an_app_that_is_no_more_the_others_tell(
    world: World, lets_in: dict[str, list[AccessGrant]], is_let_in: bool
) -> None:
    world.revoked(SET)
    world.fails[SET] = NOT_ALLOWED
    world.lets_in = lets_in
    world.apps_read = [None, *map(app, lets_in or {"Other": []})]
    if is_let_in:
        assert world.comes_back()
        return
    with pytest.raises(RotationHalted):
        world.comes_back()


def test_another_app_that_lets_the_user_in_does_not_make_up_for_its_own(world: World) -> None:
    world.revoked(SET)
    world.fails[SET] = NOT_ALLOWED
    world.apps_read = [app("billing"), app("Other")]
    world.lets_in["Other"] = [PROFILE]
    with pytest.raises(RotationHalted):
        world.comes_back()


def test_its_own_app_is_enough_whatever_the_other_does(world: World) -> None:
    world.revoked(SET)
    world.fails[SET] = NOT_ALLOWED
    world.apps_read = [app("billing"), app("Other")]
    world.lets_in["billing"] = [PROFILE]
    assert world.comes_back()


def test_of_a_grant_that_cannot_come_back_each_credential_that_had_it_is_told_why(world: World) -> None:
    world.revoked(SET)
    world.revoked(credential="orders")
    world.fails[SET] = NOT_ALLOWED
    world.lets_in["Billing"] = [PROFILE]
    world.comes_back()
    given_back = [each for each in told(world) if each.kind == GIVEN_BACK]
    assert [(each.credential, each.details["why"]) for each in given_back] == [
        ("orders", NOT_ALLOWED.message),
        ("billing", NOT_ALLOWED.message),
    ]


def test_what_had_an_end_that_has_passed_is_not_given_again(world: World) -> None:
    over = replace(SET, expires=MOMENT.isoformat())
    world.revoked(over)
    assert world.comes_back() == ()
    assert world.done == []
    assert world.journal.revocations()["billing"].withdrawn == ()


class TestRefused:
    def test_where_it_would_let_another_revoked_key_in(self, world: World) -> None:
        world.revoked(SET)
        world.revoked(credential="orders", steps=[ACCESS])
        with pytest.raises(RotationHalted, match="orders is revoked as well") as raised:
            refuse_to_return(world.journal, "billing", MOMENT, is_let_in=lambda: True)
        assert "`rotator revoke orders --only certificate --reason TEXT`" in raised.value.hint
        assert raised.value.effect == NOTHING_CHANGED

    def test_not_where_that_key_was_ended(self, world: World) -> None:
        world.revoked(SET)
        world.revoked(credential="orders")
        refuse_to_return(world.journal, "billing", MOMENT, is_let_in=lambda: False)

    @pytest.mark.parametrize("is_in", [True, False])
    def test_where_the_time_has_passed_and_nobody_has_let_the_user_in_since(self, world: World, is_in: bool) -> None:
        world.revoked(replace(SET, expires=MOMENT.isoformat()))
        if is_in:
            refuse_to_return(world.journal, "billing", MOMENT, is_let_in=lambda: True)
            return
        with pytest.raises(RotationHalted, match="which has passed") as raised:
            refuse_to_return(world.journal, "billing", MOMENT, is_let_in=lambda: False)
        assert raised.value.effect == NOTHING_CHANGED
        assert "Let the user in to Billing in Setup" in raised.value.hint
        refuse_to_return(world.journal, "billing", MOMENT - timedelta(seconds=1), is_let_in=lambda: False)


def test_the_user_is_let_in_where_each_app_lets_him(world: World) -> None:
    world.apps_read = [app("A"), None, app("B")]
    world.lets_in = {"A": [PROFILE]}
    assert not is_let_in(world.any, world.any)
    world.lets_in["B"] = [SET]
    assert is_let_in(world.any, world.any)


def test_who_is_let_in_again_is_written_down_when_it_is_news(world: World) -> None:
    world.revoked(PROFILE)

    def is_news() -> bool:
        revoked = world.journal.revocations()["billing"]
        return note_who_is_let_in(world.any, world.any, world.journal, revoked, now)

    assert not is_news()
    world.lets_in["Billing"] = [PROFILE, SET]
    assert (is_news(), is_news()) == (True, False)
    assert world.journal.revocations()["billing"].let_in_by == "the profile Standard User, for Billing"
    world.lets_in["Billing"] = []
    assert is_news()
    assert world.journal.revocations()["billing"].let_in_by == ""


class TestReturn:
    """Access comes back once no app holds a certificate of before."""

    def returns(self, world: World, adopted: Version | None = None) -> tuple[str, ...]:
        return return_access(world.any, world.any, world.journal, adopted, now)

    def test_an_app_that_still_has_its_old_key_gets_another_first(self, world: World) -> None:
        old = make_version()
        world.apps_read = [app(version=old), None]
        world.revoked(PROFILE, steps=[ACCESS])
        assert self.returns(world) == ()
        assert world.done == ["another certificate for Billing", f"{PROFILE} comes back"]
        [(_, certificate, expecting)] = world.sent
        assert expecting == old.fingerprint
        assert certificate.fingerprint != old.fingerprint
        assert world.journal.revocations()["billing"].ended_by == {"Billing": certificate.fingerprint}
        begun, done = [each for each in told(world) if "disable" in each.kind]
        assert begun.kind == "disable_begins", "before anything is sent"
        assert begun.details == {"app": "Billing", "why": "it comes back with another key"}
        assert done.details == {**begun.details, "ended_by": certificate.fingerprint}

    def test_one_whose_key_was_ended_is_left(self, world: World) -> None:
        ended = make_version()
        world.apps_read = [app(version=ended)]
        world.revoked(PROFILE)
        world.journal.record(
            "disable", now=MOMENT, credential="billing", app="Billing", why="x", ended_by=ended.fingerprint
        )
        self.returns(world)
        assert (world.sent, world.given) == ([], [PROFILE])

    def test_one_that_holds_what_people_made_is_left(self, world: World) -> None:
        adopted = make_version()
        world.apps_read = [app(version=adopted), app("Other", make_version())]
        world.revoked(PROFILE, steps=[ACCESS])
        self.returns(world, adopted)
        assert [name for name, _, _ in world.sent] == ["Other"]

    @pytest.mark.parametrize("of", ["its own app", "the other app", "no key"])
    def test_one_that_hides_what_it_holds_gets_what_people_made(self, world: World, of: str) -> None:
        names = {"its own app": "Billing", "the other app": "Other", "no key": "Billing"}
        adopted: Version = make_secret_version() if of == "no key" else make_version(app=names[of])
        world.apps_read = [app(hides=True)]
        world.revoked(PROFILE, steps=[ACCESS])
        self.returns(world, adopted)
        [(_, certificate, _)] = world.sent
        assert (certificate.fingerprint == adopted.fingerprint) == (of == "its own app")

    def test_nothing_is_touched_where_nothing_was_taken_or_revoked(self, world: World) -> None:
        world.apps_read = [app(version=make_version())]
        assert self.returns(world) == ()
        world.revoked()
        assert self.returns(world) == ()
        assert world.done == []


class TestErrors:
    """An error says what was given back before it, with what it says of the rest."""

    def fails(self, world: World, act: Any, effect: str = "Nothing was changed.") -> str:
        def run() -> None:
            with says_what_is_back(world.journal, "billing"):
                act()
                raise OrgError("It failed.", effect=effect)

        with pytest.raises(OrgError) as raised:
            run()
        return raised.value.effect

    def test_nothing_was_changed(self, world: World) -> None:
        world.revoked(PROFILE)
        assert self.fails(world, lambda: None) == "Nothing was changed."

    def test_access_is_back(self, world: World) -> None:
        world.revoked(PROFILE)
        assert self.fails(world, world.comes_back).startswith("Its user has access again")

    def test_the_certificate_was_replaced_alone(self, world: World) -> None:
        world.revoked(PROFILE, steps=[ACCESS])

        def ends() -> None:
            world.journal.record("disable", now=MOMENT, credential="billing", app="Billing", why="x", ended_by="y")

        assert "its user has no access yet" in self.fails(world, ends)

    def test_what_the_error_says_itself_is_kept(self, world: World) -> None:
        world.revoked(PROFILE)
        told = self.fails(world, world.comes_back, effect="The key is pending.")
        assert told.startswith("Its user has access again")
        assert told.endswith(". Beside that: The key is pending.")
        assert not self.fails(world, world.comes_back, effect="").endswith("Beside that: ")
