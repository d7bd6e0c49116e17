"""From config.yaml to settings, or to one error that lists every mistake with its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError

from rotator.config.consistency import inconsistencies
from rotator.config.document import COMMENT, Document, read_document
from rotator.config.plugins import channel_settings, store_settings
from rotator.config.rotation.hooks import COMMAND, UNIT_HOOK, WEBHOOK
from rotator.config.settings import BY_CREDENTIAL, BY_NAME, OWN_KEY, WITH_KIND, Settings
from rotator.config.validation_errors import Mistake, Place, describe
from rotator.config.windows import BY_CRON, WEEKLY
from rotator.core import words
from rotator.errors import ConfigurationError
from rotator.resources import EXAMPLE
from rotator.trusted_files import believe, who_else_writes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

T = TypeVar("T")

VARIABLE: Final = "ROTATOR_CONFIG"
USUAL_PLACES: Final = (Path("config.yaml"), Path("/etc/rotator/config.yaml"))

_AUTHORITIES: Final = "The file of authorities"
REDIRECTING: Final = {
    "REQUESTS_CA_BUNDLE": _AUTHORITIES,
    "CURL_CA_BUNDLE": _AUTHORITIES,
    "SSL_CERT_FILE": _AUTHORITIES,
    "AWS_CA_BUNDLE": _AUTHORITIES,
    "PGSSLROOTCERT": _AUTHORITIES,
    "AWS_CONFIG_FILE": "AWS's configuration",
    "AWS_SHARED_CREDENTIALS_FILE": "AWS's file of credentials",
    "PGSERVICEFILE": "Postgres's file of services",
}
"""Variables that name a file by which requests, AWS's library or libpq decide whom to trust or where to go."""

_NOTHING_TOUCHED: Final = "Nothing was touched."
_FOLLOWING: Final = "default_factory_not_called"
"""What pydantic says of a default that depends on another field, which is mistaken."""
_MARKS: Final = frozenset(
    {OWN_KEY, BY_CREDENTIAL, BY_NAME, WITH_KIND, WEEKLY, BY_CRON, COMMAND, UNIT_HOOK, WEBHOOK, "[key]"}
)
_EXAMPLE: Final = f"{EXAMPLE} shows every option."


