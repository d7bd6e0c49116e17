"""What is said of a test login, and whether it is as it should be."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.credentials import Fingerprint, Stage, Stages
from rotator.core.lifecycle.revocation import Revocation, RevocationStep
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import HistoryError, OrgError, StoreError
from rotator.salesforce.apps.app import App
from rotator.services.rotation.recorder import RunRecorder
from rotator.services.stored_logins import StoredLogin, live_certificates, note_login, note_revoked, try_stored
from rotator.testing.versions import MOMENT, make_secret_version, make_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.credentials import KeyVersion, Version

REVOKED = Revocation(
    since=datetime(2026, 11, 27, 4, 5, tzinfo=UTC), by="ana", reason="x", wanted=(RevocationStep.ACCESS,)
)


@pytest.fixture(scope="module")
def version() -> KeyVersion:
    return make_version("billing")


def login(version: Version, outcome: LoginOutcome, stage: Stage, revoked: Revocation | None) -> StoredLogin:
    return StoredLogin("billing", stage, version, LoginAnswer(outcome, "words", "Look at the app."), revoked)


@pytest.mark.parametrize("outcome", LoginOutcome)
def test_of_what_is_in_use_current_has_to_log_in(version: KeyVersion, outcome: LoginOutcome) -> None:
    current = login(version, outcome, Stage.CURRENT, None)
    assert current.is_as_it_should_be == (outcome is LoginOutcome.ACCEPTED)
    assert current.hint == "Look at the app."
    assert login(version, outcome, Stage.PREVIOUS, None).is_as_it_should_be


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    ("outcome", "is_right", "hint"),
    [
        (LoginOutcome.MISMATCH, True, ", so that it is refused is as it should be."),
        (LoginOutcome.CONFIGURATION, True, ", so that it is refused is as it should be."),
        (
            LoginOutcome.ACCEPTED,
            False,
            ", and {stage} logs in all the same: `rotator revoke billing --only access --reason TEXT` ends that.",
        ),
        (LoginOutcome.TRANSIENT, False, ". Look at the app."),
    ],
)
def test_of_what_was_revoked_no_version_may_log_in(
    version: KeyVersion, stage: Stage, outcome: LoginOutcome, is_right: bool, hint: str
) -> None:
    revoked = login(version, outcome, stage, REVOKED)
    assert revoked.is_as_it_should_be == is_right
    assert revoked.hint == "It was revoked on 2026-11-27 04:05 UTC" + hint.format(stage=stage)


class Written:
    """What was written down of a credential."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.recorder = RunRecorder("billing", self._record)

    def _record(self, kind: str, **details: Any) -> None:
        self.events.append({"kind": kind, **details})


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION], (0, LoginOutcome.MISMATCH)),
        ([LoginOutcome.MISMATCH, LoginOutcome.ACCEPTED], (1, LoginOutcome.ACCEPTED)),
        ([LoginOutcome.TRANSIENT, LoginOutcome.ACCEPTED], (1, LoginOutcome.ACCEPTED)),
        ([LoginOutcome.MISMATCH, LoginOutcome.TRANSIENT], None),
        ([LoginOutcome.TRANSIENT], None),
        ([], None),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_was_revoked_is_refused_when_every_version_is_and_logs_in_when_one_does(
    written: Written, outcomes: Sequence[LoginOutcome], told: tuple[int, LoginOutcome] | None
) -> None:
    versions = [make_version("billing") for _ in outcomes]
    stages = (Stage.CURRENT, Stage.PREVIOUS)
    logins = [login(*each, REVOKED) for each in zip(versions, outcomes, stages, strict=False)]
    note_revoked(logins, written.recorder)
    assert written.events == (
        [{"kind": "access_seen", "version": versions[told[0]].fingerprint, "outcome": told[1], "answer": "words"}]
        if told
        else []
    )


def test_of_what_is_in_use_nothing_of_a_revocation_is_written_down(written: Written, version: KeyVersion) -> None:
    note_revoked([login(version, LoginOutcome.ACCEPTED, Stage.CURRENT, None)], written.recorder)
    assert not written.events


