"""What must agree between the sections of config.yaml.

It looks at the plain data, so that a mistake in one section hides none in another; what has the wrong shape is left to
`rotator.config.settings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.config.validation_errors import Place
from rotator.entry_points import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

Finding = tuple[Place, str]
"""A place in config.yaml, and one sentence about it."""

RESERVED: Final = ("rebuild", "verify")
"""What follows `rotator history` as a command of its own, so no credential has this name."""


def inconsistencies(data: dict[str, Any]) -> Iterator[Finding]:
    """Each disagreement between orgs, stores, credentials and channels."""
    yield from _names_of_credentials(data)
    yield from _fields_of_kinds(data)
    yield from _own_logins(data)
    yield from _apps_of_two(data)
    yield from _orgs_of_channels(data)
    yield from _channels_to_notify(data)
    yield from _groups_of_stores(data)
    yield from _exceptions_of_the_audit(data)
    yield from _credentials_of_hooks(data)


def _names_of_credentials(data: dict[str, Any]) -> Iterator[Finding]:
    for name, credential in _entries(data, "credentials"):
        place: Place = ("credentials", name)
        if name in RESERVED:
            yield place, f"the name is taken by `rotator history {name}`; choose another"
        yield from _known(data, "orgs", credential.get("org"), (*place, "org"))
        yield from _known(data, "stores", credential.get("store"), (*place, "store"))


def _fields_of_kinds(data: dict[str, Any]) -> Iterator[Finding]:
    """What a credential says itself and its kind has not; defaults for all are of both kinds."""
    for name, credential in _entries(data, "credentials"):
        is_secret = credential.get("kind") == "client_secret"
        for field, instead in (_OF_KEYS if is_secret else _OF_SECRETS).items():
            if field in credential:
                yield ("credentials", name, field), instead
        goes_back = credential.get("on_left_behind") == "back"
        if not is_secret and goes_back and len(_list(credential.get("apps"))) > 1:
            told = "with two apps the key before logs in until the grace ends, so nobody has to go back; leave it out"
            yield ("credentials", name, "on_left_behind"), told


_OF_KEYS: Final = {
    "key_bits": "a client secret has no key: Salesforce makes it",
    "lifetime": "a client secret has no end of its own; say `max_age`",
    "subject": "a client secret has no certificate",
    "audience": "a login with a client secret names no audience",
    "on_left_behind": "no login history tells who is left behind with a client secret",
    "left_behind_after": "no login history tells who is left behind with a client secret",
}
_OF_SECRETS: Final = {"max_age": "it is of client secrets; a key pair has a certificate, so say `lifetime`"}


def _own_logins(data: dict[str, Any]) -> Iterator[Finding]:
    credentials = dict(_entries(data, "credentials"))
    for org, settings in _entries(data, "orgs"):
        name = _dict(settings.get("login")).get("credential")
        place: Place = ("orgs", org, "login", "credential")
        yield from _known(data, "credentials", name, place)
        other = credentials[name].get("org", org) if isinstance(name, str) and name in credentials else org
        if isinstance(name, str) and credentials.get(name, {}).get("kind") == "client_secret":
            yield place, f"the credential `{name}` is a client secret: rotator itself logs in with a key only"
        if other != org:
            yield place, f"the credential `{name}` is of the org `{other}`, not of `{org}`"


def _apps_of_two(data: dict[str, Any]) -> Iterator[Finding]:
    owners: dict[tuple[str, str], str] = {}
    for name, credential in _entries(data, "credentials"):
        org = credential.get("org")
        for index, entry in enumerate(_list(credential.get("apps"))):
            app = entry.get("name") if isinstance(entry, dict) else entry
            if not (isinstance(org, str) and isinstance(app, str)):
                continue
            owner = owners.setdefault((org, app.lower()), name)
            if owner != name:
                yield ("credentials", name, "apps", index), _named_twice(app, owner, isinstance(entry, dict))


def _named_twice(app: str, owner: str, kind_is_said: bool) -> str:
    also = "; apps of credentials of one org have different names, those of different kinds as well"
    return f"the app {app} belongs to the credential `{owner}` already{also if kind_is_said else ''}"


def _orgs_of_channels(data: dict[str, Any]) -> Iterator[Finding]:
    for name, channel in _entries(_dict(data.get("alerts")), "channels"):
        for index, org in enumerate(_list(channel.get("orgs"))):
            yield from _known(data, "orgs", org, ("alerts", "channels", name, "orgs", index))


def _channels_to_notify(data: dict[str, Any]) -> Iterator[Finding]:
    for section in ("orgs", "credentials"):
        for name, entry in _entries(data, section):
            for index, channel in enumerate(_list(entry.get("notify"))):
                yield from _known(_dict(data.get("alerts")), "channels", channel, (section, name, "notify", index))


def _groups_of_stores(data: dict[str, Any]) -> Iterator[Finding]:
    credentials = dict(_entries(data, "credentials"))
    for store, settings in _entries(data, "stores"):
        for name in _dict(settings.get("groups")):
            place: Place = ("stores", store, "groups", name)
            yield from _known(data, "credentials", name, place)
            if name in credentials and credentials[name].get("store") != store:
                yield place, f"the credential `{name}` is not in this store"


def _exceptions_of_the_audit(data: dict[str, Any]) -> Iterator[Finding]:
    for index, exception in enumerate(_list(_dict(data.get("audit")).get("exceptions"))):
        place: Place = ("audit", "exceptions", index)
        for section, field in (("credentials", "credential"), ("orgs", "org")):
            yield from _known(data, section, _dict(exception).get(field), (*place, field))


def _credentials_of_hooks(data: dict[str, Any]) -> Iterator[Finding]:
    for name, hook in _entries(_dict(data.get("hooks")), "after_rotation"):
        for index, credential in enumerate(_list(hook.get("credentials"))):
            place: Place = ("hooks", "after_rotation", name, "credentials", index)
            yield from _known(data, "credentials", credential, place)


def _known(data: dict[str, Any], section: str, name: Any, place: Place) -> Iterator[Finding]:
    names = list(_dict(data.get(section)))
    if isinstance(name, str) and name not in names:
        yield place, f"there is no {section.removesuffix('s')} `{name}`{nearest(name, names)}"


def _entries(data: dict[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, entry) for name, entry in _dict(data.get(section)).items() if isinstance(entry, dict))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
