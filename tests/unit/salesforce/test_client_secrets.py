"""Consumer keys and secrets are staged, rotated in and deleted, and what an org refuses is said in our words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.observed import Kind as AppKind
from rotator.errors import LoginRefused, OrgError, OrgUnavailable, RotatorError
from rotator.salesforce.client_secrets import ClientSecrets, Pair, Pairs, State
from rotator.salesforce.kept_answers import KeptAnswers
from rotator.salesforce.session import Candidate, OrgSession
from rotator.salesforce.transport import AnswerLost
from rotator.simulator.org.users import Profile
from rotator.simulator.rest import app_credentials
from rotator.simulator.rest.user_rights import PERMISSIONS
from rotator.simulator.wire.answers import json_answer, rest_error
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.near_orgs import NearTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.simulator.org.external_apps import Consumer, KeyPair
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.answers import Answer
    from rotator.simulator.wire.request import Request

ROBOT = "robot@rotator.example"


@pytest.fixture
def org(production: Org) -> Org:
    production.external_apps.clear()
    production.features.clear()
    production.settings = replace(production.settings, external_secrets_over_rest=True)
    production.add_external_app("Shipping", username=ROBOT)
    production.add_external_app("Billing_2", username=ROBOT)
    return production


@pytest.fixture
def consumer(org: Org) -> Consumer:
    found = org.external_app("Billing_2").consumer
    assert found
    return found


@pytest.fixture
def secrets(org: Org, pair: Any, target: Callable[..., Any], now: Callable[[], datetime]) -> ClientSecrets:
    robot = target(org, org.app("Rotator"))
    session = OrgSession(org.name, NearTransport([org]), lambda: [Candidate(robot, pair.key)], now)
    return ClientSecrets(session, KeptAnswers().consumers)


def as_seen(pair: KeyPair) -> Pair:
    return Pair(pair.key, pair.secret)


def refusal(call: Callable[[], object], kind: type[RotatorError] = OrgError) -> RotatorError:
    with pytest.raises(kind) as refused:
        call()
    return refused.value


def test_a_pair_is_staged_rotated_in_and_the_old_one_deleted(secrets: ClientSecrets, consumer: Consumer) -> None:
    old = as_seen(consumer.pair)
    assert secrets.read("billing_2") == Pairs(old)
    new = secrets.stage("Billing_2")
    seen = secrets.read("Billing_2")
    assert seen is not None
    assert (seen.in_use, seen.second_as(State.STAGED), seen.second_as(State.ROTATED)) == (old, new, None)
    secrets.rotate("Billing_2", expecting=new.fingerprint)
    seen = secrets.read("Billing_2")
    assert seen is not None
    assert (seen.in_use, seen.second_as(State.STAGED), seen.second_as(State.ROTATED)) == (new, None, old)
    secrets.delete("Billing_2", expecting=old.fingerprint)
    assert secrets.read("Billing_2") == Pairs(new) == Pairs(as_seen(consumer.pair))


def test_the_ids_of_an_app_are_looked_up_once_and_again_when_it_was_made_anew(org: Org, secrets: ClientSecrets) -> None:
    secrets.read("Billing_2")
    before = sum(org.calls.values())
    secrets.read("Billing_2")
    assert sum(org.calls.values()) == before + 2
    del org.external_apps["Billing_2"]
    assert secrets.read("Billing_2") is None
    made = org.add_external_app("Billing_2", username=ROBOT)
    assert made.consumer
    assert secrets.read("Billing_2") == Pairs(as_seen(made.consumer.pair))
    old_id = made.id
    made.id = org.next_id("0xI")
    assert old_id != made.id
    assert secrets.read("Billing_2") == Pairs(as_seen(made.consumer.pair))


def test_the_list_of_apps_is_asked_for_once_and_ids_of_consumers_are_kept_for_the_next(
    org: Org, secrets: ClientSecrets
) -> None:
    secrets.read("Billing_2")
    before = sum(org.calls.values())
    secrets.read("Shipping")
    assert sum(org.calls.values()) == before + 3
    later = ClientSecrets(secrets._session, secrets._consumers)
    for name in ("Billing_2", "Shipping"):
        assert later.read(name)
    assert sum(org.calls.values()) == before + 3 + 5


def test_a_name_that_was_given_to_another_app_is_that_apps(org: Org, secrets: ClientSecrets) -> None:
    secrets.read("Billing_2")
    renamed = org.external_apps.pop("Billing_2")
    renamed.rename("Billing_old")
    org.external_apps["Billing_old"] = renamed
    made = org.add_external_app("Billing_2", username=ROBOT)
    assert made.consumer
    later = ClientSecrets(secrets._session, secrets._consumers)
    assert later.read("Billing_2") == Pairs(as_seen(made.consumer.pair))


def test_only_what_was_seen_is_rotated_in_or_deleted(secrets: ClientSecrets, consumer: Consumer) -> None:
    seen = secrets.stage("Billing_2")
    secrets.delete("Billing_2", expecting=seen.fingerprint)
    other = secrets.stage("Billing_2")
    for change in (secrets.rotate, secrets.delete):
        assert "somebody changed them" in refusal(lambda: change("Billing_2", expecting=seen.fingerprint)).message  # noqa: B023
    assert consumer.staged
    assert as_seen(consumer.staged.pair) == other


def test_a_pair_that_was_staged_and_is_not_shown_is_not_said_to_have_changed_nothing(
    secrets: ClientSecrets, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.read("Billing_2")
    monkeypatch.setattr(app_credentials, "_revealed", lambda pair: {"key": pair.key})
    refusal(lambda: secrets.stage("Billing_2"), AnswerLost)
    assert consumer.staged


def test_a_call_without_a_body_says_so(secrets: ClientSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a length an org waits for a body (sfdx-hardis, externalClientAppUtils)."""
    lengths: list[str | None] = []
    answer = app_credentials.answer_credentials

    def heeded(org: Org, user: User, request: Request, version: str, parts: list[str]) -> Answer:
        if request.method == "POST":
            lengths.append(request.headers.get("content-length"))
        return answer(org, user, request, version, parts)

    monkeypatch.setattr(app_credentials, "answer_credentials", heeded)
    secrets.stage("Billing_2")
    assert lengths == ["0"]


