"""What config.yaml says of the audit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rotator.config.settings import Settings
from rotator.core.posture.checks import Risk
from rotator.core.posture.choices import Exemption

Read = Callable[..., Settings]
Refusal = Callable[..., str]


def excepting(text: str) -> str:
    return f"audit:\n  exceptions:\n    - {text}\n"


def test_without_a_word_there_are_sound_defaults(settings: Read) -> None:
    audit = settings().audit
    assert (audit.unused_after, audit.alert_from, audit.exceptions) == (timedelta(days=90), Risk.MEDIUM, ())
    rules = audit.rules(timedelta(minutes=3))
    assert sorted(rules.scopes) == ["Api", "RefreshToken"]
    assert rules.assertion_lifetime == timedelta(minutes=3)


def test_an_exception_counts_until_the_day_begins_in_utc(settings: Read) -> None:
    text = "{check: second-app, credential: billing, reason: moves in spring, until: 2027-04-01}"
    [exception] = settings(more=excepting(text)).audit.exceptions
    until = datetime(2027, 4, 1, tzinfo=UTC)
    assert exception.rules() == Exemption("second-app", "billing", None, "moves in spring", until)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{check: second-ap, org: production, reason: r, until: 2027-04-01}", "there is no check `second-ap`; did you"),
        ("{check: second-app, reason: r, until: 2027-04-01}", "give either `credential` or `org`"),
        (
            "{check: second-app, credential: billing, org: production, reason: r, until: 2027-04-01}",
            "give either `credential` or `org`",
        ),
        ("{check: second-app, credential: biling, reason: r, until: 2027-04-01}", "there is no credential `biling`"),
        ("{check: second-app, org: prod, reason: r, until: 2027-04-01}", "there is no org `prod`"),
        ("{check: management-key, credential: billing, reason: r, until: 2027-04-01}", "is about an org: give `org`"),
        ("{check: second-app, org: production, until: 2027-04-01}", "reason: it is missing"),
        ("{check: second-app, org: production, reason: r}", "until: it is missing"),
        ("{check: second-app, org: production, reason: r, until: soon}", "must be a day, such as 2027-03-31"),
        ("{check: second-app, org: production, reason: r, until: 2027-02-30}", "must be a day, such as 2027-03-31"),
        ("{check: second-app, org: production, reason: '', until: 2027-04-01}", "must not be empty"),
    ],
)
def test_an_exception_that_cannot_be_meant_is_refused_with_its_place(refusal: Refusal, text: str, told: str) -> None:
    message = refusal(more=excepting(text))
    assert told in message
    assert "audit.exceptions[0]" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("audit: {alert_from: severe}", "audit.alert_from: must be"),
        ("audit: {scopes: []}", "audit.scopes: must not be empty"),
        ("audit: {unused_after: 0s}", "audit.unused_after: must be more than 0s"),
        ("audit: {exeptions: []}", "audit.exeptions: unknown key; did you mean `exceptions`?"),
    ],
)
def test_other_mistakes_name_what_is_meant(refusal: Refusal, text: str, told: str) -> None:
    assert told in refusal(more=text)
