"""How a program gets a Vault token: each way to log in, and the errors when it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from rotator.core.secret import Secret
from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.secret_files import UnfitFile, read_secret_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.stores.vault.http import Answer, VaultHttp

_OF_AN_AGENT: Final = "An agent that writes it has `mode` of its sink for that: 0640 is its default."

SERVICE_ACCOUNT_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts the token of a pod's service account."""


@dataclass(frozen=True)
class Lease:
    """A token, and how long it lives."""

    token: Secret
    seconds: float = 0.0
    """0 for as long as nobody revokes it, or for who knows how long."""
    renewable: bool = False


class VaultLogin(Protocol):
    """One way to a token."""

    @property
    def words(self) -> str:
        """What it is called, for people: `the AppRole login auth/approle`."""
        ...

    @property
    def makes_tokens(self) -> bool:
        """Whether each token is a new one, of this program alone."""
        ...

    def log_in(self, http: VaultHttp) -> Lease:
        """A token. Raises StoreError when it is refused or missing, StoreUnavailable when the server is away."""
        ...


class TokenLogin:
    """A token from elsewhere. One that can be renewed is renewed; when it ends, a person must bring another."""

    words: Final = "the configured token"
    makes_tokens: Final = False

    def __init__(self, token: Callable[[], Secret]) -> None:
        self._token: Final = token

    def log_in(self, http: VaultHttp) -> Lease:
        """The token, with the time that it says it has; a token may be forbidden to look itself up."""
        token = _checked(self._token(), self.words)
        answer = http.send(lambda client: client.auth.token.lookup_self(), token)
        with http.understood():
            data = answer.fields.fields("data")
            renewable = data.flag("renewable")
            return Lease(token, data.number("ttl") if renewable else 0.0, renewable)


class TokenFileLogin:
    """A token in a file that a Vault Agent keeps up to date (its file sink). It is read anew when the old one ends."""

    makes_tokens: Final = False

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self.words: Final = f"the token in {path}"

    def log_in(self, _http: VaultHttp) -> Lease:
        """The token that is in the file now; the agent renews it."""
        return Lease(_checked(_read(self._path, "Start the agent that writes it, or check `token_file`."), self.words))


class AppRoleLogin:
    """A role id and a secret id. A wrapped secret id is unwrapped once, and then kept in memory."""

    makes_tokens: Final = True

    def __init__(
        self, role_id: str, secret_id: Callable[[], Secret] | None, *, mount: str = "approle", wrapped: bool = False
    ) -> None:
        self._role_id: Final = role_id
        self._secret_id: Final = secret_id
        self._mount: Final = mount
        self._wrapped: Final = wrapped
        self._unwrapped: Secret | None = None
        self.words: Final = f"the AppRole login auth/{mount}"

    def log_in(self, http: VaultHttp) -> Lease:
        """A new token of the role."""
        secret_id = self._secret(http)

        def call(client: Any) -> Any:
            secret = secret_id.reveal() if secret_id else None
            return client.auth.approle.login(self._role_id, secret, use_token=False, mount_point=self._mount)

        return _lease(http, self, http.send(call, None))

    def _secret(self, http: VaultHttp) -> Secret | None:
        if self._secret_id is None or self._unwrapped is not None:
            return self._unwrapped
        secret = _checked(self._secret_id(), "the secret id")
        if self._wrapped:
            secret = self._unwrapped = self._unwrap(http, secret)
        return secret

    def _unwrap(self, http: VaultHttp, wrapping: Secret) -> Secret:
        # A wrapping token is used up by the first call that arrives, so this is not repeated by itself.
        answer = http.send(lambda client: client.sys.unwrap(), wrapping, repeatable=False)
        with http.understood():
            secret_id = answer.fields.fields("data").text("secret_id")
        if not answer.ok or not secret_id:
            raise StoreError(
                f"{http.where} does not unwrap the secret id: {answer.errors or 'it holds none'}.",
                effect=NOTHING_CHANGED,
                hint="It works once, for a short time. If you did not use it up, someone else did: destroy the secret"
                " id that it held, and make a new one.",
            )
        return Secret(secret_id)


class JwtLogin:
    """A signed token of a service account, from Kubernetes or any OIDC issuer; it is read anew for each login."""

    makes_tokens: Final = True

    def __init__(self, role: str, token: Path, *, mount: str, kubernetes: bool = False) -> None:
        self._role: Final = role
        self._path: Final = token
        self._mount: Final = mount
        self._kubernetes: Final = kubernetes
        self.words: Final = f"the {'Kubernetes' if kubernetes else 'JWT'} login auth/{mount} as {role}"

    def log_in(self, http: VaultHttp) -> Lease:
        """A new token of the role."""
        jwt = _checked(_read(self._path, "Check `token_path`, and that the volume is mounted."), str(self._path))

        def call(client: Any) -> Any:
            if self._kubernetes:
                return client.auth.kubernetes.login(self._role, jwt.reveal(), use_token=False, mount_point=self._mount)
            return client.auth.jwt.jwt_login(self._role, jwt.reveal(), use_token=False, path=self._mount)

        return _lease(http, self, http.send(call, None))


def _lease(http: VaultHttp, login: VaultLogin, answer: Answer) -> Lease:
    with http.understood():
        auth = answer.fields.fields("auth")
        token, lease = auth.text("client_token"), (auth.number("lease_duration"), auth.flag("renewable"))
    if not answer.ok or not token:
        raise StoreError(
            f"{http.where} refuses {login.words}: {answer.errors or f'HTTP {answer.status}'}.",
            effect=NOTHING_CHANGED,
            hint="Check `login` of the store, the role, and that the method is enabled at this path and namespace.",
        )
    return Lease(_checked(Secret(token), f"the answer to {login.words}"), *lease)


def _read(path: Path, hint: str) -> Secret:
    """The text of a file that nobody else can read, as for every other secret. Raises StoreError."""
    try:
        return Secret(read_secret_file(path, private=True).decode())
    except UnfitFile as unfit:
        reason, hint = f"it {unfit.message}", f"{unfit.hint.rstrip('.')}. {_OF_AN_AGENT}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
    raise StoreError(f"The token in {path} cannot be read: {reason}.", effect=NOTHING_CHANGED, hint=hint)


def _checked(secret: Secret, words: str) -> Secret:
    """The secret without white space around it. One that cannot stand in a header would be quoted in an error."""
    text = secret.reveal().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise StoreError(
            f"What is there as {words} is no token.", effect=NOTHING_CHANGED, hint="Check where it comes from."
        )
    return Secret(text)
