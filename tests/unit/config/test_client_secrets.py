"""What config.yaml says of client secrets, and what makes no sense of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.config.loading import parse
from rotator.core.decision.policies import Strategy
from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from rotator.config.settings import Settings

_TEXT = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {login}
stores: {{keys: {{type: files, path: store}}}}
credentials:
  billing: {{org: production, store: keys, username: billing@example.com, apps: [Billing]}}
  shipping: {{org: production, store: keys, username: shipping@example.com, {shipping}}}
rotation: {rotation}
"""
_KEY = "{client_id: key, username: rotator@example.com, private_key: {env: KEY}}"


def read(shipping: str, *, login: str = _KEY, rotation: str = "{}") -> Settings:
    return parse(_TEXT.format(shipping=shipping, login=login, rotation=rotation), Path("/etc/rotator/config.yaml"))


def refusal(shipping: str, *, login: str = _KEY, rotation: str = "{}") -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(shipping, login=login, rotation=rotation)
    return refused.value.message


def test_a_client_secret_is_read_with_its_defaults() -> None:
    shipping = read("kind: client_secret, apps: [Shipping]").credentials["shipping"]
    assert (shipping.has_secret, shipping.strategy) == (True, Strategy.STAGED)
    assert (shipping.max_age, shipping.rotate_before) == (timedelta(days=90), timedelta(days=30))
    assert shipping.span == ("max_age", shipping.max_age)
    billing = read("kind: client_secret, apps: [Shipping]").credentials["billing"]
    assert (billing.has_secret, billing.strategy, billing.kind) == (False, Strategy.IN_PLACE, "key_pair")


def test_defaults_for_all_are_of_both_kinds() -> None:
    found = read(
        "kind: client_secret, apps: [Shipping]",
        rotation="{lifetime: 40d, key_bits: 4096, max_age: 200d, rotate_before: 20d}",
    )
    assert found.credentials["shipping"].max_age == timedelta(days=200)
    assert found.credentials["billing"].lifetime == timedelta(days=40)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("kind: client_secret, apps: [Shipping], lifetime: 90d", "has no end of its own; say `max_age`"),
        ("kind: client_secret, apps: [Shipping], key_bits: 2048", "a client secret has no key"),
        ("kind: client_secret, apps: [Shipping], on_left_behind: back", "no login history tells who is left behind"),
        ("kind: client_secret, apps: [Shipping], left_behind_after: 5m", "no login history tells who is left behind"),
        ("apps: [Shipping, Billing], on_left_behind: back", "nobody has to go back"),
        ("kind: client_secret, apps: [Shipping], subject: {}", "a client secret has no certificate"),
        ("kind: client_secret, apps: [Shipping], audience: 'https://a.example'", "names no audience"),
        ("kind: client_secret, apps: [Shipping], strategy: alternating", "a client secret is rotated by staged"),
        ("kind: client_secret, apps: [Shipping, Other]", "a client secret is of one app"),
        ("kind: client_secret, apps: [{name: Shipping, kind: connected_app}]", "of no connected app"),
        ("kind: client_secret, apps: [Shipping], grace: 31d, max_age: 200d", "grace must be at most 30d"),
        ("kind: client_secret, apps: [Shipping], max_age: 30d", "must be shorter than max_age"),
        ("kind: client_secret, apps: [Billing]", "belongs to the credential"),
        ("kind: secret, apps: [Shipping]", "must be"),
        ("apps: [Shipping], max_age: 90d", "it is of client secrets; a key pair has a certificate, so say `lifetime`"),
        ("apps: [Shipping], strategy: staged", "in_place needs one app"),
    ],
)
def test_what_makes_no_sense_of_a_kind_is_refused_in_a_sentence(says: str, words: str) -> None:
    assert words in refusal(says)


def test_the_program_itself_logs_in_by_no_client_secret() -> None:
    told = refusal("kind: client_secret, apps: [Shipping]", login="{credential: shipping}")
    assert "is a client secret: rotator itself logs in with a key only" in told
