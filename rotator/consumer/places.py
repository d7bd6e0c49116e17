"""Where a credential is, as consumers write it: `files:`, `vault:` and `aws:` addresses. They hold no secret."""

# ruff: noqa: PLC0415 - a store's libraries take up to a third of a second to import; a consumer uses one store

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import rotator
from rotator.consumer.dual_key import StoredVersions
from rotator.core.addresses import secure_address
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rotator.consumer.dual_key import Waiting
    from rotator.core.credentials import Version
    from rotator.stores.vault.login import VaultLogin

    Versions = Callable[[], Iterable[Version]]

STORE_PATIENCE: Final = 5.0
"""Seconds for which one look at a store is tried again; the login itself comes back to it for longer."""

SERVICE_ACCOUNT_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

_EXAMPLE: Final = f"Such as files:/var/lib/rotator/keys#billing; {docs('consumers')} shows every form."
_OPTIONS: Final = {
    "vault": frozenset(
        {"address", "namespace", "mount", "ca", "token_file", "approle", "kubernetes", "jwt", "jwt_file", "auth"}
    ),
    "aws": frozenset({"region", "profile", "role", "external_id", "endpoint_url", "sts_endpoint_url", "ca"}),
}


@dataclass(frozen=True)
class _Place:
    """An address in its parts."""

    text: str
    path: str
    options: Mapping[str, str]

    def path_of(self, option: str) -> Path | None:
        """An option that is a file."""
        return Path(self.options[option]).expanduser() if option in self.options else None


def open_place(place: str, waiting: Waiting) -> Versions:
    """What gives the stored versions, best first. Raises ConfigurationError."""
    kind, _, rest = place.partition(":")
    if kind == "files":
        return _files(place, rest)
    if kind not in _OPTIONS or not rest:
        raise _mistaken(place, "must begin with files:, vault: or aws:, and name a credential")
    path, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option not in _OPTIONS[kind]:
            raise _mistaken(place, f"has an unknown option {option!r}; there are {', '.join(sorted(_OPTIONS[kind]))}")
    opened = _vault if kind == "vault" else _aws
    return opened(_Place(place, path, options), waiting)


def _files(place: str, rest: str) -> Versions:
    from rotator.stores.files.store import FilesStore

    root, _, credential = rest.rpartition("#")
    if not root or not credential:
        raise _mistaken(place, "must be a directory, `#` and a credential")
    path = Path(root).expanduser()
    return StoredVersions(FilesStore(str(path), path), credential)


def _aws(place: _Place, waiting: Waiting) -> Versions:
    from rotator.stores.aws.access import AwsAccess, AwsClients
    from rotator.stores.aws.calls import AwsCalls
    from rotator.stores.aws.calls import Waiting as StoreWaiting
    from rotator.stores.aws.policy import Ground
    from rotator.stores.aws.reader import AwsReader

    for option in ("endpoint_url", "sts_endpoint_url"):
        if option in place.options and not _is_safe(place.options[option]):
            raise _mistaken(place.text, f"needs an {option} that begins with https://")
    given = {name: value for name, value in place.options.items() if name != "ca"}
    arn = place.path.split(":") if place.path.startswith("arn:") else []
    access = AwsAccess(**{"region": arn[3] if len(arn) > 3 else None, **given}, ca=place.path_of("ca"))  # type: ignore[arg-type] # text options only
    clients = AwsClients(access, _user_agent(), waiting.now)
    patience = StoreWaiting(waiting.now, waiting.sleep, waiting.uniform, min(waiting.patience, STORE_PATIENCE))
    ground = Ground(prefix=place.path, region=access.region, role=access.role)
    return AwsReader(AwsCalls(place.path, clients, ground, patience), place.path)


def _vault(place: _Place, waiting: Waiting) -> Versions:
    from rotator.stores.vault.http import VaultHttp, VaultServer
    from rotator.stores.vault.http import Waiting as StoreWaiting
    from rotator.stores.vault.session import VaultSession
    from rotator.stores.vault.store import VaultStore

    mount, folder, credential = _path_in_vault(place)
    address = _vault_address(place)
    server = VaultServer(address, place.options.get("namespace"), place.path_of("ca"), user_agent=_user_agent())
    patience = StoreWaiting(min(waiting.patience, STORE_PATIENCE), waiting.now, waiting.sleep, waiting.uniform)
    session = VaultSession(VaultHttp(place.path, server, patience), _vault_login(place))
    return StoredVersions(VaultStore(place.path, session, mount, folder, sees_pending=False), credential)


def _path_in_vault(place: _Place) -> tuple[str, str, str]:
    path = place.path.strip("/")
    mount = place.options.get("mount", path.partition("/")[0]).strip("/")
    folder, _, credential = path.removeprefix(f"{mount}/").rpartition("/")
    if not (path.startswith(f"{mount}/") and folder and credential):
        raise _mistaken(place.text, "must be a path in Vault: mount, folder and credential")
    return mount, folder, credential


def _vault_address(place: _Place) -> str:
    address = place.options.get("address") or os.environ.get("VAULT_ADDR", "")
    if not _is_safe(address):
        raise _mistaken(place.text, "needs `address`, or the variable VAULT_ADDR, that begins with https://")
    return address.rstrip("/")


def _is_safe(address: str) -> bool:
    """Whether keys may go over it: TLS, or this machine alone."""
    try:
        return bool(secure_address(address, ""))
    except ValueError:
        return False


def _vault_login(place: _Place) -> VaultLogin:
    """As the address says; else by $VAULT_TOKEN, else by the token that `vault login` left in the home directory."""
    from rotator.stores.vault.login import AppRoleLogin, JwtLogin, TokenFileLogin, TokenLogin

    options = place.options
    if "approle" in options:
        secret_id = os.environ.get("VAULT_SECRET_ID")
        given = (lambda: Secret(secret_id)) if secret_id else None
        return AppRoleLogin(options["approle"], given, mount=options.get("auth", "approle"))
    if "kubernetes" in options:
        mount, token = options.get("auth", "kubernetes"), place.path_of("jwt_file") or SERVICE_ACCOUNT_TOKEN
        return JwtLogin(options["kubernetes"], token, mount=mount, kubernetes=True)
    if "jwt" in options:
        token = place.path_of("jwt_file") or SERVICE_ACCOUNT_TOKEN
        return JwtLogin(options["jwt"], token, mount=options.get("auth", "jwt"))
    if "token_file" not in options and os.environ.get("VAULT_TOKEN"):
        return TokenLogin(lambda: Secret(os.environ.get("VAULT_TOKEN", "")))
    return TokenFileLogin(place.path_of("token_file") or Path("~/.vault-token").expanduser())


def _user_agent() -> str:
    return f"rotator-consumer/{rotator.__version__}"


def _mistaken(place: str, reason: str) -> ConfigurationError:
    # Without its options: somebody may have put a secret there.
    named = place.partition("?")[0]
    return ConfigurationError(f"The place {named!r} {reason}.", left="Nothing was touched.", advice=_EXAMPLE)
