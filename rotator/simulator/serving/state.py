"""The orgs in a file: a simulator that starts again goes on where it stopped. Sessions and history are not kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.core.crypto.certificates import Certificate, PrivateKey
from rotator.core.secret import Secret
from rotator.errors import CertificateError, ConfigurationError
from rotator.simulator.org.apps import App
from rotator.simulator.org.certificates import IdentityProvider, OrgCertificate
from rotator.simulator.org.external_apps import Consumer, ExternalApp, KeyPair, Satellite, StagedCredentials
from rotator.simulator.org.org import Org
from rotator.simulator.org.propagation import CertificateSlot, Change
from rotator.simulator.org.users import PermissionSet, User
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.simulator.serving.disk import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import OrgKind

FORMAT: Final = 1
_TIMES: Final = ("expires_at", "created_at", "modified_at")

NewOrg = Callable[[str, "OrgKind", int], Org]
"""Makes an empty org from its name, kind and number."""


@dataclass(frozen=True)
class StateFile:
    """Where the orgs and their certificate authority are kept. It holds private keys: mode 0600."""

    path: Path

    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return self.path.exists()

    def keep(self, authority: CertificateAuthority, orgs: Sequence[Org]) -> None:
        """Writes the state now and after every change of an org. Raises ConfigurationError when it cannot."""

        def save() -> None:
            replace_file(self.path, json.dumps(_state(authority, orgs), indent=1))

        try:
            save()
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror}") from None
        for org in orgs:
            org.on_change = save

    def load(self, new_org: NewOrg) -> tuple[CertificateAuthority, tuple[Org, ...]]:
        """The authority and the orgs as they were. Raises ConfigurationError for a damaged or later file."""
        try:
            state = json.loads(self.path.read_text())
            if state["format"] != FORMAT:
                raise self._unusable(f"has the format {state['format']}, this release reads {FORMAT}")
            authority = CertificateAuthority.from_pem(state["authority"]["certificate"], state["authority"]["key"])
            return authority, tuple(_org(fields, new_org) for fields in state["orgs"])
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, CertificateError) as error:
            # Only the kind of error: its text may quote a key.
            raise self._unusable(f"is damaged ({type(error).__name__})") from None

    def _unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"The simulated org's state in {self.path} {reason}.",
            effect="It was left as it is, and nothing was started.",
            hint="Give another --state, or move the file away to begin anew.",
        )


def _state(authority: CertificateAuthority, orgs: Sequence[Org]) -> dict[str, Any]:
    keys = {"certificate": authority.pem, "key": authority.key_pem.reveal()}
    return {"format": FORMAT, "authority": keys, "orgs": [_org_fields(org) for org in orgs]}


def _org_fields(org: Org) -> dict[str, Any]:
    return {
        "name": org.name,
        "kind": org.kind,
        "number": org.number,
        "ids_given": org.ids_given,
        "users": [_user_fields(user) for user in org.users.values()],
        "apps": [{**_app_fields(app), "component": app.component} for app in org.apps.values()],
        "external_apps": [_external_fields(app) for app in org.external_apps.values()],
        "certificates": [_dated(each) for each in org.certificates],
        "identity_providers": [_dated(each) for each in org.identity_providers.values()],
        "permission_sets": [_dated(each) for each in org.permission_sets.values()],
        "features": org.features,
    }


def _org(fields: dict[str, Any], new_org: NewOrg) -> Org:
    org = new_org(fields["name"], fields["kind"], fields["number"])
    org.ids_given = fields["ids_given"]
    for user in fields["users"]:
        org.users[user["username"]] = _user(user)
    for app in fields["apps"]:
        org.apps[app["name"]] = App(**_app_values(app))
    # A state that was kept by an earlier release has none of these.
    for app in fields.get("external_apps", ()):
        org.external_apps[app["name"]] = _external_app(app, org)
    org.certificates.extend(OrgCertificate(**_with_times(each)) for each in fields.get("certificates", ()))
    for provider in fields.get("identity_providers", ()):
        org.identity_providers[provider["name"]] = IdentityProvider(**_with_times(provider))
    for each in fields.get("permission_sets", ()):
        org.permission_sets[each["name"]] = PermissionSet(**_with_times(each))
    org.features.update(fields.get("features", {}))
    return org


def _dated(holder: OrgCertificate | IdentityProvider | PermissionSet | Satellite | User) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in vars(holder).items()}


def _with_times(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _TIMES and value else value for name, value in fields.items()
    }


def _user_fields(user: User) -> dict[str, Any]:
    password = user.password.reveal() if user.password else None
    return {**_dated(user), "password": password}


def _user(fields: dict[str, Any]) -> User:
    password = fields.get("password")
    return User(
        **{
            **_with_times(fields),
            "permission_sets": tuple(fields["permission_sets"]),
            "password": Secret(password) if password else None,
        }
    )


def _app_fields(app: ClientApp) -> dict[str, Any]:
    return {
        "name": app.name,
        "id": app.id,
        "changes": [[change.at.isoformat(), _pem(change.certificate)] for change in app.slot.changes],
        "created_at": app.created_at.isoformat(),
        "modified_at": app.modified_at.isoformat(),
        "modified_by": app.modified_by,
        "approved_usernames": sorted(app.approved_usernames),
        "username": app.username,
        "private_key": app.private_key.pem().reveal() if app.private_key else None,
    }


def _app_values(fields: dict[str, Any]) -> dict[str, Any]:
    """The values of an app's fields, from what `_app_fields` wrote; others stay as they are."""
    changes = [Change(datetime.fromisoformat(at), _certificate(pem)) for at, pem in fields["changes"]]
    key = fields["private_key"]
    rest = {name: value for name, value in fields.items() if name != "changes"}
    return {
        **_with_times(rest),
        "slot": CertificateSlot(changes),
        "private_key": PrivateKey.from_pem(key) if key else None,
        "approved_usernames": set(fields["approved_usernames"]),
    }


