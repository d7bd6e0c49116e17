"""Where secrets are: config.yaml names an environment variable, a file or a systemd credential, never the secret."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from rotator.config.paths import ConfiguredPath
from rotator.config.section import written_as
from rotator.core.secret import Secret
from rotator.errors import CertificateError, ConfigurationError
from rotator.secret_files import UnfitFile, read_secret_file

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey

_NOTHING_TOUCHED: Final = "Nothing was touched."

EnvironmentName = Annotated[str, written_as(r"[A-Za-z_][A-Za-z0-9_]*", "a variable's name has letters, digits and `_`")]
CredentialFile = Annotated[
    str,
    written_as(r"[A-Za-z0-9_][A-Za-z0-9._-]*", "a systemd credential's name has letters, digits, `.`, `_` and `-`"),
]


class SecretReference(BaseModel):
    """Exactly one of `env`, `file` and `systemd` (systemd.exec, "Credentials")."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    env: EnvironmentName | None = None
    file: ConfiguredPath | None = None
    systemd: CredentialFile | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_plain_text(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(
                "a secret is not written into config.yaml; refer to it: {env: NAME}, {file: PATH} or {systemd: NAME}"
            )
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(place is not None for place in (self.env, self.file, self.systemd)) != 1:
            raise ValueError("give exactly one of env, file and systemd")
        return self

    @property
    def place(self) -> str:
        """Where the secret is, in words."""
        if self.env is not None:
            return f"the environment variable {self.env}"
        if self.file is not None:
            return f"the file {self.file}"
        return f"the systemd credential {self.systemd}"

    def resolve(self, environ: Mapping[str, str]) -> Secret:
        """The secret itself, without the line break at its end.

        Raises ConfigurationError when it is missing, empty, unreadable, no text, or a file that others may read.
        """
        try:
            text = self._bytes(environ).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise _refused(f"{_capital(self.place)} is not text.", "Give UTF-8 text.") from None
        if not text:
            raise _refused(f"{_capital(self.place)} is empty.", "Put the secret there.")
        return Secret(text)

    def _bytes(self, environ: Mapping[str, str]) -> bytes:
        if self.env is not None:
            if self.env not in environ:
                raise _refused(f"{_capital(self.place)} is not set.", f"Export {self.env}.")
            return os.fsencode(environ[self.env])
        if self.file is not None:
            return _read(self.file, self.place, private=True)
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise _refused(
                f"{_capital(self.place)} is not there: $CREDENTIALS_DIRECTORY is not set.",
                f"Start rotator by a unit with LoadCredential={self.systemd}:PATH or LoadCredentialEncrypted=.",
            )
        # systemd guards the folder; the mode of the file shows the group bits of its access list.
        return _read(Path(folder) / str(self.systemd), self.place, private=False)


class KeyReference(SecretReference):
    """A private key in any form that people have it in, and the password that it may be encrypted with."""

    password: SecretReference | None = None

    def load(self, environ: Mapping[str, str]) -> "PrivateKey":
        """The key. Raises ConfigurationError, also for a wrong password or a key that is not RSA."""
        # cryptography costs 70 ms, and most commands that read settings need no key.
        from rotator.core.crypto.key_formats import read_private_key  # noqa: PLC0415

        password = self.password.resolve(environ) if self.password else None
        data = self._bytes(environ)
        if not data.strip():
            raise _refused(f"{_capital(self.place)} is empty.", "Put the key there.")
        try:
            return read_private_key(data, password)
        except CertificateError as error:
            raise _refused(f"{error.message.rstrip('.')} ({self.place}).", error.hint) from None


def read_certificate(path: Path) -> "Certificate":
    """A certificate in a file, PEM or DER. Raises ConfigurationError."""
    from rotator.core.crypto.certificates import Certificate  # noqa: PLC0415 - as above

    place = f"the certificate in {path}"
    try:
        return Certificate.parse(_read(path, place, private=False))
    except CertificateError as error:
        raise _refused(f"{error.message.rstrip('.')} ({place}).", error.hint) from None


def _read(path: Path, place: str, *, private: bool) -> bytes:
    try:
        return read_secret_file(path, private=private)
    except UnfitFile as error:
        raise _refused(f"{_capital(place)} {error.message}.", error.hint) from None
    except OSError as error:
        raise _refused(
            f"{_capital(place)} cannot be read: {error.strerror or type(error).__name__}.",
            "Check the path, and that the user who runs rotator may read it.",
        ) from None


def _refused(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(message, effect=_NOTHING_TOUCHED, hint=hint)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
