"""What is said of a test login, and whether it is as it should be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.credentials import Stage
from rotator.core.lifecycle.revocation import Revocation, RevocationStep
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.app import App
from rotator.services.rotation.recorder import RunRecorder
from rotator.services.stored_logins import StoredLogin, live_certificates, note_login, note_revoked
from rotator.testing.versions import make_secret_version, make_version

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
    assert [(each["kind"], each["version"], each["outcome"]) for each in written.events] == (
        [("access_seen", versions[told[0]].fingerprint, told[1])] if told else []
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