def test_a_second_pair_is_not_staged_over_another(secrets: ClientSecrets) -> None:
    secrets.stage("Billing_2")
    refused = refusal(lambda: secrets.stage("Billing_2"))
    assert not isinstance(refused, OrgUnavailable)


@pytest.mark.parametrize("call", ["stage", "rotate", "delete"])
def test_an_answer_that_is_lost_is_told_apart_from_a_refusal(
    org: Org, secrets: ClientSecrets, consumer: Consumer, call: str
) -> None:
    expecting = secrets.stage("Billing_2").fingerprint if call != "stage" else None
    secrets.read("Billing_2")
    before = consumer.staged and consumer.staged.state
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.LOSE_ANSWER, after=0 if call == "stage" else 1))
    change = getattr(secrets, call)
    refusal(lambda: change("Billing_2", **({"expecting": expecting} if expecting else {})), AnswerLost)
    assert (consumer.staged and consumer.staged.state) != before


def test_an_app_without_oauth_or_that_is_not_there_is_none_and_said(org: Org, secrets: ClientSecrets) -> None:
    org.external_app("Billing_2").consumer = None
    for name in ("Billing_2", "Elsewhere"):
        assert secrets.read(name) is None
        refused = refusal(lambda: secrets.stage(name))  # noqa: B023
        assert name in refused.message
        assert "External Client App Manager" in refused.hint


