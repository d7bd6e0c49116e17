from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.config.loading import parse
from rotator.config.settings import Settings, WriteMode
from rotator.core.credentials import KeyVersion
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import HistoryError, Holder, LoginRefused, OrgError, OrgUnavailable, StoreError
from rotator.history.failures.sqlstates import sessions_handed_around
from rotator.history.journal.projection import CredentialRecord
from rotator.history.records import Rotation
from rotator.salesforce.apps.acceptance import Acceptance
from rotator.services.checked import Check, Result
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.preflight import checks
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version
from tests.unit.services.conftest import CONFIGURATION
from tests.unit.services.preflight_world import World

Stored = Callable[..., KeyVersion]


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)


def test_everything_is_tried_in_the_order_in_which_it_rests_on_the_other(world: World) -> None:
    assert list(world.all()) == [
        "configuration",
        "history",
        "signing key",
        "store keys",
        "login to production",
        "clock of production",
        "metadata of production",
        "calls to production",
        "login to sandbox",
        "clock of sandbox",
        "metadata of sandbox",
        "calls to sandbox",
        "apps of billing",
        "key of billing",
        "apps of warehouse",
        "key of warehouse",
        "apps of management",
        "key of management",
        "upload of billing",
        "upload of warehouse",
        "upload of management",
        "pages",
    ]
    assert {check.result for check in world.all().values()} == {Result.OK, Result.SKIPPED}


def test_the_calls_that_are_left_are_told(world: World) -> None:
    assert world.check("calls to production").sentence == "14,990 of 15,000 API calls of the day are left."


def test_an_org_that_does_not_tell_its_limits_fails_nothing(world: World) -> None:
    world.orgs["production"].tells_no_limits = OrgError("The org production refuses.")
    check = world.check("calls to production")
    assert (check.result, check.sentence) == (
        Result.SKIPPED,
        "The org does not tell its limits. The org production refuses.",
    )
    world.orgs["production"].tells_no_limits = OrgUnavailable("The org production is away.")
    assert world.check("calls to production").result is Result.FAILED


def test_a_credential_that_is_not_stored_is_skipped_with_what_to_do(world: World) -> None:
    check = world.check("key of billing")
    assert check.result is Result.SKIPPED
    assert "rotator adopt billing" in check.hint


def test_a_live_current_version_passes(world: World, stored: Stored) -> None:
    world.orgs["production"].live["Billing"] = stored().certificate
    assert world.check("key of billing").result is Result.OK