def locate(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration to read: the one given, else $ROTATOR_CONFIG, else the first of USUAL_PLACES that is there.

    One that is found and not named is taken only where nobody but this user and root can write it; one that is named is
    taken with a warning, and by root not at all. Raises ConfigurationError, also when there is none.
    """
    _believe_what_is_set(environ)
    named = given or (Path(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    if named is not None:
        believe(named, "The configuration")
        return named
    for place in USUAL_PLACES:
        if _is_there(place):
            _refuse_written_by_others(place)
            return place
    raise ConfigurationError(
        f"There is no configuration: neither ./{USUAL_PLACES[0]} nor {USUAL_PLACES[1]} exists.",
        effect=_NOTHING_TOUCHED,
        hint=f"Give --config FILE or set {VARIABLE}; {_EXAMPLE} `rotator demo` needs no configuration.",
    )


def _refuse_written_by_others(place: Path) -> None:
    who = who_else_writes(place)
    if who:
        raise ConfigurationError(
            f"The configuration {place.absolute()} was found and is not believed: {who}.",
            effect=_NOTHING_TOUCHED,
            hint="Name it by --config if it is yours; or go to another folder, and have it and its folder belong to you"
            " or root with nobody else to write them (chmod go-w).",
        )


def _believe_authorities(settings: Settings) -> None:
    """The same for every file of authorities: who writes one can stand in the place of an org, a store or a channel."""
    heartbeat = settings.daemon.heartbeat
    sections = [*settings.orgs.values(), *settings.stores.values(), *settings.alerts.channels.values(), heartbeat]
    found = {getattr(section, "ca", None) for section in sections} | {settings.database.authorities}
    for file in sorted(each for each in found if isinstance(each, Path)):
        believe(file, _AUTHORITIES)


def _believe_what_is_set(environ: Mapping[str, str]) -> None:
    """The same for every file that a library takes from the environment: one says whom to trust, or where to go."""
    for variable, what in REDIRECTING.items():
        if environ.get(variable):
            believe(Path(environ[variable]).expanduser(), f"{what} ({variable})")


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:
        # `sudo -u rotator` leaves its user in a folder that only the caller may look into.
        return False


def load(path: Path) -> Settings:
    """Reads and validates config.yaml; relative paths in it start from its folder. No secret is read.

    Raises ConfigurationError with every mistake, its line, and the nearest right name.
    """
    settings = parse(_read(path), path)
    _believe_authorities(settings)
    return settings


def parse(text: str, path: Path) -> Settings:
    """The settings that `text` says, as if it stood in the file `path`. Raises ConfigurationError."""
    document = read_document(text)
    if document.mistakes:
        raise _refused(path, document.mistakes)
    if document.data is None:
        raise ConfigurationError(f"{path} is empty.", effect=_NOTHING_TOUCHED, hint=_EXAMPLE)
    if not isinstance(document.data, dict):
        raise _refused(path, [Mistake(1, (), "it must be keys and values, such as `orgs:`")])
    return _settings(document, path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, ValueError) else getattr(error, "strerror", None)
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {reason or type(error).__name__}.",
            effect=_NOTHING_TOUCHED,
            hint=f"Check the path and its permissions. {_EXAMPLE}",
        ) from None


def _settings(document: Document, path: Path) -> Settings:
    mistakes = [Mistake(document.line(place), place, sentence) for place, sentence in inconsistencies(document.data)]
    try:
        settings = Settings.model_validate(document.data, context={"folder": path.absolute().parent})
    except ValidationError as error:
        raise _refused(path, [*mistakes, *_mistakes(error, document)]) from None
    if mistakes:
        raise _refused(path, mistakes)
    return settings


def _mistakes(error: ValidationError, document: Document) -> Iterator[Mistake]:
    found = [(_place(details["loc"]), details) for details in error.errors(include_url=False, include_input=False)]
    of_defaults: set[tuple[Place | None, str]] = set()
    for place, details in sorted(found, key=_width):
        mistake = (_in_rotation(place), details["msg"])
        # What is wrong among defaults shows again in every org and credential that takes them over.
        if mistake not in of_defaults and not _follows(place, details, found):
            yield Mistake(document.line(place), place, _sentence(details, place, document))
        if place[:1] != ("credentials",) and mistake[0] is not None:
            of_defaults.add(mistake)


def _follows(place: Place, details: ErrorDetails, found: list[tuple[Place, ErrorDetails]]) -> bool:
    """Whether a mistake is one only because of another: of a list only the valid entries are counted, for one."""
    if details["type"] == "too_short":
        return any(other[:-1][: len(place)] == place for other, _ in found)
    return details["type"] == _FOLLOWING


def _width(found: tuple[Place, ErrorDetails]) -> int:
    """Sorts `rotation:` before that of an org, and this before a credential."""
    section = found[0][:1]
    return 0 if section == ("rotation",) else 2 if section == ("credentials",) else 1


def _in_rotation(place: Place) -> Place | None:
    """Where a place is below `rotation:`, that of an org, or a credential, which has the same keys; None elsewhere."""
    match place:
        case ("rotation", *rest) | ("orgs", _, "rotation", *rest) | ("credentials", _, *rest):
            return tuple(rest)
        case _:
            return None


def _sentence(details: ErrorDetails, place: Place, document: Document) -> str:
    if details["type"].endswith("_type") and document.line(place) in document.comments:
        return COMMENT
    if place[:1] == ("stores",) and details["type"] == "extra_forbidden":
        # What may stand in a store or a channel is known only to its type.
        return describe(details, place[2:], store_settings(document.data["stores"][place[1]]["type"]))
    if place[:2] == ("alerts", "channels") and details["type"] == "extra_forbidden":
        return describe(details, place[3:], channel_settings(document.data["alerts"]["channels"][place[2]]["type"]))
    return describe(details, place, Settings)


def _place(location: tuple[int | str, ...]) -> Place:
    """Where an error is in the file: without the marks that pydantic adds for unions and keys."""
    return tuple(part for part in location if part not in _MARKS)


def _refused(path: Path, mistakes: list[Mistake]) -> ConfigurationError:
    lines = [f"{path}:{mistake.line}: {mistake}" for mistake in sorted(mistakes, key=lambda mistake: mistake.line)]
    several = "\n  ".join([f"The configuration has {len(lines)} mistakes:", *lines])
    only = lines[0] if lines[0].endswith("?") else f"{lines[0]}."
    message = only if len(lines) == 1 else several
    return ConfigurationError(message, effect=_NOTHING_TOUCHED, hint=f"Correct it; {_EXAMPLE}")


def named(section: Mapping[str, T], name: str, kind: str) -> T:
    """What a section has of this name. Raises ConfigurationError, with the nearest name, where it has none."""
    if name in section:
        return section[name]
    from difflib import get_close_matches  # noqa: PLC0415 - for who mistyped

    close = get_close_matches(name, section, n=1)
    there_are = f"Configured are: {', '.join(words.choice(section)) or 'none'}."
    raise ConfigurationError(
        f"There is no {kind} called {name!r}.",
        effect="Nothing was touched.",
        hint=f"Did you mean {close[0]!r}? {there_are}" if close else there_are,
    )
