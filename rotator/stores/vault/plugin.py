"""`type: vault` in config.yaml."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, model_validator

from rotator.config.durations import Duration
from rotator.config.paths import ConfiguredPath
from rotator.config.secrets import SecretReference
from rotator.config.section import Section, StoreSettings, Words
from rotator.core.addresses import secure_address
from rotator.errors import ConfigurationError
from rotator.stores.plugins import Policies, StoreKind, Surroundings
from rotator.stores.vault.policy import consumer_policy, rotator_policy

if TYPE_CHECKING:
    from rotator.stores.base import Store
    from rotator.stores.vault.login import VaultLogin

ADDRESS_VARIABLE: Final = "VAULT_ADDR"
SERVICE_ACCOUNT_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

_IN_PATHS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def vault_address(value: str) -> str:
    """The address of a server. Raises ValueError for one that would send keys in the clear."""
    return secure_address(value, "https://vault.example:8200")


def _path_in_vault(value: str) -> str:
    path = value.strip("/")
    if not path or not all(part and part.strip(".") and _IN_PATHS.issuperset(part) for part in path.split("/")):
        raise ValueError("must be a path such as secret or teams/billing, of letters, digits, `.`, `_` and `-`")
    return path


Address = Annotated[str, AfterValidator(vault_address)]
VaultPath = Annotated[str, AfterValidator(_path_in_vault)]


class AppRoleSettings(Section):
    """Log-in by AppRole."""

    role_id: Words
    secret_id: SecretReference | None = None
    """None for a role that is bound to addresses only."""
    wrapped: bool = False
    """Whether `secret_id` refers to a wrapping token, which is unwrapped once."""
    mount: VaultPath = "approle"


class KubernetesSettings(Section):
    """Log-in by the token of a pod's service account."""

    role: Words
    token_path: ConfiguredPath = SERVICE_ACCOUNT_TOKEN
    mount: VaultPath = "kubernetes"


class JwtSettings(Section):
    """Log-in by a signed token that something else writes to a file: a projected volume, SPIFFE, a CI system."""

    role: Words
    token_path: ConfiguredPath
    mount: VaultPath = "jwt"


class VaultLoginSettings(Section):
    """How to get a token: exactly one of these."""

    token: SecretReference | None = None
    token_file: ConfiguredPath | None = None
    approle: AppRoleSettings | None = None
    kubernetes: KubernetesSettings | None = None
    jwt: JwtSettings | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self


class VaultStoreSettings(StoreSettings):
    """A store in a KV engine (version 2) of HashiCorp Vault or OpenBao."""

    type: Literal["vault"]
    address: Address | None = None
    """$VAULT_ADDR unless given."""
    namespace: VaultPath | None = None
    mount: VaultPath = "secret"
    path: VaultPath = "rotator"
    """The folder in the mount; it belongs to the store alone."""
    ca: ConfiguredPath | None = None
    connect_timeout: Duration = timedelta(seconds=10)
    read_timeout: Duration = timedelta(seconds=30)
    patience: Duration = timedelta(seconds=30)
    """How long each call waits for a server that is sealed, a standby, throttling or away."""
    login: VaultLoginSettings

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not (self.connect_timeout and self.read_timeout):
            raise ValueError("connect_timeout and read_timeout must be more than 0s")
        return self


def _open(name: str, settings: VaultStoreSettings, around: Surroundings) -> "Store":
    # hvac costs 190 ms, cryptography, below the store, 70 ms.
    from rotator.stores.vault.http import VaultHttp, VaultServer, Waiting  # noqa: PLC0415
    from rotator.stores.vault.session import VaultSession  # noqa: PLC0415
    from rotator.stores.vault.store import VaultStore  # noqa: PLC0415

    server = VaultServer(
        address=_address(name, settings, around),
        namespace=settings.namespace,
        ca=settings.ca,
        connect_timeout=settings.connect_timeout.total_seconds(),
        read_timeout=settings.read_timeout.total_seconds(),
        user_agent=around.user_agent,
    )
    waiting = Waiting(settings.patience.total_seconds(), around.now, around.sleep, around.uniform)
    session = VaultSession(VaultHttp(name, server, waiting), _login(settings.login, around))
    around.at_end(session.close)
    return VaultStore(name, session, settings.mount, settings.path)


def _address(name: str, settings: VaultStoreSettings, around: Surroundings) -> str:
    if settings.address:
        return settings.address
    try:
        return vault_address(around.environ.get(ADDRESS_VARIABLE, ""))
    except ValueError as error:
        found = "is not set" if not around.environ.get(ADDRESS_VARIABLE) else str(error)
    raise ConfigurationError(
        f"The store {name!r} has no `address`, and the environment variable {ADDRESS_VARIABLE} {found}.",
        left="Nothing was touched.",
        advice=f"Set `address` of the store in config.yaml, or {ADDRESS_VARIABLE}.",
    )


def _login(settings: VaultLoginSettings, around: Surroundings) -> "VaultLogin":
    from rotator.stores.vault.login import AppRoleLogin, JwtLogin, TokenFileLogin, TokenLogin  # noqa: PLC0415

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


def _policies(settings: VaultStoreSettings, credentials: Sequence[str]) -> Policies:
    return Policies(
        "Vault policy",
        rotator_policy(settings.mount, settings.path),
        {name: consumer_policy(settings.mount, settings.path, name) for name in credentials},
    )


KIND = StoreKind(VaultStoreSettings, _open, _policies)
