"""Where a credential is, as consumers write it, and what cannot be meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator import consumer
from rotator.errors import ConfigurationError, OrgError, RotatorError
from rotator.stores.vault import plugin as vault
from rotator.stores.vault.auth import AppRoleLogin, JwtLogin, TokenFileLogin, TokenLogin
from tests.tiers import longer

if TYPE_CHECKING:
    from rotator.stores.vault.auth import VaultLogin

VAULT = "vault:secret/rotator/billing"


@pytest.fixture(autouse=True)
def _no_vault_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("", "must begin with aws:, files: or vault:, and name a credential"),
        ("/var/lib/rotator/keys", "must begin with aws:, files: or vault:"),
        ("gcp:billing", "there is no type of store `gcp`; there is aws, files, vault"),
        ("vualt:secret/rotator/billing", "did you mean `vault`?"),
        ("aws:", "must begin with aws:, files: or vault:, and name a credential"),
        ("files:/var/lib/rotator/keys", "must be a directory, `#` and a credential"),
        ("files:#billing", "must be a directory, `#` and a credential"),
        ("aws:rotator/billing?regin=eu-central-1", "unknown option 'regin'; there are ca, endpoint_url"),
        ("aws:rotator/billing?endpoint_url=http://vpce.example", "endpoint_url that begins with https://"),
        ("aws:rotator/billing?endpoint_url=https://vpce.example:x", "endpoint_url that begins with https://"),
        (f"{VAULT}?address=https://[::1", "needs `address`, or the variable VAULT_ADDR"),
        (f"{VAULT}?address=https://vault.example&token=s3cret", "unknown option 'token'"),
        ("vault:billing?address=https://vault.example", "must be a path in Vault"),
        ("vault:secret/billing?address=https://vault.example", "must be a path in Vault"),
        (f"{VAULT}?address=https://vault.example&mount=kv", "must be a path in Vault"),
        (VAULT, "needs `address`, or the variable VAULT_ADDR"),
        (f"{VAULT}?address=http://vault.example", "begins with https://"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused(place: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        consumer.login(place)
    assert reason in refused.value.message
    assert "files:/var/lib/rotator/keys#billing" in refused.value.hint


def test_what_looks_like_a_secret_in_a_place_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        consumer.login(f"{VAULT}?address=https://vault.example&token=s3cret")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "place",
    [
        "files:~/keys#billing",
        "files:/keys#1/x#billing",
        f"{VAULT}?address=https://vault.example&namespace=team&ca=/etc/ca.pem",
        f"{VAULT}?address=http://127.0.0.1:8200",
        "vault:teams/kv/rotator/billing?mount=teams/kv&address=https://vault.example",
        "aws:rotator/billing?region=eu-central-1&profile=crm&role=arn:aws:iam::123456789012:role/x&ca=/etc/ca.pem",
    ],
)
def test_no_store_is_called_before_a_token_is_asked_for(place: str) -> None:
    assert consumer.login(place)


def login_of(options: str) -> VaultLogin:
    return vault._login_of(dict(option.split("=") for option in options.split("&") if option), os.environ)


def test_a_vault_gets_the_login_that_the_place_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(login_of("approle=id"), AppRoleLogin)
    assert login_of("approle=id&auth=ours").words == "the AppRole login auth/ours"
    assert isinstance(login_of("kubernetes=crm"), JwtLogin)
    assert isinstance(login_of("jwt=crm&jwt_file=/run/token"), JwtLogin)
    assert str(Path("~/.vault-token").expanduser()) in login_of("").words
    monkeypatch.setenv("VAULT_TOKEN", "a-token")
    assert isinstance(login_of(""), TokenLogin)
    assert isinstance(login_of("token_file=/run/token"), TokenFileLogin)


def test_a_consumer_without_anything_to_log_in_to_vault_by_says_what_is_missing() -> None:
    with pytest.raises(RotatorError, match="cannot be read"):
        consumer.login(f"{VAULT}?address=http://127.0.0.1:9&token_file=/nowhere/token").token()


@longer
@pytest.mark.usefixtures("simulator")
def test_a_program_that_names_no_authority_is_told_of_it_and_not_of_an_org_that_refused(config: Path) -> None:
    with pytest.raises(OrgError, match=r"The TLS certificate that .* shows is not trusted") as refused:
        consumer.login(f"files:{config.parent / 'store'}#billing").token()
    assert "refuse" not in refused.value.message
    assert "In a program: `login(..., ca=PATH)`." in refused.value.hint
