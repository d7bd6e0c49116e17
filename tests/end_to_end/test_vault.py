"""Keys in a real Vault, by the command line: set up, checked, rotated, read as consumers read them."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from rotator.simulator.serving.export import Export
from tests.contract.servers.vault import VaultProcess, closing, sealed_server
from tests.contract.stores.vault.stores import approle
from tests.end_to_end.orgs import hosted_orgs
from tests.end_to_end.processes import Ran, start
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "teams/rotator"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultProcess]:
    with sealed_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture(scope="module")
def config(vault: VaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two simulated orgs, the store in Vault; the policy is the one that is printed."""
    export = Export(tmp_path_factory.mktemp("export"))
    with hosted_orgs(export):
        store = f"type: vault\n    address: {vault.address}\n    ca: {vault.ca}\n    mount: kv\n    path: {FOLDER}\n"
        text = export.config.read_text()
        for old, new in (
            ("type: files\n    path: store\n", f"{store}    login: {{token: {{env: NOT_NEEDED_TO_PRINT}}}}\n"),
            ("hold: 2s", "hold: 0s\n    confirmations: 1"),
        ):
            assert old in text
            text = text.replace(old, new)
        export.config.write_text(text)
        policy = rotator(export.config, "check", "--print-policy").out.split("# Vault policy for consumers")[0]
        login = approle(vault, "of-rotator", policy)
        export.config.write_text(text.replace("{token: {env: NOT_NEEDED_TO_PRINT}}", json.dumps(login)))
        yield export.config


@pytest.fixture(scope="module")
def adopted(config: Path) -> Path:
    """The same with a version of billing."""
    answer(config, "adopt", "billing", "--key", config.parent / "keys" / "production-Billing.pem")
    return config


def rotator(config: Path, *arguments: str | Path) -> Ran:
    return start("rotator", "--config", config, *arguments).ran()


def answer(config: Path, *arguments: str | Path) -> Any:
    done = rotator(config, *arguments, "--json")
    assert done.code == 0, done.out + done.err
    return done.json


def fields(vault: VaultProcess, credential: str) -> dict[str, str]:
    """What a consumer finds."""
    with closing(vault.admin()) as admin:
        path = f"{FOLDER}/{credential}"
        answer = admin.secrets.kv.v2.read_secret_version(path, mount_point="kv", raise_on_deleted_version=True)
        data: dict[str, str] = answer["data"]["data"]
        return data


def logs_in(found: dict[str, str], ca: Path) -> int:
    """The status of a consumer's own login with what it found."""
    until = int(time.time()) + 120
    claims = {"iss": found["client_id"], "sub": found["username"], "aud": found["audience"], "exp": until}
    assertion = jwt.encode(claims, found["private_key"], algorithm="RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    url = f"{found['login_url']}/services/oauth2/token"
    return requests.post(url, data=form, verify=str(ca), timeout=60).status_code


def test_a_key_pair_is_adopted_rotated_and_found_by_consumers(vault: VaultProcess, adopted: Path) -> None:
    config, ca = adopted, adopted.with_name("ca.pem")
    old = fields(vault, "billing")
    assert logs_in(old, ca) == 200
    answer(config, "rotate", "now", "billing")
    new = fields(vault, "billing")
    assert new["fingerprint"] != old["fingerprint"]
    assert (logs_in(new, ca), logs_in(old, ca)) == (200, 400)
    checked = {line["name"]: line["result"] for line in answer(config, "check")}
    assert checked["store keys"] == checked["key of billing"] == "ok"


def test_the_check_names_a_missing_capability_with_the_policy_that_allows_it(vault: VaultProcess, config: Path) -> None:
    poor = config.with_name("poor.yaml")
    login = approle(vault, "of-the-poor", f'path "kv/data/{FOLDER}/*" {{ capabilities = ["read", "create"] }}')
    poor.write_text(re.sub(r"login: \{\"approle.*", lambda _match: f"login: {json.dumps(login)}", config.read_text()))
    done = rotator(poor, "check", "--json")
    assert done.code == 1
    (line,) = [line for line in done.json if line["name"] == "store keys"]
    assert line["result"] == "failed"
    assert f"does not allow 'update' on kv/data/{FOLDER}/.check-" in line["sentence"]
    assert f'Add to its policy: path "kv/data/{FOLDER}/' in line["hint"]


@thorough
def test_a_talkative_run_betrays_nothing(vault: VaultProcess, adopted: Path) -> None:
    before = fields(vault, "billing")
    done = rotator(adopted, "rotate", "now", "billing", "--verbose")
    assert done.code == 0
    assert "DEBUG rotator.stores.vault.kv" in done.err
    for found in (before, fields(vault, "billing")):
        lines = found["private_key"].splitlines()[1:-1]
        assert not any(line in done.out + done.err for line in lines)


@thorough
def test_two_installations_that_rotate_at_once_end_with_one_key_and_no_failed_login(
    vault: VaultProcess, config: Path
) -> None:
    ca, keys = config.with_name("ca.pem"), config.parent / "keys"
    answer(config, "adopt", "warehouse", "--key", keys / "production-Warehouse_A.pem")
    before, statuses = fields(vault, "warehouse"), list[int]()
    second = config.with_name("second.yaml")
    second.write_text(config.read_text().replace("sqlite:///rotator.db", "sqlite:///second.db"))
    started = [start("rotator", "--config", each, "rotate", "now", "warehouse") for each in (config, second)]
    while any(process.poll() is None for process in started):
        statuses.append(logs_in(fields(vault, "warehouse"), ca))
        time.sleep(0.1)
    told = [process.communicate() for process in started]
    assert 0 in {process.returncode for process in started}, told
    assert not any("Traceback" in err or "has a fault" in err for _, err in told)
    assert set(statuses) == {200}
    after = fields(vault, "warehouse")
    assert after["fingerprint"] != before["fingerprint"]
    assert logs_in(after, ca) == 200