def _external_fields(app: ExternalApp) -> dict[str, Any]:
    return {
        **_app_fields(app),
        "header": app.header,
        "is_of_setup": app.is_of_setup,
        "satellites": [_dated(satellite) for satellite in app.satellites.values()],
        "consumer": _consumer_fields(app.consumer) if app.consumer else None,
    }


def _external_app(fields: dict[str, Any], org: Org) -> ExternalApp:
    satellites = [Satellite(**_with_times(each)) for each in fields["satellites"]]
    consumer = fields["consumer"]
    return ExternalApp(
        **{
            **_app_values(fields),
            "satellites": {satellite.type: satellite for satellite in satellites},
            "consumer": _consumer(consumer) if consumer else None,
            "made_sets": org.permission_sets,
        }
    )


def _consumer_fields(consumer: Consumer) -> dict[str, Any]:
    staged = consumer.staged
    return {
        "id": consumer.id,
        "known_from": consumer.known_from and consumer.known_from.isoformat(),
        "pair": _pair_fields(consumer.pair),
        "staged": staged
        and {
            "id": staged.id,
            "pair": _pair_fields(staged.pair),
            "state": staged.state,
            "since": staged.since.isoformat(),
            "logs_in": staged.logs_in,
        },
    }


def _consumer(fields: dict[str, Any]) -> Consumer:
    staged = fields["staged"]
    known_from = fields.get("known_from")
    return Consumer(
        fields["id"],
        _pair(fields["pair"]),
        _staged(staged) if staged else None,
        datetime.fromisoformat(known_from) if known_from else None,
    )


def _staged(fields: dict[str, Any]) -> StagedCredentials:
    since, pair = datetime.fromisoformat(fields["since"]), _pair(fields["pair"])
    return StagedCredentials(fields["id"], pair, fields["state"], since, fields.get("logs_in", False))


def _pair_fields(pair: KeyPair) -> list[str]:
    return [pair.key, pair.secret.reveal()]


def _pair(fields: list[str]) -> KeyPair:
    return KeyPair(fields[0], Secret(fields[1]))


def _pem(certificate: Certificate | None) -> str | None:
    return certificate.pem if certificate else None


def _certificate(pem: str | None) -> Certificate | None:
    return Certificate.parse(pem) if pem else None
