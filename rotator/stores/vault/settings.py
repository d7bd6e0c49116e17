"""`type: vault` in config.yaml."""

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, model_validator

from rotator.config.durations import Duration, Period
from rotator.config.paths import ConfiguredPath
from rotator.config.secrets import SecretReference
from rotator.config.section import Section, StoreSettings, Words
from rotator.stores.addresses import secure_address
from rotator.stores.vault.auth import SERVICE_ACCOUNT_TOKEN

_IN_PATHS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def _address(value: str) -> str:
    return secure_address(value, "https://vault.example:8200")


def _path_in_vault(value: str) -> str:
    path = value.strip("/")
    if not path or not all(part and part.strip(".") and _IN_PATHS.issuperset(part) for part in path.split("/")):
        raise ValueError("must be a path such as secret or teams/billing, of letters, digits, `.`, `_` and `-`")
    return path


Address = Annotated[str, AfterValidator(_address)]
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
    connect_timeout: Period = timedelta(seconds=10)
    read_timeout: Period = timedelta(seconds=30)
    total_timeout: Period = timedelta(seconds=60)
    """For the whole of one call; `read_timeout` is for silence."""
    nodes: tuple[Address, ...] = ()
    """Addresses of further nodes, to which a standby may redirect."""
    patience: Duration = timedelta(seconds=30)
    """How long each call waits for a server that is sealed, a standby, throttling or away."""
    login: VaultLoginSettings