def test_of_a_connected_app_it_is_said_that_no_secret_of_it_is_shown(org: Org, secrets: ClientSecrets) -> None:
    asked: list[str] = []

    def kinds_of(app: str) -> tuple[AppKind, ...]:
        asked.append(app)
        return (AppKind.APP,) if app == "Rotator" else ()

    told = ClientSecrets(secrets._session, kinds_of=kinds_of)
    assert told.read("Rotator") is None
    error = told.absent("Rotator")
    assert f"Rotator in the org {org.name} is a connected app" in error.message
    assert "External Client App under `apps`" in error.hint
    assert "leave out `kind: client_secret`" in error.hint
    assert "connected app. " not in told.absent("Elsewhere").message
    assert asked == ["Rotator", "Elsewhere"]


@pytest.mark.parametrize("missing", ["ExternalClientAppDeveloper", "ViewClientSecret"])
def test_a_user_without_one_of_the_permissions_is_told_which(
    org: Org, secrets: ClientSecrets, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = org.users[ROBOT].profile
    monkeypatch.setitem(org.profiles, profile, Profile(frozenset(PERMISSIONS)))
    assert secrets.read("Billing_2")
    monkeypatch.setitem(org.profiles, profile, Profile(frozenset(PERMISSIONS) - {missing}))
    refused = refusal(lambda: secrets.read("Billing_2"))
    assert '"Create, edit, and delete External Client Apps" and "View Client Secret"' in refused.hint


def test_a_user_without_the_permissions_is_told_which(org: Org, secrets: ClientSecrets) -> None:
    org.users[ROBOT].may_use_metadata = False
    refused = refusal(lambda: secrets.read("Billing_2"))
    assert '"Create, edit, and delete External Client Apps" and "View Client Secret"' in refused.hint


def test_an_org_that_shows_no_secrets_over_rest_is_told_with_its_switch(org: Org, secrets: ClientSecrets) -> None:
    org.settings = replace(org.settings, external_secrets_over_rest=False)
    refused = refusal(lambda: secrets.read("Billing_2"))
    assert "enableClientSecretInRestApiAccess" in refused.hint
    org.features["ExternalClientAppSettings"] = {"enableClientSecretInRestApiAccess": "true"}
    assert secrets.read("Billing_2")


def test_an_org_of_an_older_version_has_no_such_resource(org: Org, secrets: ClientSecrets) -> None:
    org.settings = replace(org.settings, latest_api_version=64)
    assert "65.0" in refusal(lambda: secrets.read("Billing_2")).hint


def test_a_session_that_has_ended_is_renewed(org: Org, secrets: ClientSecrets) -> None:
    secrets.read("Billing_2")
    org.sessions.end_all()
    assert secrets.read("Billing_2")
    org.users[ROBOT].active = False
    org.sessions.end_all()
    refusal(lambda: secrets.read("Billing_2"), LoginRefused)


KEY = {"key": "3MVG9", "secret": "0" * 64}
SECOND = {"id": "888000000000001", **KEY, "state": "staged"}
STRANGE: list[object] = [
    [],
    {},
    {"stagedCredentials": "none"},
    {"stagedCredentials": [{}]},
    {"stagedCredentials": [{**SECOND, "id": "../../sobjects"}]},
    {"stagedCredentials": [{**SECOND, "state": "elsewhere"}]},
    {"stagedCredentials": [SECOND, SECOND]},
    {"stagedCredentials": [{**SECOND, "key": None}]},
    {"stagedCredentials": [{**SECOND, "secret": ""}]},
    {"stagedCredentials": [{**SECOND, "secret": ["0"]}]},
]


@pytest.mark.parametrize("answer", STRANGE, ids=repr)
def test_a_strange_answer_is_an_error_of_ours_and_quotes_nothing(
    org: Org, secrets: ClientSecrets, answer: object
) -> None:
    secrets.read("Billing_2")
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, answer=json_answer(200, answer)))
    if answer in ({}, []):
        org.faults.clear()
        org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, after=1, answer=json_answer(200, answer)))
    refused = refusal(lambda: secrets.read("Billing_2"))
    assert "0" * 64 not in str(refused) + repr(vars(refused))
    assert refused.hint


