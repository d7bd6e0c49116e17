"""Every way to log in to Vault, and what happens to tokens while a program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from rotator.core.credentials import Stages
from rotator.errors import ConfigurationError, StoreError, StoreUnavailable
from rotator.stores.vault.policy import rotator_policy
from rotator.testing.versions import make_version, spare_key
from tests.contract.servers.token_reviewer import TokenReviewer, token_reviewer
from tests.contract.servers.vault import closing
from tests.contract.stores.vault.stores import approle, enable, new_folder, opened
from tests.contract.stores.vault.wire import Wire, attach
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

    from tests.contract.servers.vault import VaultProcess

NAME = "billing"
ACCOUNT = "system:serviceaccount:integration:rotator"


@pytest.fixture
def folder() -> str:
    return new_folder()


@pytest.fixture
def admin(sealed_vault: VaultProcess) -> Iterator[Any]:
    with closing(sealed_vault.admin()) as admin:
        yield admin


@pytest.fixture
def policy(admin: Any, folder: str) -> str:
    """The name of the least policy for the folder."""
    name = folder.replace("/", "-")
    admin.sys.create_or_update_policy(name, rotator_policy("kv", folder))
    return name


def token(admin: Any, policy: str, **options: Any) -> str:
    made: str = admin.auth.token.create(policies=[policy], **options)["auth"]["client_token"]
    return made


def account_token(account: str = "rotator", **claims: Any) -> str:
    """A service account's token as Kubernetes writes it; only the reviewer judges it."""
    about = {"namespace": "integration", "serviceaccount": {"name": account, "uid": f"uid of {account}"}}
    return jwt.encode(
        {
            "iss": "kubernetes/serviceaccount",
            "sub": ACCOUNT,
            "kubernetes.io": about,
            "nbf": 1700000000,
            "exp": 4102444800,
            **claims,
        },
        spare_key(0).signing_key(),
        algorithm="RS256",
    )


@pytest.fixture(scope="module")
def reviewer() -> Iterator[TokenReviewer]:
    with token_reviewer() as reviewer:
        yield reviewer


def in_kubernetes(admin: Any, reviewer: TokenReviewer, policy: str) -> None:
    """Has Vault ask the reviewer, and gives the account `rotator` the policy."""
    enable(admin, "kubernetes")
    admin.auth.kubernetes.configure(
        kubernetes_host=reviewer.address, kubernetes_ca_cert=reviewer.ca, token_reviewer_jwt=account_token("vault")
    )
    admin.auth.kubernetes.create_role(policy, ["rotator"], ["integration"], policies=[policy], ttl="1h", audience=None)


def write(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text + "\n")
    return path


def test_a_token_may_come_from_the_environment(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str
) -> None:
    with opened(sealed_vault, environ={"TOKEN": token(admin, policy)}, path=folder) as store:
        store.check()


def test_a_token_that_is_not_set_is_named_when_it_is_needed(sealed_vault: VaultProcess) -> None:
    with (
        opened(sealed_vault, {"token": {"env": "MISSING_TOKEN"}}) as store,
        pytest.raises(ConfigurationError, match="MISSING_TOKEN is not set"),
    ):
        store.check()


def test_a_text_that_is_no_token_is_refused_and_not_repeated(sealed_vault: VaultProcess) -> None:
    with opened(sealed_vault, environ={"TOKEN": "hvs.two\nlines"}) as store, pytest.raises(StoreError) as refused:
        store.check()
    assert "is no token" in refused.value.message
    assert "hvs.two" not in str(refused.value)


def test_a_renewable_token_is_renewed_when_half_of_its_time_is_over(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str
) -> None:
    given = token(admin, policy, ttl="1h")
    clock = VirtualTime()
    with opened(sealed_vault, time=clock, environ={"TOKEN": given}, path=folder) as store:
        for seconds, renewed in ((60, False), (1800, True)):
            clock.sleep(seconds)
            store.stages(NAME)
            assert (admin.auth.token.lookup(given)["data"].get("last_renewal_time") is not None) is renewed


def test_a_token_that_was_revoked_is_told_and_nothing_is_changed(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str
) -> None:
    given, version = token(admin, policy), make_version(NAME)
    with opened(sealed_vault, environ={"TOKEN": given}, path=folder) as store:
        store.put_pending(version)
        admin.auth.token.revoke(given)
        with pytest.raises(StoreError, match="does not accept the configured token: it has ended or was revoked"):
            store.promote(NAME, version.fingerprint, replaces=None)
    with opened(sealed_vault, path=folder) as store:
        assert store.stages(NAME) == Stages(pending=version.fingerprint)