EARLIER = MOMENT - timedelta(minutes=3)
REFUSED = CredentialHistory(
    record=CredentialRecord(credential="billing", refused_since=EARLIER, is_refusal_certain=True)
)
HALTED = CredentialHistory(
    record=CredentialRecord(
        credential="billing",
        halted_at=EARLIER,
        halt="login_not_set_up",
        halted_why="The user is not approved.",
        halted_hint="Approve the user.",
    )
)
RUNNING = CredentialHistory(running=Holder(417, "crm-1", EARLIER))
LEFT_OPEN = CredentialHistory(
    Rotation(
        id="1", credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex",
        started_at=EARLIER,
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("history", "result", "sentence", "hint"),
    [
        (CredentialHistory(), Result.OK, "matches the live certificate", ""),
        (REFUSED, Result.FAILED, "are refused since", "`rotate finish billing`"),
        (replace(REFUSED, running=RUNNING.running), Result.FAILED, "goes on by itself: process 417 on crm-1", ""),
        (HALTED, Result.FAILED, "The user is not approved.", "Approve the user. Then `rotator verify billing`"),
        (RUNNING, Result.SKIPPED, "A rotation is at work", ""),
        (LEFT_OPEN, Result.FAILED, "nobody is at it", "`rotate finish billing`"),
    ],
)
def test_what_a_rotation_left_is_said_whatever_key_and_certificate_look_like(
    world: World, stored: Stored, history: CredentialHistory, result: Result, sentence: str, hint: str
) -> None:
    world.orgs["production"].live["Billing"] = stored().certificate
    world.histories["billing"] = history
    found = world.check("key of billing")
    assert found.result is result
    assert sentence in found.sentence
    assert found.hint.startswith(hint) if hint else not found.hint


def test_nobody_is_told_to_go_on_with_what_runs(world: World, stored: Stored) -> None:
    world.orgs["production"].live["Billing"] = stored().certificate
    world.histories["billing"] = replace(LEFT_OPEN, running=RUNNING.running)
    assert "rotate finish" not in str(world.check("key of billing"))


@pytest.mark.parametrize("held", [True, False])
def test_another_live_certificate_or_none_fails(world: World, stored: Stored, *, held: bool) -> None:
    stored()
    world.orgs["production"].live["Billing"] = make_version().certificate if held else None
    check = world.check("key of billing")
    assert check.result is Result.FAILED
    assert "rotate restore billing" in check.hint


def test_a_refused_login_fails_and_stops_only_what_rests_on_it(world: World) -> None:
    world.orgs["production"].refuses = LoginRefused("user hasn't approved this consumer", hint="Pre-authorise.")
    found = world.all()
    assert (found["login to production"].result, found["login to production"].hint) == (
        Result.FAILED,
        "Pre-authorise.",
    )
    for name in ("clock of production", "metadata of production", "apps of billing", "key of billing"):
        assert found[name].result is Result.SKIPPED, name
        assert "did not pass" in found[name].sentence
    assert found["metadata of sandbox"].result is Result.OK
    assert found["apps of management"].result is Result.OK


def test_a_credential_of_the_app_that_we_log_in_through_with_a_key_of_our_own_fails(world: World) -> None:
    world.orgs["production"].client_ids["Billing"] = "key"
    check = world.check("apps of billing")
    assert check.result is Result.FAILED
    assert "`login: {credential: billing}`" in check.hint
    world.orgs["sandbox"].client_ids["Rotator"] = "key"
    assert world.check("apps of management").result is Result.OK


def test_who_may_log_in_through_an_app_is_said(world: World) -> None:
    assert "Through Billing each user may log in who has approved it." in world.check("apps of billing").sentence


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (LoginAnswer(LoginOutcome.ACCEPTED), Result.OK),
        (LoginAnswer(LoginOutcome.MISMATCH, "invalid assertion", "See."), Result.FAILED),
    ],
)
def test_where_the_certificate_is_not_shown_a_login_says_whether_it_is_current(
    world: World, stored: Stored, answer: LoginAnswer, result: Result
) -> None:
    stored()
    org = world.orgs["production"]
    org.kinds["Billing"], org.live["Billing"], world.answer = Kind.EXTERNAL_APP, None, answer
    check = world.check("key of billing")
    assert check.result is result
    assert "does not show the certificate of Billing" in check.sentence


def test_an_external_client_app_at_a_login_host_of_all_orgs_fails(
    settings: Settings, store: FilesStore, stored: Stored
) -> None:
    stored()
    at_test = settings.orgs["production"].model_copy(update={"audience": "https://login.salesforce.com"})
    world = World(settings.model_copy(update={"orgs": {**settings.orgs, "production": at_test}}), store)
    assert world.check("apps of billing").result is Result.OK
    world.orgs["production"].kinds["Billing"] = Kind.EXTERNAL_APP
    check = world.check("apps of billing")
    assert check.result is Result.FAILED
    assert "takes no logins by way of login.salesforce.com, and `audience` says so" in check.sentence


def test_a_kind_of_app_that_the_user_does_not_see_is_told_with_the_permission(world: World) -> None:
    world.orgs["production"].hidden = (Kind.EXTERNAL_APP,)
    check = world.check("metadata of production")
    assert check.result is Result.OK, "where no credential has such an app nothing fails"
    assert check.sentence.endswith(
        "It shows the program's user no external client apps, which takes the permission"
        ' "View all External Client Apps, view their settings, and edit their policies".'
    )


def test_a_missing_permission_fails_the_metadata_check(world: World) -> None:
    world.orgs["production"].closed = OrgError("INSUFFICIENT_ACCESS", hint="Give the permission.")
    assert world.check("metadata of production").result is Result.FAILED


