"""The program's own login is opened late, kept, renewed when it has to be, and never the wrong one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.salesforce.login import LoginTarget, SessionExpired
from rotator.salesforce.session import Candidate, OrgSession
from rotator.simulator.org.settings import Refusal
from rotator.simulator.wire.answers import json_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.session_proof import prove_alive

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport
    from rotator.simulator.org.org import Org

Open = Callable[..., OrgSession]
Clock = Callable[[], "datetime"]


def refused(_instance_url: str, _token: Secret) -> None:
    raise SessionExpired("The session is over.", hint="")


def test_no_login_happens_before_it_is_needed(production: Org, open_session: Open) -> None:
    open_session(production)
    assert not production.logins


def test_one_login_serves_the_whole_run(production: Org, open_session: Open) -> None:
    session = open_session(production)
    assert session.instance_url == production.url
    assert session.org_id == production.id
    assert session.server_time is not None
    assert session.call(lambda instance_url, token: (instance_url, token.reveal()[:15])) == (
        production.url,
        production.id[:15],
    )
    prove_alive(session)
    assert len(production.logins) == 1


def test_threads_that_need_it_at_once_share_one_login(production: Org, open_session: Open) -> None:
    session = open_session(production)
    threads = [threading.Thread(target=prove_alive, args=(session,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(production.logins) == 1


def test_the_next_key_is_taken_when_the_one_before_does_not_match(
    production: Org, open_session: Open, pair: Any, other_pair: Any
) -> None:
    assert open_session(production, other_pair.key, pair.key).org_id == production.id
    assert [row.outcome for row in production.logins] == ["invalid_grant: invalid assertion", "Success"]


@pytest.mark.parametrize(
    "words",
    [Refusal("invalid_client", "invalid client credentials"), Refusal("no_such_key", "which nobody has heard of")],
)
def test_the_next_key_is_taken_when_the_org_has_words_of_its_own_for_a_wrong_one(
    production: Org, open_session: Open, pair: Any, other_pair: Any, words: Refusal
) -> None:
    production.settings = replace(production.settings, refusals={"signature": words})
    assert open_session(production, other_pair.key, pair.key).org_id == production.id


def test_the_next_key_may_be_for_another_app(
    production: Org, transport: Transport, target: Callable[..., LoginTarget], now: Clock, pair: Any, other_pair: Any
) -> None:
    other = production.add_app("Other", certificate=pair.certificate, username="robot@rotator.example")
    ways = [
        Candidate(target(production, production.app("Rotator")), other_pair.key),
        Candidate(target(production, other), pair.key),
    ]
    assert OrgSession("production", transport, lambda: ways, now).org_id == production.id
    assert [row.app for row in production.logins] == ["Rotator", "Other"]


def test_the_ways_to_log_in_are_asked_for_afresh_at_every_login(
    production: Org, transport: Transport, target: Callable[..., LoginTarget], now: Clock, pair: Any, other_pair: Any
) -> None:
    robot = target(production, production.app("Rotator"))
    ways = [Candidate(robot, pair.key)]
    session = OrgSession("production", transport, lambda: ways, now)
    prove_alive(session)
    production.put_certificate("Rotator", other_pair.certificate)
    production.sessions.end_all()
    ways[:] = [Candidate(robot, other_pair.key)]
    prove_alive(session)


def test_a_later_key_is_not_even_asked_for_when_the_first_is_refused_for_another_reason(
    production: Org, transport: Transport, target: Callable[..., LoginTarget], now: Clock, pair: Any
) -> None:
    def candidates() -> Iterator[Candidate]:
        yield Candidate(target(production, production.app("Rotator")), pair.key)
        raise AssertionError("the second key was asked for")

    production.users["robot@rotator.example"].active = False
    session = OrgSession("production", transport, candidates, now)
    with pytest.raises(LoginRefused, match="inactive user"):
        prove_alive(session)


def test_a_refused_login_says_for_whom_why_and_what_to_do(production: Org, open_session: Open, other_pair: Any) -> None:
    with pytest.raises(LoginRefused) as caught:
        prove_alive(open_session(production, other_pair.key))
    assert str(caught.value) == (
        "The org production refuses the program's own login as robot@rotator.example: invalid_grant: invalid assertion."
        " Nothing was changed. The key does not match the certificate that the app holds; if it does,"
        " `username` is wrong. Put the certificate of this"
        " key on the management app again, in Setup, or correct `login` of the org in config.yaml."
    )


def test_without_any_key_the_login_is_refused(transport: Transport, now: Clock) -> None:
    with pytest.raises(LoginRefused, match="There is no key to log in to the org production with"):
        prove_alive(OrgSession("production", transport, list, now))


@pytest.mark.parametrize("answer", ["http_503", "unknown_error", "login_rate_exceeded"])
def test_an_org_that_asks_to_come_later_is_unavailable(production: Org, open_session: Open, answer: str) -> None:
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer=answer))
    with pytest.raises(OrgUnavailable, match="No login to the org production just now"):
        prove_alive(open_session(production))


def test_a_failed_login_is_tried_again_at_the_next_call(production: Org, open_session: Open) -> None:
    session = open_session(production)
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL))
    with pytest.raises(OrgUnavailable):
        prove_alive(session)
    prove_alive(session)


def test_a_session_that_ended_is_opened_once_more(production: Org, open_session: Open) -> None:
    session = open_session(production)
    prove_alive(session)
    production.sessions.end_all()
    prove_alive(session)
    assert [row.outcome for row in production.logins] == ["Success", "Success"]


def test_threads_whose_session_ended_at_once_share_the_new_one(production: Org, open_session: Open) -> None:
    session = open_session(production)
    expired = threading.Barrier(3)

    def ends_once(_instance_url: str, token: Secret) -> None:
        if token.reveal() == first:
            expired.wait(60.0)
            raise SessionExpired("The session is over.", hint="")

    first = session.call(lambda _instance_url, token: token.reveal())
    threads = [threading.Thread(target=session.call, args=(ends_once,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(production.logins) == 2


def test_a_session_that_is_refused_again_after_a_new_login_is_an_error(production: Org, open_session: Open) -> None:
    session = open_session(production)
    with pytest.raises(SessionExpired):
        session.call(refused)
    assert len(production.logins) == 2


def test_a_session_outlives_the_certificate_it_was_opened_with(
    production: Org, open_session: Open, other_pair: Any
) -> None:
    session = open_session(production)
    prove_alive(session)
    production.put_certificate("Rotator", other_pair.certificate)
    prove_alive(session)
    assert len(production.logins) == 1


def test_a_session_in_another_org_than_before_is_refused(production: Org, sandbox: Org, open_session: Open) -> None:
    session = open_session(production)
    prove_alive(session)
    production.sessions.end_all()
    elsewhere = json_answer(
        200,
        {
            "access_token": "00D!x",
            "instance_url": sandbox.url,
            "id": f"https://test.salesforce.com/id/{sandbox.id}/005000000000001AAA",
        },
    )
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer=elsewhere))
    with pytest.raises(OrgError, match=f"led to the org {sandbox.id}, not to {production.id}"):
        prove_alive(session)


def test_tokens_in_jwt_format_are_refused_with_the_setting_to_change(production: Org, open_session: Open) -> None:
    production.app("Rotator").component["oauthConfig"]["isNamedUserJwtEnabled"] = "true"
    with pytest.raises(OrgError, match="JWT format") as caught:
        prove_alive(open_session(production))
    assert '"Issue JSON Web Token (JWT)-based access tokens"' in caught.value.hint
