from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.core.crypto.certificates import PrivateKey
from rotator.core.secret import Secret
from rotator.errors import HistoryError
from rotator.history.journal.chain import (
    GENESIS,
    canonical,
    details_text,
    event_hash,
    read_details,
    refuse_private_keys,
    refuse_secrets,
)
from tests.tiers import longer, of_tier

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@pytest.fixture(scope="module")
def private_key() -> PrivateKey:
    return PrivateKey.generate()


@longer
@settings(deadline=None, max_examples=of_tier(16, thorough=50))
@given(st.dictionaries(st.text(), VALUES))
def test_details_come_back_as_they_were(details: dict[str, Any]) -> None:
    text = details_text(details)

    assert read_details(text) == details
    assert text.isascii()


@longer
@settings(deadline=None, max_examples=of_tier(16, thorough=50))
@given(st.dictionaries(st.text(), VALUES))
def test_the_order_of_details_makes_no_difference(details: dict[str, Any]) -> None:
    assert details_text(dict(reversed(details.items()))) == details_text(details)


def test_the_hash_is_over_everything_in_a_form_that_others_can_compute() -> None:
    entry = (1, "2026-11-23T12:31:47.000000Z", "promote", "billing", None, "{}", GENESIS)
    spelled = f'["rotator event 1",1,"2026-11-23T12:31:47.000000Z","promote","billing",null,"{{}}","{GENESIS}"]'

    assert event_hash(entry) == hashlib.sha256(spelled.encode()).hexdigest()


def test_moving_a_character_from_one_field_to_the_next_changes_the_hash() -> None:
    assert event_hash((1, "t", "ab", "c", None, "{}", GENESIS)) != event_hash((1, "t", "a", "bc", None, "{}", GENESIS))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(value)


@pytest.mark.parametrize("text", ["", "[]", "{", "7", None, b"\xff"])
def test_details_that_are_none_are_an_error_in_words(text: Any) -> None:
    with pytest.raises(HistoryError, match="not what rotator wrote"):
        read_details(text)


@pytest.mark.parametrize("place", [lambda it: {"a": it}, lambda it: {"a": [1, {"b": (it,)}]}])
def test_secrets_are_refused_wherever_they_are(private_key: PrivateKey, place: Any) -> None:
    pem = private_key.pem()
    for secret in (pem, private_key, pem.reveal(), f"see: {pem.reveal()}", Secret("x")):
        with pytest.raises(HistoryError, match="secret") as caught:
            details_text(place(secret))
        assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_a_private_key_of_any_kind_is_refused_in_keys_and_in_text(kind: str) -> None:
    header = f"-----BEGIN {kind}-----"

    with pytest.raises(HistoryError, match="refused"):
        details_text({header: 1})
    with pytest.raises(HistoryError, match="refused"):
        refuse_private_keys(None, "", f"pasted {header}")
    with pytest.raises(HistoryError, match="refused"):
        refuse_private_keys(f"of which the beginning was cut off\n-----END {kind}-----")


def test_a_certificate_is_no_secret() -> None:
    assert details_text({"pem": "-----BEGIN CERTIFICATE-----"})
    refuse_private_keys("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    "secret",
    [
        "00D000000000001" + "!" + "A" * 40,
        "5Aep861" + "a" * 40,
        "eyJ" + "a" * 20 + "." + "b" * 20 + "." + "c" * 20,
        "xox" + "b-1234567890-abcdef",
        "https://hooks.slack.com/" + "services/T0/B0/x",
        "hvs" + "." + "a" * 24,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a" * 36,
        "postgresql://rotator:" + "hunter2@db/rotator",
        "password=hunter2",
        "Token: abcd1234",
        "api_key = 'abcd1234'",
        "DB_PASSWORD=hunter2",
        "client_secret: 1234567890",
        "s" + "." + "aB3" * 8,
    ],
)
def test_a_reason_that_looks_like_a_secret_is_refused(secret: str) -> None:
    with pytest.raises(HistoryError, match="What you typed as a reason looks like") as refused:
        refuse_secrets(f"rotated because {secret} was leaked")
    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "the password was shared",
        "a new token for the vendor",
        "see https://wiki.example/a:b@c",
        "ticket CRM-12: key left",
    ],
)
def test_a_reason_of_words_is_none(reason: str) -> None:
    refuse_secrets(reason)