@pytest.mark.parametrize("live", ["its own", "another", "none", "not known"])
@pytest.mark.parametrize("outcome", [LoginOutcome.ACCEPTED, LoginOutcome.MISMATCH, LoginOutcome.TRANSIENT])
def test_an_accepted_login_proves_something_where_its_certificate_is_live(
    written: Written, version: KeyVersion, live: str, outcome: LoginOutcome
) -> None:
    """A server that has not heard of another certificate yet takes the key all the same."""
    holds: dict[str, Any] = {
        "its own": {version.app: version.fingerprint},
        "another": {version.app: "other"},
        "none": {version.app: None},
        "not known": {},
    }
    note_login(login(version, outcome, Stage.CURRENT, None), holds[live], written.recorder)
    [event] = written.events
    assert (event["kind"], event["version"], event["app"]) == ("verify", version.fingerprint, version.app)
    assert (event["outcome"], event["answer"], event["by"]) == (outcome, "words", "verify")
    assert event["of_current"] is (True if outcome is not LoginOutcome.ACCEPTED or live == "its own" else None)


def test_a_client_secret_that_is_accepted_is_in_force(written: Written) -> None:
    note_login(login(make_secret_version(), LoginOutcome.ACCEPTED, Stage.CURRENT, None), {}, written.recorder)
    assert written.events[0]["of_current"] is True


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.PREVIOUS])
def test_a_login_that_no_consumer_of_current_makes_says_nothing_of_it(
    written: Written, version: KeyVersion, stage: Stage
) -> None:
    note_login(login(version, LoginOutcome.MISMATCH, stage, None), {}, written.recorder)
    assert not written.events


class Apps:
    """The apps of an org; one that is an error could not be read."""

    def __init__(self, *shown: App | OrgError | None) -> None:
        self.shown = shown
        self.asked: list[str] = []

    def read_each(self, names: Sequence[str]) -> list[App | OrgError | None]:
        self.asked += names
        return [*self.shown]


def app_of(version: KeyVersion) -> App:
    return App(Kind.APP, version.app, "key", version.certificate, None)


def test_apps_are_asked_for_what_they_hold_where_a_current_key_was_accepted() -> None:
    billing, orders, stock, news = (make_version(app=app) for app in ("Billing", "Orders", "Stock", "News"))
    logins = [
        login(billing, LoginOutcome.ACCEPTED, Stage.CURRENT, None),
        login(billing, LoginOutcome.ACCEPTED, Stage.CURRENT, None),
        login(orders, LoginOutcome.ACCEPTED, Stage.CURRENT, None),
        login(stock, LoginOutcome.MISMATCH, Stage.CURRENT, None),
        login(news, LoginOutcome.ACCEPTED, Stage.PREVIOUS, None),
        login(make_secret_version(app="Shop"), LoginOutcome.ACCEPTED, Stage.CURRENT, None),
    ]
    apps = Apps(app_of(billing), OrgError("The org does not show it."))
    assert live_certificates(cast("Any", apps), logins) == {"Billing": billing.fingerprint}
    assert apps.asked == ["Billing", "Orders"]


def test_nothing_is_known_of_apps_that_the_org_does_not_show(version: KeyVersion) -> None:
    class Hidden(Apps):
        def read_each(self, names: Sequence[str]) -> list[App | OrgError | None]:
            raise OrgError(f"The org shows none of {names}.")

    logins = [login(version, LoginOutcome.ACCEPTED, Stage.CURRENT, None)]
    assert live_certificates(cast("Any", Hidden()), logins) == {}
    assert live_certificates(cast("Any", Apps(None)), logins) == {}
    refused = [login(version, LoginOutcome.MISMATCH, Stage.CURRENT, None)]
    assert live_certificates(cast("Any", Hidden()), refused) == {}


class Journal:
    """What is known of revocations, and what is written down."""

    def __init__(self, **revoked: Revocation) -> None:
        self.revoked = revoked
        self.events: list[dict[str, Any]] = []
        self.fails: HistoryError | None = None

    def revocations(self) -> dict[str, Revocation]:
        return self.revoked

    def record(self, kind: str, /, **details: Any) -> None:
        if self.fails:
            raise self.fails
        self.events.append({"kind": kind, **details})


