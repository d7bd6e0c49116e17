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
        apps = credential.get("apps")
        if not is_secret and credential.get("on_left_behind") == "back" and isinstance(apps, list) and len(apps) > 1:
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
        login = settings.get("login")
        name = login.get("credential") if isinstance(login, dict) else None
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
        org, apps = credential.get("org"), credential.get("apps")
        if not isinstance(org, str) or not isinstance(apps, list):
            continue
        names = [app.get("name") if isinstance(app, dict) else app for app in apps]
        for index, app in enumerate(names):
            if not isinstance(app, str):
                continue
            owner = owners.setdefault((org, app.lower()), name)
            if owner != name:
                yield ("credentials", name, "apps", index), _named_twice(app, owner, isinstance(apps[index], dict))


def _named_twice(app: str, owner: str, kind_is_said: bool) -> str:
    also = "; apps of credentials of one org have different names, those of different kinds as well"
    return f"the app {app} belongs to the credential `{owner}` already{also if kind_is_said else ''}"


def _orgs_of_channels(data: dict[str, Any]) -> Iterator[Finding]:
    alerts = data.get("alerts")
    for name, channel in _entries(alerts, "channels") if isinstance(alerts, dict) else ():
        orgs = channel.get("orgs")
        for index, org in enumerate(orgs if isinstance(orgs, list) else ()):
            yield from _known(data, "orgs", org, ("alerts", "channels", name, "orgs", index))


def _channels_to_notify(data: dict[str, Any]) -> Iterator[Finding]:
    alerts = data.get("alerts")
    for section in ("orgs", "credentials"):
        for name, entry in _entries(data, section):
            named = entry.get("notify")
            for index, channel in enumerate(named if isinstance(named, list) else ()):
                known = alerts if isinstance(alerts, dict) else {"channels": {}}
                yield from _known({"channels": {}, **known}, "channels", channel, (section, name, "notify", index))


def _groups_of_stores(data: dict[str, Any]) -> Iterator[Finding]:
    credentials = dict(_entries(data, "credentials"))
    for store, settings in _entries(data, "stores"):
        groups = settings.get("groups")
        for name in groups if isinstance(groups, dict) else ():
            place: Place = ("stores", store, "groups", name)
            yield from _known({"credentials": {}, **data}, "credentials", name, place)
            if name in credentials and credentials[name].get("store") != store:
                yield place, f"the credential `{name}` is not in this store"


def _exceptions_of_the_audit(data: dict[str, Any]) -> Iterator[Finding]:
    audit = data.get("audit")
    exceptions = audit.get("exceptions") if isinstance(audit, dict) else None
    for index, each in enumerate(exceptions if isinstance(exceptions, list) else ()):
        if isinstance(each, dict):
            place: Place = ("audit", "exceptions", index)
            known = {"credentials": {}, **data}
            yield from _known(known, "credentials", each.get("credential"), (*place, "credential"))
            yield from _known(known, "orgs", each.get("org"), (*place, "org"))


def _credentials_of_hooks(data: dict[str, Any]) -> Iterator[Finding]:
    hooks = data.get("hooks")
    for name, hook in _entries(hooks, "after_rotation") if isinstance(hooks, dict) else ():
        credentials = hook.get("credentials")
        for index, credential in enumerate(credentials if isinstance(credentials, list) else ()):
            place: Place = ("hooks", "after_rotation", name, "credentials", index)
            yield from _known({"credentials": {}, **data}, "credentials", credential, place)


def _known(data: dict[str, Any], section: str, name: Any, place: Place) -> Iterator[Finding]:
    names = list(data[section]) if isinstance(data.get(section), dict) else []
    if isinstance(name, str) and name not in names:
        yield place, f"there is no {section.removesuffix('s')} `{name}`{nearest(name, names)}"


def _entries(data: dict[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = data.get(section)
    if isinstance(entries, dict):
        yield from ((name, entry) for name, entry in entries.items() if isinstance(entry, dict))
