"""Versions that are a consumer key and its secret, their names, and their document."""

from __future__ import annotations

import json
import traceback
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.credentials import (
    CredentialKind,
    SecretVersion,
    Version,
    key_version,
    secret_fingerprint,
    secret_version,
)
from rotator.core.secret import Secret
from rotator.errors import StoredDamaged
from rotator.testing.versions import make_secret_version, make_version

VERSION = make_secret_version()
FIELDS: dict[str, Any] = json.loads(VERSION.to_document().reveal())


def refusal(damaged: Secret) -> StoredDamaged:
    with pytest.raises(StoredDamaged, match=r"stored version somewhere is damaged") as refused:
        Version.from_document(damaged, where="somewhere")
    return refused.value


def test_a_document_reads_back_as_the_same_version() -> None:
    read = Version.from_document(VERSION.to_document(), where="somewhere")
    assert read == VERSION
    assert (read.kind, read.not_after) == (CredentialKind.CLIENT_SECRET, VERSION.valid_until)


def test_the_document_gives_a_consumer_all_that_it_needs() -> None:
    assert set(FIELDS) == {
        "format",
        "kind",
        "credential",
        "org",
        "app",
        "client_id",
        "client_secret",
        "username",
        "login_url",
        "fingerprint",
        "not_after",
        "created_at",
        "rotation_id",
    }
    assert FIELDS["kind"] == "client_secret"
    assert FIELDS["client_secret"] == VERSION.client_secret.reveal()


def test_a_document_of_a_key_pair_is_as_it_was_before_there_were_kinds() -> None:
    assert "kind" not in json.loads(make_version().to_document().reveal())


@given(st.text(), st.text(), st.text(), st.text())
def test_a_fingerprint_is_the_pairs_and_no_other_pairs(key: str, secret: str, key2: str, secret2: str) -> None:
    one, other = secret_fingerprint(key, Secret(secret)), secret_fingerprint(key2, Secret(secret2))
    # HMAC fills a short secret up with zero bytes; Salesforce's have none.
    is_same = (key, secret.rstrip("\0")) == (key2, secret2.rstrip("\0"))
    assert (one == other) == is_same


def test_a_fingerprint_stays_the_same_over_releases() -> None:
    # As `openssl dgst -sha256 -hmac` has it.
    fingerprint = secret_fingerprint("3MVG9.key", Secret("0123456789abcdef" * 4))
    assert fingerprint == "fc477fa0276a8dd304e4ba15c76ca400cfdee3e12d169fe43141f86d6fe08bff"


@pytest.mark.parametrize("name", sorted(set(FIELDS)))
def test_a_document_without_one_of_its_members_is_damaged(name: str) -> None:
    refusal(Secret(json.dumps({key: value for key, value in FIELDS.items() if key != name})))


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "0" * 64},
        {"client_id": "another"},
        {"client_secret": make_secret_version().client_secret.reveal()},
    ],
)
def test_key_secret_and_fingerprint_must_belong_together(changes: dict[str, str]) -> None:
    assert "belong together" in str(refusal(Secret(json.dumps(FIELDS | changes))))


@pytest.mark.parametrize("changes", [{"kind": "password"}, {"not_after": "tomorrow"}, {"client_secret": None}])
def test_a_member_that_cannot_be_read_is_damage(changes: dict[str, str]) -> None:
    assert "cannot be read" in str(refusal(Secret(json.dumps(FIELDS | changes))))


@pytest.mark.parametrize("cut", [40, 300, -3])
def test_an_error_about_a_document_holds_nothing_of_the_secret(cut: int) -> None:
    refused = refusal(Secret(VERSION.to_document().reveal()[:cut]))
    told = "".join(traceback.format_exception(refused)) + repr(vars(refused))
    assert VERSION.client_secret.reveal()[:12] not in told
    assert refused.__context__ is None


def test_a_version_prints_without_its_secret() -> None:
    assert VERSION.client_secret.reveal() not in f"{VERSION} {VERSION!r} {vars(VERSION)}"


@pytest.mark.parametrize("guessable", ["", "hunter2", "1234567890123456789", "ab" * 64])
def test_a_secret_that_could_be_guessed_from_its_fingerprint_is_not_whole(guessable: str) -> None:
    assert VERSION.is_whole
    assert not replace(VERSION, client_secret=Secret(guessable)).is_whole
    assert not replace(VERSION, client_id="").is_whole


def test_what_is_of_the_other_kind_is_said() -> None:
    assert isinstance(secret_version(VERSION), SecretVersion)
    with pytest.raises(StoredDamaged, match="is a client secret, and the credential is configured as the other kind"):
        key_version(VERSION)
    with pytest.raises(StoredDamaged, match="is a key pair"):
        secret_version(make_version())