class Tried:
    """Credentials of one org, with what is stored of each by stage; of one that is an error nothing can be read."""

    def __init__(self, journal: Journal, **stored: dict[Stage, KeyVersion] | StoreError) -> None:
        self.journal = journal
        self.stored = stored
        self.refused: set[str] = set()

    def now(self) -> datetime:
        return MOMENT

    def credential(self, _name: str) -> Any:
        return SimpleNamespace(org="production")

    def beside(self, _orgs: object) -> Any:
        return lambda: nullcontext(self)

    def credential_context(self, name: str) -> Any:
        held = self.stored[name]
        if isinstance(held, StoreError):
            raise held
        stages = Stages(**{stage.value: Fingerprint(version.fingerprint) for stage, version in held.items()})
        versions = {version.fingerprint: version for version in held.values()}
        store = SimpleNamespace(stages=lambda _: stages, read=lambda _, fingerprint: versions[fingerprint])
        return SimpleNamespace(name=name, store=store, apps=self, prove=self._prove)

    def read_each(self, names: Sequence[str]) -> list[App]:
        versions = (version for held in self.stored.values() if isinstance(held, dict) for version in held.values())
        held = {version.app: app_of(version) for version in versions}
        return [held[name] for name in names]

    def _prove(self, version: Version) -> LoginAnswer:
        return LoginAnswer(
            LoginOutcome.MISMATCH if version.fingerprint in self.refused else LoginOutcome.ACCEPTED, "words"
        )


def test_every_stored_version_of_each_credential_logs_in_once() -> None:
    """Of the current ones it is written down; of what was revoked that it logs in all the same."""
    billing, older, orders = make_version("billing"), make_version("billing"), make_version("orders", "Orders")
    journal = Journal(orders=REVOKED)
    stored = {"billing": {Stage.CURRENT: billing, Stage.PREVIOUS: older}, "orders": {Stage.CURRENT: orders}}
    logins, warnings = try_stored(cast("Any", Tried(journal, **stored)), ["billing", "orders"])
    assert [(each.credential, each.stage, each.version, each.revoked) for each in logins] == [
        ("billing", Stage.CURRENT, billing, None),
        ("billing", Stage.PREVIOUS, older, None),
        ("orders", Stage.CURRENT, orders, REVOKED),
    ]
    assert [(each["kind"], each["credential"], each["now"], each["version"]) for each in journal.events] == [
        ("verify", "billing", MOMENT, billing.fingerprint),
        ("verify", "orders", MOMENT, orders.fingerprint),
        ("access_seen", "orders", MOMENT, orders.fingerprint),
    ]
    assert warnings == ()


def test_a_revocation_that_leaves_logins_alone_is_none_of_them() -> None:
    sessions = Revocation(since=MOMENT, by="ana", reason="x", wanted=(RevocationStep.TOKENS,))
    stored = {"billing": {Stage.CURRENT: make_version("billing")}}
    [login], _ = try_stored(cast("Any", Tried(Journal(billing=sessions), **stored)), ["billing"])
    assert login.revoked is None


def test_what_cannot_be_tried_is_said_when_what_came_before_it_is_written_down() -> None:
    journal = Journal()
    damaged = StoreError("The store is damaged.")
    found = Tried(journal, billing={Stage.CURRENT: make_version("billing")}, orders=damaged)
    with pytest.raises(StoreError, match="damaged"):
        try_stored(cast("Any", found), ["billing", "orders"])
    assert [each["credential"] for each in journal.events] == ["billing"]


def test_a_history_that_cannot_be_written_is_a_warning_of_the_logins() -> None:
    journal = Journal()
    journal.fails = HistoryError("The disk is full.")
    found = Tried(journal, billing={Stage.CURRENT: make_version("billing")})
    logins, warnings = try_stored(cast("Any", found), ["billing"])
    assert len(logins) == 1
    assert warnings == ("The history could not be written: The disk is full.",)
