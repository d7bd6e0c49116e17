"""`type: vault` in config.yaml: what may stand there, what is told of mistakes, and the policies."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rotator.cli.error_output import run
from rotator.cli.main import cli
from rotator.config.loading import parse
from rotator.entry_points import STORES
from rotator.errors import ConfigurationError
from rotator.stores.vault.auth import SERVICE_ACCOUNT_TOKEN
from rotator.stores.vault.settings import VaultStoreSettings
from tests.tiers import longer
from tests.unit.configurations import ONE_ORG

FILE = Path("/etc/rotator/config.yaml")
TEXT = (
    ONE_ORG
    + """\
stores:
  keys:
    type: vault
    address: https://vault.example:8200
    login: {token: {env: VAULT_TOKEN}}
credentials:
  billing: {org: production, store: keys, username: billing@example.com, apps: [Billing]}
  payroll: {org: production, store: keys, username: payroll@example.com, apps: [Payroll]}
"""
)

POLICY = """\
path "secret/data/rotator/*" { capabilities = ["create", "read", "update"] }
path "secret/destroy/rotator/*" { capabilities = ["update"] }
path "secret/metadata/rotator/*" { capabilities = ["read"] }
path "secret/metadata/rotator/.check-*" { capabilities = ["read", "delete"] }
"""


def read(old: str = "", new: str = "") -> VaultStoreSettings:
    store = parse(TEXT.replace(old, new) if old else TEXT, FILE).stores["keys"]
    assert isinstance(store, VaultStoreSettings)
    return store


def test_what_is_left_out_has_defaults() -> None:
    store = read()
    assert (store.mount, store.path, store.namespace, store.ca) == ("secret", "rotator", None, None)
    assert store.patience.total_seconds() == 30


@pytest.mark.parametrize(
    ("login", "check"),
    [
        ("{token_file: token}", lambda login: login.token_file == Path("/etc/rotator/token")),
        ("{approle: {role_id: r}}", lambda login: login.approle.mount == "approle"),
        ("{kubernetes: {role: r}}", lambda login: login.kubernetes.token_path == SERVICE_ACCOUNT_TOKEN),
        ("{jwt: {role: r, token_path: /t, mount: /gitlab/}}", lambda login: login.jwt.mount == "gitlab"),
    ],
)
def test_there_are_several_ways_to_log_in(login: str, check: Callable[[Any], bool]) -> None:
    assert check(read("{token: {env: VAULT_TOKEN}}", login).login)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8200", "http://localhost:8200/", "http://[::1]:8200"])
def test_a_server_on_this_machine_may_do_without_tls(address: str) -> None:
    assert read("https://vault.example:8200", address).address == address.rstrip("/")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("https://vault", "http://vault", 9, "must begin with https://, as private keys go over it"),
        ("https://vault", "vault", 9, "must be an address such as https://vault.example:8200"),
        ("https://vault", "https://me:pw@vault", 9, "must be an address such as https://vault.example:8200"),
        (":8200", ":x", 9, "must be an address such as https://vault.example:8200"),
        ("address:", "adress:", 9, "stores.keys.adress: unknown key; did you mean `address`?"),
        ("{token: {env: VAULT_TOKEN}}", "{}", 10, "give exactly one of token, token_file, approle, kubernetes, jwt"),
        ("{token: {env: VAULT_TOKEN}}", "{token: {env: A}, token_file: t}", 10, "give exactly one of"),
        ("{token: {env: VAULT_TOKEN}}", "{token: hvs.secret}", 10, "a secret is not written into config.yaml"),
        ("{token: {env: VAULT_TOKEN}}", "{aprole: {role_id: r}}", 10, "unknown key; did you mean `approle`?"),
        ("{token: {env: VAULT_TOKEN}}", "{jwt: {role: r}}", 10, "stores.keys.login.jwt.token_path: it is missing"),
        ("    login: {token: {env: VAULT_TOKEN}}\n", "", 7, "stores.keys.login: it is missing"),
        ("    address:", "    path: ../other\n    address:", 9, "must be a path such as secret or teams/billing"),
        ("    address:", "    path: ''\n    address:", 9, "must be a path such as secret or teams/billing"),
        ("    address:", "    mount: a//b\n    address:", 9, "must be a path such as secret or teams/billing"),
        ("    address:", "    read_timeout: 0s\n    address:", 9, "must be more than 0s"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(old, new)
    assert said in refused.value.message
    assert f"{FILE}:{line}: " in refused.value.message
    assert "hvs.secret" not in refused.value.message


def test_the_policies_are_printed_to_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(TEXT)
    assert run(cli, "rotator", ["--config", str(config), "check", "--print-policy"]) == 0
    printed = capsys.readouterr().out
    assert "# Vault policy for rotator, store keys\n" in printed
    assert POLICY in printed
    for credential in ("billing", "payroll"):
        rule = f'path "secret/data/rotator/{credential}" {{ capabilities = ["read"] }}\n'
        assert f"# Vault policy for consumers of {credential}, store keys\n{rule}" in printed
    assert run(cli, "rotator", ["--config", str(config), "check", "--print-policy", "--json"]) == 0
    policies = json.loads(capsys.readouterr().out)["keys"]
    assert policies["language"] == "Vault policy"
    assert POLICY.strip() in policies["rotator"]
    assert set(policies["consumers"]) == {"billing", "payroll"}


@longer
def test_settings_of_every_kind_are_read_without_what_its_system_needs() -> None:
    program = (
        "import sys\n"
        "from rotator.config.plugins import store_settings\n"
        f"for name in {[*STORES.built_in]}: store_settings(name)\n"
        "print(sorted({'hvac', 'boto3', 'botocore', 'psycopg', 'requests', 'cryptography'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
