"""Logins with a consumer key and its secret, by the program and by consumers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotator import consumer
from rotator.core.credentials import SecretVersion
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.retry import Waiting
from rotator.errors import LoginRefused
from rotator.salesforce.login import LoginTarget, log_in, proof_of, prove
from rotator.simulator.org.org import Org
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.stores.files.store import FilesStore
from tests.near_orgs import NearTransport
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.simulator.org.external_apps import Consumer, KeyPair

USER = "billing@rotator.example"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def org() -> Org:
    org = Org("production", clock=now, random=Random(1))
    org.url = "https://rotator.my.salesforce.example"
    org.add_user(USER)
    app = org.add_external_app("Billing", username=USER)
    policies = app.satellites["ExtlClntAppOauthConfigurablePolicies"].component
    policies.update(isClientCredentialsFlowEnabled="true", clientCredentialsFlowUser=USER)
    return org


@pytest.fixture
def issuer(org: Org) -> Consumer:
    app = org.external_app("Billing")
    assert app.consumer
    return app.consumer


def version(org: Org, pair: KeyPair) -> SecretVersion:
    return SecretVersion(
        credential="billing",
        org="production",
        app="Billing",
        client_id=pair.key,
        username=USER,
        login_url=org.url,
        client_secret=pair.secret,
        valid_until=now() + timedelta(days=90),
        created_at=now(),
        rotation_id="",
    )


def proven(org: Org, one: SecretVersion) -> LoginAnswer:
    return prove(NearTransport([org]), LoginTarget.of(one, org.id), proof_of(one), now())


def test_a_login_with_key_and_secret_is_proven_for_the_user_whom_the_app_names(org: Org, issuer: Consumer) -> None:
    one = version(org, issuer.pair)
    login = log_in(NearTransport([org]), LoginTarget.of(one), proof_of(one), now())
    assert login.token
    assert login.org_id == org.id
    assert proven(org, one) == LoginAnswer(LoginOutcome.ACCEPTED)
    other = proven(org, replace(one, username="somebody@rotator.example"))
    assert (other.outcome, "not for somebody@rotator.example" in other.reason) == (LoginOutcome.CONFIGURATION, True)


def test_a_wrong_secret_and_a_key_that_is_not_in_force_speak_against_the_pair_and_nothing_else_does(
    org: Org, issuer: Consumer
) -> None:
    one, staged = version(org, issuer.pair), version(org, org.new_key_pair())
    for wrong, words in (
        (replace(one, client_secret=staged.client_secret), "invalid client credentials"),
        (staged, "client identifier invalid"),
    ):
        answer = proven(org, wrong)
        assert (answer.outcome, answer.another_key_may_fit) == (LoginOutcome.MISMATCH, True)
        assert words in answer.reason
        assert answer.hint
    org.users[USER].active = False
    assert proven(org, one).outcome is LoginOutcome.CONFIGURATION
    assert not proven(org, one).another_key_may_fit


def test_an_app_without_a_user_for_client_credentials_is_told_with_what_to_do(org: Org, issuer: Consumer) -> None:
    policies = org.external_app("Billing").satellites["ExtlClntAppOauthConfigurablePolicies"].component
    policies["isClientCredentialsFlowEnabled"] = "false"
    answer = proven(org, version(org, issuer.pair))
    assert (answer.outcome, answer.another_key_may_fit) == (LoginOutcome.CONFIGURATION, False)
    assert "Enable the client credentials flow" in answer.hint


def test_nothing_of_the_secret_is_in_an_answer(org: Org, issuer: Consumer) -> None:
    one = version(org, issuer.pair)
    for effect in (Effect.FAIL, Effect.HANG, Effect.LOSE_ANSWER):
        org.faults.add(Fault(Kind.TOKEN, effect))
        answer = proven(org, one)
        assert answer.outcome is LoginOutcome.TRANSIENT
        assert one.client_secret.reveal() not in repr(answer)


def test_a_consumer_logs_in_with_whatever_pair_is_in_force(org: Org, issuer: Consumer, tmp_path: Path) -> None:
    store, time = FilesStore("keys", tmp_path / "store"), VirtualTime()
    old, new = version(org, issuer.pair), version(org, org.new_key_pair())
    store.put_pending(old)
    store.promote("billing", old.fingerprint, replaces=None)
    store.put_pending(new)
    login = consumer.from_store(store, "billing", transport=NearTransport([org]), waiting=Waiting(10, now=now))
    assert login.token().access_token
    issuer.pair = replace(issuer.pair, key=new.client_id, secret=new.client_secret)
    assert login.token().access_token
    store.promote("billing", new.fingerprint, replaces=old.fingerprint)
    assert login.token().access_token
    issuer.pair = org.new_key_pair()
    impatient = consumer.from_store(store, "billing", transport=NearTransport([org]), waiting=time.waiting())
    with pytest.raises(LoginRefused, match="refuses the login of billing"):
        impatient.token()
