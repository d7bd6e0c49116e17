"""A test login proves what it says, and nothing when it says nothing."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.salesforce.login import Login, LoginTarget, SessionExpired, assertion, log_in, prove, same_org, userinfo
from rotator.salesforce.transport import Transport
from rotator.simulator.org.settings import OrgSettings, Refusal
from rotator.simulator.wire.answers import Answer, html_answer, json_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.crypto.keys import PrivateKey
    from rotator.simulator.org.org import Org


@dataclass(frozen=True)
class Consumer:
    """Somebody who logs in through the app Billing."""

    transport: Transport
    target: LoginTarget
    key: PrivateKey

    def log_in(self) -> Login:
        return log_in(self.transport, self.target, self.key, datetime.now(UTC))

    def prove(self, *, late: timedelta = timedelta(0)) -> LoginAnswer:
        return prove(self.transport, self.target, self.key, datetime.now(UTC) - late)

    def but(self, **changes: Any) -> Consumer:
        return replace(self, target=replace(self.target, **changes))


@pytest.fixture
def consumer(production: Org, transport: Transport, target: Callable[..., LoginTarget], pair: Any) -> Consumer:
    return Consumer(transport, target(production, production.app("Billing"), org_id=production.id), pair.key)


def test_an_assertion_names_the_app_the_user_and_the_org_and_lasts_three_minutes(pair: Any) -> None:
    target = LoginTarget("https://login.example", "3MVG9client", "user@rotator.example", "https://audience.example")
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    signed = assertion(target, pair.key, now)
    header, claims, _ = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (*signed.split(".")[:2], "e30"))
    assert header["alg"] == "RS256"
    assert claims == {
        "iss": "3MVG9client",
        "sub": "user@rotator.example",
        "aud": "https://audience.example",
        "exp": int(datetime(2026, 1, 2, 3, 7, 5, tzinfo=UTC).timestamp()),
    }
    options: Any = {"verify_exp": False}
    jwt.decode(signed, pair.certificate.public_key, ["RS256"], options, audience="https://audience.example")


def test_a_login_gives_the_token_and_says_where_and_for_whom(production: Org, consumer: Consumer) -> None:
    login = consumer.log_in()
    assert login.answer.outcome is LoginOutcome.ACCEPTED
    assert login.token is not None
    assert login.token.reveal().startswith(production.id[:15] + "!")
    assert login.instance_url == production.url
    assert login.org_id == production.id
    assert login.user_id == production.users[consumer.target.username].id
    assert login.server_time is not None
    assert abs(login.server_time - datetime.now(UTC)) < timedelta(seconds=5)
    assert login.token.reveal() not in repr(login)


def test_a_login_url_may_end_in_a_slash(consumer: Consumer) -> None:
    slashed = consumer.but(login_url=consumer.target.login_url + "/")
    assert slashed.prove().outcome is LoginOutcome.ACCEPTED


def test_a_key_that_fits_is_proven(consumer: Consumer) -> None:
    assert consumer.prove().outcome is LoginOutcome.ACCEPTED


def test_a_key_that_does_not_fit_is_a_mismatch(consumer: Consumer, other_pair: Any) -> None:
    answer = replace(consumer, key=other_pair.key).prove()
    assert answer.outcome is LoginOutcome.MISMATCH
    assert answer.reason == "invalid_grant: invalid assertion"


def test_a_probe_leaves_its_session_alive(production: Org, consumer: Consumer) -> None:
    consumer.prove()
    assert len(production.sessions) == 1
    assert production.calls[Kind.REVOKE] == 0


def test_a_username_may_be_written_in_other_letters(production: Org, consumer: Consumer) -> None:
    owner = json_answer(200, {"preferred_username": consumer.target.username.upper(), "organization_id": production.id})
    production.faults.add(Fault(Kind.USERINFO, Effect.FAIL, answer=owner))
    assert consumer.prove().outcome is LoginOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ({"preferred_username": "someone@else.example"}, "for the user someone@else.example, not for billing@"),
        ({"preferred_username": ""}, "for the user nobody"),
        ({"organization_id": "00D000000000999EAA"}, "for the org 00D000000000999EAA, not for 00D"),
    ],
)
def test_a_token_for_somebody_else_proves_nothing(
    production: Org,
    consumer: Consumer,
    owner: dict[str, str],
    said: str,
) -> None:
    right = {"preferred_username": consumer.target.username, "organization_id": production.id}
    production.faults.add(Fault(Kind.USERINFO, Effect.FAIL, answer=json_answer(200, right | owner)))
    answer = consumer.prove()
    assert answer.outcome is LoginOutcome.CONFIGURATION
    assert said in answer.reason


def test_an_org_that_is_not_yet_known_is_not_compared(consumer: Consumer) -> None:
    assert consumer.but(org_id=None).prove().outcome is LoginOutcome.ACCEPTED


def test_the_short_and_the_long_id_of_an_org_are_the_same() -> None:
    assert same_org("00D000000000001", "00D000000000001EAA")
    assert not same_org("00D000000000001", "00D000000000002EAA")
    assert not same_org("00D00000000000a", "00D00000000000A")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("unknown_error", LoginOutcome.TRANSIENT),
        ("login_rate_exceeded", LoginOutcome.RATE),
        ("http_503", LoginOutcome.TRANSIENT),
        ("http_502", LoginOutcome.TRANSIENT),
        ("http_420", LoginOutcome.TRANSIENT),
        (
            json_answer(400, {"error": "invalid_grant", "error_description": "ip restricted"}),
            LoginOutcome.CONFIGURATION,
        ),
        (json_answer(400, ["invalid assertion"]), LoginOutcome.CONFIGURATION),
        (html_answer(404, "<html>not found</html>"), LoginOutcome.CONFIGURATION),
        (html_answer(200, "<html>Sign in to the guest network</html>"), LoginOutcome.CONFIGURATION),
        (json_answer(200, {"instance_url": "https://x.example"}), LoginOutcome.CONFIGURATION),
        (json_answer(200, {"access_token": "", "instance_url": "https://x.example"}), LoginOutcome.CONFIGURATION),
        (json_answer(200, {"access_token": "t", "instance_url": "http://x.example"}), LoginOutcome.CONFIGURATION),
        (json_answer(201, {"access_token": "t", "instance_url": "https://x.example"}), LoginOutcome.CONFIGURATION),
        (Answer(302, b"", "text/plain", {"Location": "https://x.example/"}), LoginOutcome.CONFIGURATION),
    ],
)
def test_only_http_200_with_a_token_is_a_login_and_only_invalid_assertion_a_mismatch(
    production: Org,
    consumer: Consumer,
    answer: str | Answer,
    outcome: LoginOutcome,
) -> None:
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer=answer))
    login = consumer.log_in()
    assert login.answer.outcome is outcome
    assert login.token is None


@pytest.mark.parametrize("effect", [Effect.HANG, Effect.LOSE_ANSWER])
@pytest.mark.parametrize("kind", [Kind.TOKEN, Kind.USERINFO])
def test_a_login_without_an_answer_is_inconclusive_and_no_error(
    production: Org, consumer: Consumer, near: Transport, kind: Kind, effect: Effect
) -> None:
    production.faults.add(Fault(kind, effect))
    answer = replace(consumer, transport=near).prove()
    assert answer.outcome is LoginOutcome.TRANSIENT
    assert "gave no answer" in answer.reason


def test_an_org_whose_certificate_is_not_trusted_is_a_matter_of_configuration(consumer: Consumer) -> None:
    answer = replace(consumer, transport=Transport()).prove()
    assert answer.outcome is LoginOutcome.CONFIGURATION
    assert "is not trusted" in answer.reason
    assert "`ca`" in answer.hint


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (json_answer(401, [{"errorCode": "INVALID_SESSION_ID"}]), LoginOutcome.CONFIGURATION),
        (Answer(403, b"Bad_OAuth_Token", "text/html"), LoginOutcome.CONFIGURATION),
        ("http_503", LoginOutcome.TRANSIENT),
        (html_answer(200, "<html></html>"), LoginOutcome.TRANSIENT),
    ],
)
def test_a_token_that_userinfo_does_not_take_proves_nothing(
    production: Org,
    consumer: Consumer,
    answer: str | Answer,
    outcome: LoginOutcome,
) -> None:
    production.faults.add(Fault(Kind.USERINFO, Effect.FAIL, answer=answer))
    assert consumer.prove().outcome is outcome


def test_userinfo_says_that_a_session_is_over(production: Org, consumer: Consumer) -> None:
    login = consumer.log_in()
    assert login.token is not None
    production.sessions.end_all()
    with pytest.raises(SessionExpired, match="does not take the access token"):
        userinfo(consumer.transport, login.instance_url, login.token)


@pytest.mark.parametrize(
    "description", ["user hasn't approved this consumer", "user hasn\u2019t approved this consumer"]
)
def test_a_user_who_is_not_approved_is_told_how_to_be(production: Org, consumer: Consumer, description: str) -> None:
    production.settings = OrgSettings(refusals={"approval": Refusal("invalid_grant", description)})
    production.app("Billing").component["oauthConfig"]["isAdminApproved"] = "false"
    answer = consumer.prove()
    assert answer.outcome is LoginOutcome.CONFIGURATION
    assert "pre-authorized" in answer.hint


def test_every_setting_that_refuses_a_login_is_told_from_a_wrong_key(production: Org, consumer: Consumer) -> None:
    assert consumer.but(audience="https://elsewhere.example").prove().outcome is LoginOutcome.CONFIGURATION
    assert consumer.but(client_id="3MVG9unknown").prove().outcome is LoginOutcome.CONFIGURATION
    assert consumer.prove(late=timedelta(minutes=10)).outcome is LoginOutcome.CLOCK
    production.users[consumer.target.username].active = False
    assert consumer.prove().outcome is LoginOutcome.CONFIGURATION


def test_the_logins_of_a_user_may_run_out_for_the_hour(production: Org, consumer: Consumer) -> None:
    production.settings = OrgSettings(logins_per_hour=2)
    outcomes = [consumer.prove().outcome for _ in range(3)]
    assert outcomes == [LoginOutcome.ACCEPTED, LoginOutcome.ACCEPTED, LoginOutcome.RATE]


@longer
def test_while_a_change_spreads_either_key_may_be_a_mismatch(
    production: Org, consumer: Consumer, other_pair: Any
) -> None:
    production.settings = OrgSettings(propagation_seconds=60.0, flap_probability=0.5)
    production.put_certificate("Billing", other_pair.certificate)
    for key in (consumer.key, other_pair.key):
        outcomes = {replace(consumer, key=key).prove().outcome for _ in range(20)}
        assert outcomes == {LoginOutcome.ACCEPTED, LoginOutcome.MISMATCH}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, LoginOutcome.CONFIGURATION),
        (403, LoginOutcome.TRANSIENT),
        (407, LoginOutcome.TRANSIENT),
        (404, LoginOutcome.CONFIGURATION),
        (503, LoginOutcome.TRANSIENT),
    ],
)
def test_a_web_page_in_the_place_of_an_answer_is_called_one(
    production: Org, consumer: Consumer, status: int, outcome: LoginOutcome
) -> None:
    page = "\n<!DOCTYPE html><html><head><title>\n Sign in to\x1b[31m Guest Wi-Fi </title></head></html>"
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=1, answer=html_answer(status, page)))
    answer = consumer.prove()
    assert answer.outcome is outcome
    assert ("a web page (Sign in to?[31m Guest Wi-Fi)" in answer.reason) == (status < 500)
    assert ("sign-in page" in answer.hint) == (status < 500)