def test_the_token_of_an_agent_is_read_again_when_the_old_one_ends(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str, tmp_path: Path
) -> None:
    first, second = token(admin, policy), token(admin, policy)
    sink, version = write(tmp_path / "token", first), make_version(NAME)
    with opened(sealed_vault, {"token_file": str(sink)}, path=folder) as store:
        store.put_pending(version)
        admin.auth.token.revoke(first)
        write(sink, second)
        store.promote(NAME, version.fingerprint, replaces=None)
        assert store.stages(NAME) == Stages(current=version.fingerprint)


def test_a_token_file_that_is_missing_is_named(sealed_vault: VaultProcess, tmp_path: Path) -> None:
    sink = tmp_path / "nowhere"
    with opened(sealed_vault, {"token_file": str(sink)}) as store, pytest.raises(StoreError, match="No such file"):
        store.stages(NAME)


def test_a_token_that_ends_at_any_request_is_replaced_by_a_new_login(
    sealed_vault: VaultProcess, admin: Any, folder: str
) -> None:
    login, place, requests_made = approle(sealed_vault, folder), 0, 1
    while place < requests_made:
        version = make_version(NAME)

        def revoke(at: int, request: requests.PreparedRequest, place: int = place) -> None:
            if at == place and "X-Vault-Token" in request.headers:
                admin.auth.token.revoke(request.headers["X-Vault-Token"])

        with opened(sealed_vault, login, path=f"{folder}/{place}") as store:
            # The role's policy is for the folder, so a sub-folder is a store of its own.
            wire = attach(store, Wire(before=revoke))
            store.put_pending(version)
            store.promote(NAME, version.fingerprint, replaces=None)
            requests_made = len(wire.requests)
            assert store.stages(NAME) == Stages(current=version.fingerprint)
        place += 1
    assert place > 15


@pytest.mark.parametrize(
    ("kind", "at_half_time"),
    [("service", "POST auth/token/renew-self"), ("batch", "POST auth/approle/login")],
)
def test_a_token_is_renewed_or_replaced_before_it_ends(
    sealed_vault: VaultProcess, admin: Any, folder: str, kind: str, at_half_time: str
) -> None:
    login, clock, role = approle(sealed_vault, folder), VirtualTime(), folder.replace("/", "-")
    admin.auth.approle.create_or_update_approle(role, token_policies=[role], token_ttl="1h", token_type=kind)
    with opened(sealed_vault, login, time=clock, path=folder) as store:
        wire = attach(store, Wire())
        for _ in range(2):
            store.stages(NAME)
            clock.sleep(1801)
            store.stages(NAME)
            clock.sleep(3601)
    about_tokens = [request for request in wire.requests if "auth/" in request]
    login_again = "POST auth/approle/login"
    assert about_tokens == [*[login_again, at_half_time] * 2, "POST auth/token/revoke-self"]


def test_a_token_of_our_own_is_revoked_at_the_end(sealed_vault: VaultProcess, admin: Any, folder: str) -> None:
    used = set()
    with opened(sealed_vault, approle(sealed_vault, folder), path=folder) as store:
        attach(store, Wire(before=lambda _at, request: used.add(request.headers.get("X-Vault-Token"))))
        store.stages(NAME)
        store.stages(NAME)
    (ours,) = used - {None}
    with pytest.raises(Exception, match=r"bad token|invalid token|permission denied"):
        admin.auth.token.lookup(ours)


def test_a_role_that_is_bound_to_addresses_needs_no_secret_id(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str
) -> None:
    enable(admin, "approle")
    bound = {"bind_secret_id": False, "token_bound_cidrs": ["127.0.0.1/32"], "token_policies": [policy]}
    admin.auth.approle.create_or_update_approle(policy, **bound)
    role_id = admin.auth.approle.read_role_id(policy)["data"]["role_id"]
    with opened(sealed_vault, {"approle": {"role_id": role_id}}, path=folder) as store:
        store.check()


def test_a_wrong_secret_id_is_refused_with_the_servers_words(sealed_vault: VaultProcess, folder: str) -> None:
    login = approle(sealed_vault, folder)
    login["approle"]["role_id"] = "nobody"
    with opened(sealed_vault, login, path=folder) as store, pytest.raises(StoreError) as refused:
        store.check()
    assert "refuses the AppRole login auth/approle: invalid role or secret ID" in refused.value.message


def test_a_login_method_that_is_not_enabled_is_told(sealed_vault: VaultProcess, folder: str) -> None:
    login = approle(sealed_vault, folder)
    login["approle"]["mount"] = "approle-of-another-team"
    with opened(sealed_vault, login, path=folder) as store, pytest.raises(StoreError, match="refuses the AppRole"):
        store.check()


