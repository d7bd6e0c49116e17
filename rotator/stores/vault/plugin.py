"""The store type `vault`: `type: vault` in config.yaml, `vault:MOUNT/FOLDER/CREDENTIAL?...` in a consumer."""

# ruff: noqa: PLC0415 - see StorePlugin; hvac costs 190 ms, cryptography, below the store, 70 ms

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.secret import Secret
from rotator.errors import ConfigurationError
from rotator.stores.addresses import file_option, is_secure, secure_address
from rotator.stores.plugins import Policies, StorePlugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.core.usage.told_reports import LeavesReport
    from rotator.entry_points import Surroundings
    from rotator.stores.addresses import CredentialAddress
    from rotator.stores.base import Reader, Store
    from rotator.stores.vault.auth import VaultLogin
    from rotator.stores.vault.http import VaultServer
    from rotator.stores.vault.settings import VaultLoginSettings, VaultStoreSettings
    from rotator.stores.vault.store import VaultStore
    from rotator.stores.vault.token import VaultSession

_ADDRESS: Final = "VAULT_ADDR"
_EXAMPLE: Final = "https://vault.example:8200"
_OPTIONS: Final = frozenset(
    {"address", "nodes", "namespace", "mount", "ca", "token_file", "approle", "kubernetes", "jwt", "jwt_file", "auth"}
)
"""Of a consumer's address."""


def _settings() -> type[VaultStoreSettings]:
    from rotator.stores.vault.settings import VaultStoreSettings

    return VaultStoreSettings


def _open(name: str, settings: VaultStoreSettings, around: Surroundings) -> Store:
    from rotator.net.limits import Limits
    from rotator.stores.vault.http import VaultServer
    from rotator.stores.vault.store import VaultStore

    server = VaultServer(
        address=_address(name, settings, around),
        namespace=settings.namespace,
        ca=settings.ca,
        limits=Limits.of(settings.connect_timeout, settings.read_timeout, settings.total_timeout),
        nodes=settings.nodes,
        user_agent=around.user_agent,
    )
    session = _session(name, server, _login(settings.login, around), around, settings.patience.total_seconds())
    return VaultStore(name, session, settings.mount, settings.path)


def _reader(address: CredentialAddress, around: Surroundings) -> Reader:
    from rotator.stores.base import StoredVersions

    store, credential = _of_address(address, around)
    return StoredVersions(store, credential)


def _reporter(address: CredentialAddress, around: Surroundings) -> LeavesReport:
    store, credential = _of_address(address, around)
    return partial(store.leave_report, credential)


def _of_address(address: CredentialAddress, around: Surroundings) -> tuple[VaultStore, str]:
    from rotator.net.limits import Limits
    from rotator.stores.vault.http import VaultServer
    from rotator.stores.vault.store import VaultStore

    path, options = address.parts(_OPTIONS)
    mount, folder, credential = _parts_of_path(address, path.strip("/"), options.get("mount"))
    url = options.get("address") or around.environ.get(_ADDRESS, "")
    if not is_secure(url):
        raise address.mistaken(f"needs `address`, or the variable {_ADDRESS}, that begins with https://")
    nodes = tuple(options["nodes"].split(",")) if "nodes" in options else ()
    if not all(map(is_secure, nodes)):
        raise address.mistaken("needs `nodes` that begin with https://, with commas between them")
    server = VaultServer(
        url.rstrip("/"),
        options.get("namespace"),
        file_option(options, "ca"),
        limits=Limits.for_patience(around.patience),
        nodes=nodes,
        user_agent=around.user_agent,
    )
    session = _session(path, server, _login_of(options, around.environ), around, around.patience)
    return VaultStore(path, session, mount, folder, sees_pending=False), credential


def _session(name: str, server: VaultServer, login: VaultLogin, around: Surroundings, patience: float) -> VaultSession:
    from rotator.stores.vault.http import VaultHttp
    from rotator.stores.vault.token import VaultSession

    session = VaultSession(VaultHttp(name, server, around.waiting(patience)), login, around.before_change)
    around.at_end(session.close)
    return session


def _address(name: str, settings: VaultStoreSettings, around: Surroundings) -> str:
    if settings.address:
        return settings.address
    given = around.environ.get(_ADDRESS, "")
    try:
        return secure_address(given, _EXAMPLE)
    except ValueError as error:
        found = str(error) if given else "is not set"
    raise ConfigurationError(
        f"The store {name!r} has no `address`, and the environment variable {_ADDRESS} {found}.",
        effect="Nothing was touched.",
        hint=f"Set `address` of the store in config.yaml, or {_ADDRESS}.",
    )


def _login(settings: VaultLoginSettings, around: Surroundings) -> VaultLogin:
    from rotator.stores.vault.auth import AppRoleLogin, JwtLogin, TokenFileLogin, TokenLogin

    if settings.token:
        return TokenLogin(partial(settings.token.resolve, around.environ))
    if settings.token_file:
        return TokenFileLogin(settings.token_file)
    if settings.approle:
        role = settings.approle
        secret_id = partial(role.secret_id.resolve, around.environ) if role.secret_id else None
        return AppRoleLogin(role.role_id, secret_id, mount=role.mount, wrapped=role.wrapped)
    if settings.kubernetes:
        pod = settings.kubernetes
        return JwtLogin(pod.role, pod.token_path, mount=pod.mount, kubernetes=True)
    assert settings.jwt is not None  # noqa: S101 - exactly one is given
    return JwtLogin(settings.jwt.role, settings.jwt.token_path, mount=settings.jwt.mount)


def _login_of(options: Mapping[str, str], environ: Mapping[str, str]) -> VaultLogin:
    """As a consumer's address says; else by $VAULT_TOKEN, else by the token that `vault login` left at home."""
    from rotator.stores.vault.auth import (
        SERVICE_ACCOUNT_TOKEN,
        AppRoleLogin,
        JwtLogin,
        TokenFileLogin,
        TokenLogin,
    )

    if "approle" in options:
        given = (lambda: Secret(environ["VAULT_SECRET_ID"])) if environ.get("VAULT_SECRET_ID") else None
        return AppRoleLogin(options["approle"], given, mount=options.get("auth", "approle"))
    for kind in ("kubernetes", "jwt"):
        if kind in options:
            token = file_option(options, "jwt_file") or SERVICE_ACCOUNT_TOKEN
            return JwtLogin(options[kind], token, mount=options.get("auth", kind), kubernetes=kind == "kubernetes")
    if "token_file" not in options and environ.get("VAULT_TOKEN"):
        return TokenLogin(lambda: Secret(environ.get("VAULT_TOKEN", "")))
    return TokenFileLogin(file_option(options, "token_file") or Path("~/.vault-token").expanduser())


def _parts_of_path(address: CredentialAddress, path: str, named: str | None) -> tuple[str, str, str]:
    mount = (path.partition("/")[0] if named is None else named).strip("/")
    folder, _, credential = path.removeprefix(f"{mount}/").rpartition("/")
    if not (path.startswith(f"{mount}/") and folder and credential):
        raise address.mistaken("must be a path in Vault: mount, folder and credential")
    return mount, folder, credential


def _policies(settings: VaultStoreSettings, credentials: Sequence[str]) -> Policies:
    from rotator.stores.vault.policy import consumer_policy, rotator_policy

    return Policies(
        "Vault policy",
        rotator_policy(settings.mount, settings.path),
        {name: consumer_policy(settings.mount, settings.path, name) for name in credentials},
    )


PLUGIN = StorePlugin(_settings, _open, _reader, _policies, _reporter)