def test_an_app_that_is_not_there_fails_for_its_credential_alone(world: World) -> None:
    del world.orgs["production"].live["Warehouse_B"]
    found = world.all()
    assert found["apps of warehouse"].result is Result.FAILED
    assert found["key of warehouse"].result is Result.SKIPPED
    assert found["apps of billing"].result is Result.OK


@pytest.mark.parametrize(
    ("seconds", "result"), [(0, Result.OK), (-60, Result.OK), (61, Result.FAILED), (-3600, Result.FAILED)]
)
def test_a_clock_that_is_wrong_fails(world: World, seconds: int, result: Result) -> None:
    world.orgs["production"].server_time = MOMENT + timedelta(seconds=seconds)
    assert world.check("clock of production").result is result


def test_an_org_that_does_not_tell_its_time_is_no_failure(world: World) -> None:
    world.orgs["production"].server_time = None
    assert world.check("clock of production").result is Result.SKIPPED


def test_a_store_that_refuses_stops_the_keys_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise StoreError("The disk is full.", hint="Make room.")

    monkeypatch.setattr(world.files, "check", refuse)
    found = world.all()
    assert found["store keys"].result is Result.FAILED
    assert found["key of billing"].result is Result.SKIPPED
    assert found["apps of billing"].result is Result.OK


def test_a_history_that_cannot_be_opened_fails_alone(settings: Settings, store: FilesStore) -> None:
    class Broken(World):
        @property
        def database(self) -> Any:
            raise HistoryError("The history is of a later release.", hint="Install it.")

        @database.setter
        def database(self, _: Any) -> None: ...

    found = Broken(settings, store).all()
    assert [name for name, check in found.items() if check.result is Result.FAILED] == ["history"]


def test_a_history_whose_locks_would_keep_nobody_apart_fails(world: World) -> None:
    def refuse() -> None:
        raise sessions_handed_around("postgresql://db/rotator")

    world.database.prove_sessions = refuse
    check = world.all()["history"]
    assert (check.result, "hands its sessions around" in check.sentence) == (Result.FAILED, True)


CHANNELS = """
alerts:
  channels:
    ops: {type: apprise, url: {env: URL}}
    pager: {type: apprise, url: {env: URL}}
"""


@pytest.fixture
def alerting(tmp_path: Path, store: FilesStore) -> World:
    return World(parse(CONFIGURATION + CHANNELS, tmp_path / "config.yaml"), store)


def test_channels_are_tried_each_on_its_own(alerting: World) -> None:
    def refuse() -> str:
        raise DeliveryFailed("Channel pager: no login.", hint="Give the password.", transient=False)

    alerting.channels = {"ops": SimpleNamespace(check=lambda: "Connected."), "pager": SimpleNamespace(check=refuse)}
    ops, pager = alerting.check("channel ops"), alerting.check("channel pager")
    assert (ops.result, ops.sentence) == (Result.OK, "Connected.")
    assert (pager.result, pager.hint) == (Result.FAILED, "Give the password.")
    assert "2 channels" in alerting.check("configuration").sentence


def examined(world: World, said: list[str] | StoreError) -> Check:
    """The check of the settings of billing's place, of a store that has such."""

    def examine(credential: str) -> list[str]:
        assert credential in world.settings.credentials
        if isinstance(said, StoreError):
            raise said
        return said

    cast("Any", world.files).examine = examine
    return world.check("secret of billing")


def test_settings_of_the_real_secret_are_looked_at_where_a_store_has_them(world: World) -> None:
    assert "secret of billing" not in world.all()
    assert examined(world, []) == Check("secret of billing", Result.OK, "Nothing in its settings hinders a rotation.")
    assert examined(world, ["It is replicated.", "It has a policy."]).sentence == "It is replicated. It has a policy."
    failed = examined(world, StoreError("It ends by itself.", hint="Do not let it."))
    assert (failed.result, failed.sentence, failed.hint) == (Result.FAILED, "It ends by itself.", "Do not let it.")