def test_a_wrapped_secret_id_works_once_and_is_kept_in_memory(
    sealed_vault: VaultProcess, admin: Any, folder: str, tmp_path: Path
) -> None:
    login = approle(sealed_vault, folder)
    wrapped = admin.auth.approle.generate_secret_id(folder.replace("/", "-"), wrap_ttl="60s")
    file = write(tmp_path / "wrapped", wrapped["wrap_info"]["token"])
    login["approle"] |= {"secret_id": {"file": str(file)}, "wrapped": True}
    with opened(sealed_vault, login, path=folder) as store:
        attach(store, Wire())
        store.stages(NAME)
        admin.auth.token.revoke(store._session._lease.token.reveal())  # type: ignore[union-attr] # it has logged in
        store.stages(NAME)
    with opened(sealed_vault, login, path=folder) as store, pytest.raises(StoreError, match="does not unwrap") as used:
        store.stages(NAME)
    assert "someone else did" in used.value.hint


def test_a_pod_logs_in_by_its_service_account(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str, reviewer: TokenReviewer, tmp_path: Path
) -> None:
    in_kubernetes(admin, reviewer, policy)
    given = account_token()
    reviewer.accounts[given] = ACCOUNT
    login = {"kubernetes": {"role": policy, "token_path": str(write(tmp_path / "token", given))}}
    with opened(sealed_vault, login, path=folder) as store:
        store.check()


def test_a_pod_that_the_cluster_does_not_know_is_refused(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str, reviewer: TokenReviewer, tmp_path: Path
) -> None:
    in_kubernetes(admin, reviewer, policy)
    file = write(tmp_path / "token", account_token(jti="unknown"))
    login = {"kubernetes": {"role": policy, "token_path": str(file)}}
    with opened(sealed_vault, login, path=folder) as store, pytest.raises(StoreError) as refused:
        store.check()
    assert f"the Kubernetes login auth/kubernetes as {policy}" in refused.value.message
    assert not isinstance(refused.value, StoreUnavailable)
    assert file.read_text().strip() not in str(refused.value)


def test_a_program_logs_in_by_a_signed_token(
    sealed_vault: VaultProcess, admin: Any, policy: str, folder: str, tmp_path: Path
) -> None:
    elsewhere = new_folder().replace("/", "-")
    admin.sys.enable_auth_method("jwt", path=elsewhere)
    public = spare_key(0).signing_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    admin.auth.jwt.configure(jwt_validation_pubkeys=[pem], path=elsewhere)
    bound = {"bound_audiences": ["vault"], "bound_subject": ACCOUNT, "token_policies": [policy]}
    admin.auth.jwt.create_role(policy, "sub", [], role_type="jwt", path=elsewhere, **bound)
    file = write(tmp_path / "token", account_token(aud="vault"))
    login = {"jwt": {"role": policy, "token_path": str(file), "mount": elsewhere}}
    with opened(sealed_vault, login, path=folder) as store:
        store.check()
    write(file, account_token(aud="another"))
    refused = pytest.raises(StoreError, match=f"refuses the JWT login auth/{elsewhere} as {policy}")
    with opened(sealed_vault, login, path=folder) as store, refused:
        store.check()


def test_a_store_may_be_in_a_namespace(sealed_vault: VaultProcess, admin: Any) -> None:
    admin.adapter.post("/v1/sys/namespaces/team")
    with closing(sealed_vault.admin("team")) as inside:
        inside.sys.enable_secrets_engine("kv", path="keys", options={"version": "2"})
    version, folder = make_version(NAME), new_folder()
    with opened(sealed_vault, namespace="team", mount="keys", path=folder) as store:
        store.put_pending(version)
        assert store.read(NAME, version.fingerprint) == version
    with opened(sealed_vault, mount="keys", path=folder) as store, pytest.raises(StoreError, match="no secrets engine"):
        store.stages(NAME)
    with opened(sealed_vault, namespace="nobody", path=folder) as store, pytest.raises(StoreError, match="namespace"):
        store.stages(NAME)


def test_the_address_may_come_from_the_environment(sealed_vault: VaultProcess) -> None:
    with opened(sealed_vault, address=None, environ={"VAULT_ADDR": sealed_vault.address}) as store:
        store.check()
    with pytest.raises(ConfigurationError, match="VAULT_ADDR is not set"), opened(sealed_vault, address=None):
        pass
    with (
        pytest.raises(ConfigurationError, match="must begin with https://"),
        opened(sealed_vault, address=None, environ={"VAULT_ADDR": "http://vault.example:8200"}),
    ):
        pass
