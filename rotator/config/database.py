"""Where the history is kept, a SQLite file or a Postgres server with its password by reference; and what proves it."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import ValidationInfo, field_validator, model_validator

from rotator.config.paths import ConfiguredPath
from rotator.config.secrets import SecretReference
from rotator.config.section import Section, Words, written_as

SQLITE: Final = "sqlite:///"
DRIVER: Final = "postgresql+psycopg"
POSTGRES: Final = frozenset({"postgresql", DRIVER})

_FORMS: Final = (
    "must be sqlite:///rotator.db, sqlite:////var/lib/rotator/rotator.db, or postgresql+psycopg://USER@HOST/DATABASE"
)
_BY_REFERENCE: Final = (
    "a password is not written into config.yaml; refer to it: database: {url: ..., password: {env: NAME}}"
)


_UNPROVEN: Final = (
    "beyond this machine the password and the history cross the network, and anybody may answer: add"
    " ?sslmode=verify-full&sslrootcert=FILE to the URL; or say why that is not needed:"
    " database: {url: ..., insecure: WHY}"
)


class DatabaseSettings(Section):
    """`database:` as a URL, or as `url` and `password`."""

    url: str
    """A relative SQLite file is in the folder of config.yaml; options of libpq may follow a server's URL."""
    password: SecretReference | None = None
    """Of the role that a server's URL names; without it libpq's own ways count (PGPASSWORD, ~/.pgpass)."""
    insecure: Words | None = None
    """Why a server beyond this machine is called without proof that it is the right one."""

    @model_validator(mode="before")
    @classmethod
    def _from_url(cls, value: Any, info: ValidationInfo) -> Any:
        # Checked here already, so that a mistake is said of `database`, which is what the file has.
        if isinstance(value, str):
            return {"url": _checked(value, info)}
        if isinstance(value, dict | DatabaseSettings):
            return value
        raise ValueError("must be a URL, or `url` and `password`")

    @field_validator("url")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return _checked(value, info)

    @model_validator(mode="after")
    def _password_of_a_server(self) -> Self:
        if self.password and self.url.startswith(SQLITE):
            raise ValueError("a SQLite file has no password")
        return self

    @model_validator(mode="after")
    def _proven_beyond_this_machine(self) -> Self:
        if not self.insecure and not self.is_proven:
            raise ValueError(_UNPROVEN)
        return self

    @property
    def authorities(self) -> Path | None:
        """The file of authorities that the URL names, if it names one."""
        if self.url.startswith(SQLITE):
            return None
        named = dict(parse_qsl(urlsplit(self.url).query)).get("sslrootcert", "system")
        # libpq: `system` is the machine's own.
        return None if named == "system" else Path(named)

    @property
    def is_proven(self) -> bool:
        """Whether the server is on this machine, or has to prove by a certificate that it is the one of the URL."""
        if self.url.startswith(SQLITE):
            return True
        parts = urlsplit(self.url)
        options = parse_qsl(parts.query)
        if ("sslmode", "verify-full") in options:
            return True
        if any(name == "service" for name, _ in options):
            # The host is in a file of libpq's then.
            return False
        named = [value for name, value in options if name in {"host", "hostaddr"}] or [parts.hostname or ""]
        return all(is_here(_without_port(host)) for value in named for host in value.split(","))


PublicKeyText = Annotated[
    str,
    written_as(
        r"ed25519:[A-Za-z0-9+/]{43}=", "must be a public key as `rotator history verify` prints it, ed25519:..."
    ),
]
"""A public key as `rotator history verify` shows it."""


class HistorySettings(Section):
    """`history:`."""

    signing_key: SecretReference | None = None
    """An Ed25519 key in PEM, the same on every machine that uses the database. Without it each makes one for itself."""
    trusted_keys: tuple[PublicKeyText, ...] = ()
    """Further keys whose signatures count: of other machines, or of this one formerly."""
    heads_file: ConfiguredPath | None = None
    """A file that the head of the chain is appended to once a day."""


def is_here(host: str) -> bool:
    """Whether a host of libpq's is this machine: a loopback address, or a folder with its socket."""
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    """SQLAlchemy takes `HOST:PORT` where several hosts are named."""
    name, _, port = host.partition(":")
    return name if port.isdecimal() else host


def _checked(url: str, info: ValidationInfo) -> str:
    if url.startswith(SQLITE):
        return _file(url.removeprefix(SQLITE), info)
    parts = _server(url)
    if parts is None:
        raise ValueError(_FORMS)
    if parts.password is not None or any("password" in name.lower() for name, _ in parse_qsl(parts.query)):
        raise ValueError(_BY_REFERENCE)
    if not parts.path.strip("/"):
        raise ValueError("the URL must name the database: postgresql+psycopg://USER@HOST/DATABASE")
    return url


def _server(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in POSTGRES and "://" in url and parts.port != 0
    except ValueError:
        return None
    return parts if whole and not any(character.isspace() for character in url) else None


def _file(path: str, info: ValidationInfo) -> str:
    if not path.strip() or path == ":memory:":
        raise ValueError(_FORMS)
    absolute = Path((info.context or {}).get("folder", ".")) / path
    if "?" in str(absolute):
        raise ValueError("the path of the database must not contain a question mark")
    return f"{SQLITE}{absolute}"