@pytest.mark.parametrize(
    ("pages", "result", "says"),
    [
        ("null", Result.SKIPPED, "There are none"),
        ("{}", Result.OK, "Only this machine reaches those at 127.0.0.1, and they ask it for no token."),
        ("{token: {env: GUESSED}}", Result.OK, "which others on this machine can guess"),
        ("{token: {env: DRAWN}}", Result.OK, "which nobody can guess"),
        ("{host: 0.0.0.0, token: {env: DRAWN}}", Result.OK, "Those at 0.0.0.0 ask for a token"),
        ("{host: 0.0.0.0, token: {env: GUESSED}}", Result.FAILED, "can be guessed"),
        ("{reports_token: {env: GUESSED}}", Result.FAILED, "The token of consumers' reports"),
        ("{reports_token: {env: ABSENT}}", Result.FAILED, "ABSENT is not set"),
        ("{host: 0.0.0.0, token: {env: ABSENT}}", Result.FAILED, "ABSENT is not set"),
        ("{host: 0.0.0.0, token: {env: GUESSED}, process: own}", Result.FAILED, "can be guessed"),
        ("{host: 0.0.0.0, token: {env: ABSENT}, process: own}", Result.SKIPPED, "for `rotator pages` to read"),
    ],
)
def test_the_token_of_the_pages_is_judged(world: World, pages: str, result: Result, says: str) -> None:
    world.settings = parse(f"{CONFIGURATION}http: {pages}\n", Path("config.yaml"))
    check = world.check("pages")
    assert check.result is result
    assert says in check.sentence
    assert (check.result is Result.FAILED) == bool(check.hint)


NOT_TAKEN = OrgError("The org production refuses Billing as it is deployed: Invalid certificate.", hint="Look it up.")
AWAY = OrgUnavailable("The org production did not come to check a deployment.", hint="Wait.")


def test_an_org_is_asked_once_whether_it_would_take_certificates_for_all_its_apps(world: World) -> None:
    checks = world.all()
    assert world.orgs["production"].validations == 1
    assert checks["upload of warehouse"].sentence == (
        "The org would take a certificate for Warehouse_A: it checked a deployment, and changed nothing."
        " The org would take a certificate for Warehouse_B: it checked a deployment, and changed nothing."
    )


def test_an_app_for_which_an_org_would_take_no_certificate_fails(world: World) -> None:
    world.orgs["production"].accepts["Billing"] = Acceptance("Billing", refused=NOT_TAKEN)
    checks = world.all()
    check = checks["upload of billing"]
    assert (check.result, check.sentence, check.hint) == (Result.FAILED, NOT_TAKEN.message, "Look it up.")
    assert checks["upload of warehouse"].result is Result.OK


def test_an_org_that_could_not_be_asked_fails_only_where_it_is_to_be_deployed_to(
    world: World, settings: Settings
) -> None:
    world.orgs["production"].accepts["Billing"] = Acceptance("Billing", untried=AWAY)
    check = world.check("upload of billing")
    assert check.result is Result.SKIPPED
    assert check.sentence == f"Whether the org would take a certificate for Billing is not known. {AWAY.message}"
    orgs = {**settings.orgs, "production": settings.orgs["production"].model_copy(update={"write": WriteMode.DEPLOY})}
    world.settings = settings.model_copy(update={"orgs": orgs})
    check = world.check("upload of billing")
    assert (check.result, check.sentence) == (Result.FAILED, AWAY.message)


def test_nobody_is_asked_who_is_not_to_be(world: World) -> None:
    names = [check.name for check in checks(world, validates=False)]
    assert not [name for name in names if name.startswith("upload")]
    assert world.orgs["production"].validations == 0


def test_no_certificate_is_tried_for_an_app_whose_secret_is_rotated(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_name: str) -> Any:
        raise AWAY

    secret = settings.credentials["warehouse"].model_copy(update={"kind": "client_secret"})
    world.settings = settings.model_copy(update={"credentials": {**settings.credentials, "warehouse": secret}})
    monkeypatch.setattr(world, "credential_context", away)
    names = [*world.all()]
    assert "upload of billing" in names
    assert "upload of warehouse" not in names
    assert world.orgs["production"].validated == ["Billing"]