def test_a_pair_that_is_in_use_and_second_at_once_is_looked_at_again_and_then_refused(
    org: Org, secrets: ClientSecrets, consumer: Consumer
) -> None:
    secrets.read("Billing_2")
    pair = {"key": consumer.pair.key, "secret": consumer.pair.secret.reveal()}
    same = json_answer(200, {"stagedCredentials": [{**SECOND, **pair}]})
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, answer=same))
    assert secrets.read("Billing_2") == Pairs(as_seen(consumer.pair))
    for after in (0, 1, 2):
        org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, after=after, answer=same))
    refusal(lambda: secrets.read("Billing_2"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (rest_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), OrgUnavailable),
        (rest_error(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."), AnswerLost),
        ("http_503", AnswerLost),
        (rest_error(403, "FUNCTIONALITY_NOT_ENABLED", "no"), OrgError),
    ],
    ids=["limit", "unknown", "away", "switched off"],
)
def test_a_refusal_is_classed_as_everywhere(
    org: Org, secrets: ClientSecrets, answer: Any, kind: type[RotatorError]
) -> None:
    secrets.read("Billing_2")
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, answer=answer))
    assert refusal(lambda: secrets.stage("Billing_2"), kind).hint is not None


def test_an_app_on_a_later_page_of_the_list_is_found(org: Org, secrets: ClientSecrets) -> None:
    for number in range(230):
        org.add_external_app(f"App_{number}", username=ROBOT)
    assert secrets.read("App_229")


def test_a_list_whose_pages_are_all_the_same_one_is_not_asked_for_a_hundred_times(
    org: Org, secrets: ClientSecrets
) -> None:
    apps = [{"developerName": f"App_{number}", "identifier": f"0xI{number:012}"} for number in range(100)]
    answer = json_answer(200, {"apps": apps})
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, times=None, answer=answer))
    before = org.calls[Kind.CREDENTIALS]
    assert "its list of apps has no end" in refusal(lambda: secrets.read("App_1"), RotatorError).message
    assert org.calls[Kind.CREDENTIALS] - before == 2


@pytest.mark.parametrize(
    ("word", "state"),
    [("Active", State.STAGED), ("staged", State.STAGED), ("Rotated", State.ROTATED), ("rotated", State.ROTATED)],
)
def test_the_states_of_the_documents_and_those_that_programs_saw_are_known(
    org: Org, secrets: ClientSecrets, word: str, state: State
) -> None:
    secrets.read("Billing_2")
    answer = json_answer(200, {"stagedCredentials": [{**SECOND, "state": word}]})
    org.faults.add(Fault(Kind.CREDENTIALS, Effect.FAIL, answer=answer))
    seen = secrets.read("Billing_2")
    assert seen
    assert seen.second_as(state)


def test_where_an_org_says_of_no_second_pair_that_it_is_not_there_there_is_none(
    org: Org, secrets: ClientSecrets, consumer: Consumer
) -> None:
    org.settings = replace(org.settings, external_no_second_pair="not_found")
    assert secrets.read("Billing_2") == Pairs(as_seen(consumer.pair))
    staged = secrets.stage("Billing_2")
    secrets.delete("Billing_2", expecting=staged.fingerprint)
    assert secrets.read("Billing_2") == Pairs(as_seen(consumer.pair))
    refusal(lambda: secrets.delete("Billing_2", expecting=staged.fingerprint))


def test_an_expired_pair_is_none_and_gives_way_to_the_next(secrets: ClientSecrets, consumer: Consumer) -> None:
    secrets.stage("Billing_2")
    assert consumer.staged
    consumer.staged = replace(consumer.staged, since=consumer.staged.since - timedelta(days=30))
    assert secrets.read("Billing_2") == Pairs(as_seen(consumer.pair))
    made = secrets.stage("Billing_2")
    assert as_seen(consumer.staged.pair) == made
