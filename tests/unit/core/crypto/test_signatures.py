"""The key by which the history is signed, and what its signatures prove."""

from __future__ import annotations

import pickle

import pytest

from rotator.core.crypto.signatures import PublicKey, SigningKey
from rotator.core.secret import Secret
from rotator.errors import CertificateError
from rotator.testing.versions import spare_key

KEY, OTHER = SigningKey.generate(), SigningKey.generate()


def test_a_signature_is_of_one_key_over_exactly_these_bytes() -> None:
    signature = KEY.sign(b"a row")
    assert "=" not in signature
    assert KEY.public.has_signed(signature, b"a row")
    assert not KEY.public.has_signed(signature, b"another row")
    assert not OTHER.public.has_signed(signature, b"a row")


@pytest.mark.parametrize("signature", ["", "x", "nothing of that kind", "\u2713" * 86])
def test_what_is_no_signature_proves_nothing(signature: str) -> None:
    assert not KEY.public.has_signed(signature, b"a row")


def test_a_public_key_is_read_as_it_is_shown() -> None:
    shown = KEY.public.text
    assert PublicKey.parse(shown).id == KEY.public.id != OTHER.public.id
    assert PublicKey.parse(shown).has_signed(KEY.sign(b"a row"), b"a row")


@pytest.mark.parametrize(
    "text",
    ["", "ed25519:", "ed25519:AAAA", pytest.param(KEY.public.text.removeprefix("ed25519:"), id="without its prefix")],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of what cryptography refuses the words are its own
        PublicKey.parse(text)


def test_a_public_key_with_anything_else_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        PublicKey.parse(KEY.public.text.replace(":", ":#"))


def test_a_public_key_without_its_prefix_is_told_where_to_see_one() -> None:
    with pytest.raises(ValueError, match="as `rotator history verify` shows it"):
        PublicKey.parse("AAAA")


def test_a_signing_key_comes_back_from_its_pem() -> None:
    assert SigningKey.from_pem(KEY.pem()).public.text == KEY.public.text


@pytest.mark.parametrize(
    "pem", [Secret("\u2713"), Secret("hunter2"), spare_key(0).pem()], ids=["no ASCII", "no key", "RSA"]
)
def test_what_is_no_signing_key_comes_with_the_command_that_makes_one(pem: Secret) -> None:
    with pytest.raises(CertificateError) as refused:
        SigningKey.from_pem(pem)
    assert "openssl genpkey -algorithm ed25519" in refused.value.hint


def test_a_signing_key_leaves_memory_only_as_a_secret() -> None:
    assert f"{KEY} {KEY!r}" == "*** ***"
    with pytest.raises(TypeError, match="a SigningKey is not pickled"):
        pickle.dumps(KEY)
