"""Single actions: what a certificate is made out to, and what a login with a version of before means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import SubjectName
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.logins import LoginAnswer, LoginOutcome, of_another_consumer_key
from rotator.services.rotation.executor import Executor, certificate_subject
from rotator.services.rotation.observer import Observer

if TYPE_CHECKING:
    from tests.unit.services.bench import Bench

UNKNOWN = LoginAnswer(LoginOutcome.CONFIGURATION, "client identifier invalid", error="invalid_client_id")


def test_certificates_are_made_out_to_what_the_configuration_says(one: Bench) -> None:
    context = one.credential_context
    assert certificate_subject(context) == SubjectName("billing production")
    said = {
        "common_name": "Billing at Acme",
        "organizational_unit": "Finance",
        "organization": "Acme",
        "locality": "Basel",
        "state": "BS",
        "country": "CH",
    }
    subject = context.settings.subject.model_copy(update=said)
    context = replace(context, settings=context.settings.model_copy(update={"subject": subject}))
    assert certificate_subject(context) == SubjectName(**said)
    subject = subject.model_copy(update={"common_name": None})
    context = replace(context, name="b" * 70, settings=context.settings.model_copy(update={"subject": subject}))
    assert certificate_subject(context) == SubjectName(**{**said, "common_name": "b" * 64}), "X.509 allows no more"


@pytest.mark.parametrize("client_id", ["key of Billing", "another"])
def test_a_version_with_the_consumer_key_of_before_is_refused_for_that(one: Bench, client_id: str) -> None:
    one.refuses = lambda _: UNKNOWN
    one.client_ids["Billing"] = client_id
    observer = Observer(one.credential_context)
    observer.observe()
    executor = Executor(one.credential_context, observer, rotation_id="1", keep_key=False)
    answer = executor.try_login(Action(ActionKind.VERIFY, "", version=one.current.fingerprint))
    assert answer == (UNKNOWN if client_id == "key of Billing" else of_another_consumer_key(UNKNOWN))
    assert of_another_consumer_key(UNKNOWN) != UNKNOWN
