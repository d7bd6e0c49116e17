"""Connected apps: read whole, and written whole with nothing but the certificate changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.crypto.certificates import Certificate
from rotator.errors import CertificateError, OrgError, OrgUnavailable, WriteUncertain
from rotator.salesforce.apps.fields import Change, changes
from rotator.salesforce.faults import PERMISSION_HINT, may_be_of_one
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.salesforce.component import Component
    from rotator.salesforce.session import OrgSession

APP_TYPE: Final = "ConnectedApp"
"""The metadata type."""

_REQUIRED: Final = (("label",), ("contactEmail",), ("oauthConfig", "callbackUrl"))
_BEFORE_THE_CERTIFICATE: Final = ("assetTokenConfig", "callbackUrl")
_NOT_COMPARED: Final = frozenset({"oauthConfig.certificate", "oauthConfig.consumerSecret"})
_UNCHANGED: Final = "Nothing was changed."


@dataclass(frozen=True)
class App:
    """A connected app as an org holds it."""

    full_name: str
    label: str
    client_id: str
    """The consumer key; empty for an app without OAuth settings."""
    certificate: Certificate | None
    """The live certificate; None for an app that takes no JWT bearer logins."""
    component: Component = field(repr=False, compare=False)
    """All of it, as it was read."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The live certificate's."""
        return Fingerprint(self.certificate.fingerprint) if self.certificate else None


class ConnectedApps:
    """The connected apps of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, session: OrgSession, metadata: MetadataService | None = None) -> None:
        """`metadata` is for another clock or other pauses than the usual."""
        self.org: Final = session.org
        self._metadata: Final = metadata or MetadataService(session)
        self._seen: Final[dict[str, App]] = {}
        """Each app as it was last read."""

    def read(self, full_name: str) -> App | None:
        """The app; None when it is missing or the program's user may not read it, which Salesforce does not tell apart.

        Raises OrgError when what it holds as a certificate is none.
        """
        return self._noted(full_name, self._metadata.read(APP_TYPE, [full_name])[0])

    def read_all(self, full_names: Sequence[str]) -> list[App | None]:
        """Several apps, ten in a call, in the order asked for. Raises the error of the first that cannot be read."""
        found = self.read_each(full_names)
        for app in found:
            if isinstance(app, OrgError):
                raise app
        return [app for app in found if not isinstance(app, OrgError)]

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """The same; of those that cannot be read the error. Raises what is wrong with the org and with no app."""
        try:
            components = self._metadata.read(APP_TYPE, full_names)
        except OrgError as error:
            if len(full_names) < 2 or not may_be_of_one(error):
                raise
            return [self._tried(partial(self._read_one, name)) for name in full_names]
        found = zip(full_names, components, strict=True)
        return [self._tried(partial(self._noted, name, component)) for name, component in found]

    def _noted(self, full_name: str, component: Component | None) -> App | None:
        if component is None:
            return None
        self._seen[full_name] = app = app_of(self.org, component)
        return app

    def _read_one(self, full_name: str) -> App | None:
        try:
            return self.read(full_name)
        except OrgUnavailable:
            raise
        except OrgError as error:
            raise OrgError(
                f"The app {full_name} in the org {self.org} cannot be read: {error.message}",
                effect=error.effect,
                hint=error.hint,
            ) from None

    @staticmethod
    def _tried(read: Callable[[], App | None]) -> App | OrgError | None:
        try:
            return read()
        except OrgError as error:
            return error

    def replace_certificate(self, full_name: str, certificate: Certificate, *, expecting: Fingerprint | None) -> App:
        """Puts another certificate in the place of the live one, and gives the app as it was read back.

        `expecting` is the live certificate as it was observed, None for an app without one: when another is there,
        somebody changed the app meanwhile and nothing is written; nor is anything when another field is not what it was
        when the app was last read, as what is sent back is what the org says of it. When `certificate` is live already
        there is nothing to do. The Metadata API has no conditional write: a change that somebody saves within the
        second between our reading and our writing is overwritten with what was read.

        Raises OrgError when the app came back without the certificate or with any other field changed, WriteUncertain
        when it is not known whether the write took effect.
        """
        seen, before = self._seen.get(full_name), self._require(full_name)
        if before.certificate == certificate:
            return before
        if before.fingerprint != expecting:
            raise self._changed_meanwhile(before, expecting)
        differing = changes(seen.component.fields(), before.component.fields(), ignoring=_NOT_COMPARED) if seen else []
        if differing:
            raise self._told_twice(before, differing)
        self._metadata.update(with_certificate(self.org, before, certificate))
        after = self._read_back(before)
        self._compare(before, after, certificate)
        return after

    def check_version(self) -> str:
        """The newest version of its API that the org offers. Raises OrgError when it is older than the one in use."""
        newest = self._metadata.newest_version()
        if float(newest) < float(API_VERSION):
            raise OrgError(
                f"The org {self.org} offers version {newest} of its API at most, and rotator speaks {API_VERSION}.",
                effect=_UNCHANGED,
                hint="Use an older release of rotator until Salesforce has upgraded the org (three times a year).",
            )
        return newest

    def check_access(self) -> None:
        """Proves what can be known before the first write: the API is open to the user, and shows connected apps.

        The Metadata API is closed to those who may not modify metadata, so being let in says that the user has that
        permission. Whether the user may also edit connected apps, and whether the org has locked them (a managed
        package, a release's restrictions), only the first write tells.
        """
        if APP_TYPE not in self._metadata.describe():
            raise OrgError(
                f"The org {self.org} shows the program's user no connected apps.",
                effect=_UNCHANGED,
                hint=PERMISSION_HINT,
            )

    def _require(self, full_name: str) -> App:
        app = self.read(full_name)
        if app is None:
            raise self.absent(full_name)
        return app

    def _read_back(self, before: App) -> App:
        try:
            return self._require(before.full_name)
        except OrgUnavailable as error:
            raise WriteUncertain(
                f"The org {self.org} took the new certificate of {before.full_name}, and could not be read afterwards.",
                effect="The new certificate is most likely live.",
                hint=error.hint,
                rerun=error.rerun,
            ) from None

    def _compare(self, before: App, after: App, certificate: Certificate) -> None:
        if after.certificate != certificate:
            held = f"the certificate {after.fingerprint}" if after.certificate else "no certificate"
            raise OrgError(
                f"The org {self.org} took the new certificate of {after.full_name}, but the app holds {held}.",
                effect="Logins through this app fail until it holds a certificate whose key is known.",
                hint=f"If it lasts, upload the certificate {certificate.fingerprint} in Setup.",
                rerun="Run it again.",
            )
        differing = changes(before.component.fields(), after.component.fields(), ignoring=_NOT_COMPARED)
        if differing:
            raise self._more_changed(after, differing)

    def _more_changed(self, after: App, differing: list[Change]) -> OrgError:
        return OrgError(
            f"With the certificate of {after.full_name} in the org {self.org} other fields changed: "
            f"{'; '.join(map(str, differing))}.",
            effect="The new certificate is live.",
            hint="Compare the app with its setup in Setup, and put back what should not have changed.",
        )

    def _changed_meanwhile(self, app: App, expecting: Fingerprint | None) -> OrgError:
        return OrgError(
            f"The certificate of {app.full_name} in the org {self.org} is {app.fingerprint or 'gone'}, "
            f"not {expecting or 'absent'} as before: somebody changed it meanwhile.",
            effect=_UNCHANGED,
            rerun="Run it again; it starts from what is there now.",
        )

    def _told_twice(self, app: App, differing: list[Change]) -> OrgUnavailable:
        return OrgUnavailable(
            f"What the org {self.org} says of the app {app.full_name} is not what it said a moment ago: "
            f"{'; '.join(map(str, differing))}.",
            effect=_UNCHANGED,
            hint="If nobody changes the app just now, the org, or what stands before it, does not answer as it should.",
            rerun="Run it again; it starts from what is there now.",
        )

    def absent(self, names: str) -> OrgError:
        """The error for apps that an org does not show."""
        return OrgError(
            f"The org {self.org} shows no connected app {names}: missing, or the program's user may not read it.",
            effect=_UNCHANGED,
            hint="Check the API name (App Manager shows it; a package's apps begin with its namespace and __). "
            + PERMISSION_HINT,
        )


def app_of(org: str, component: Component) -> App:
    """The app that a component describes.

    Raises OrgError when what it holds as a certificate is none, and AnswerLost when what must be a text is none.
    """
    full_name, text = component.full_name, component.text("oauthConfig", "certificate")
    try:
        certificate = Certificate.parse(text) if text else None
    except CertificateError as error:
        raise OrgError(
            f"What {full_name} in the org {org} holds as a certificate cannot be read. {error.message}",
            effect=_UNCHANGED,
            hint="Upload a certificate in Setup.",
        ) from None
    label, client_id = component.text("label"), component.text("oauthConfig", "consumerKey")
    return App(full_name, label or full_name, client_id, certificate, component)


def with_certificate(org: str, app: App, certificate: Certificate) -> Component:
    """The app's component as it was read, whole, with this certificate.

    The consumer key is left out: an update that carries it is refused with `You cannot provide a Consumer Key`, and
    one that does not leaves it as it is. The consumer secret is never read. Raises OrgError for an app without OAuth,
    and for one that came without what an update must have (Metadata API Developer Guide, ConnectedApp).
    """
    component = app.component.copy()
    if not component.has("oauthConfig"):
        raise OrgError(
            f"{app.full_name} in the org {org} has no OAuth settings, and so no place for a certificate.",
            effect=_UNCHANGED,
            hint='Switch on "Enable OAuth Settings" in Setup, or configure another app.',
        )
    lacking = [path[-1] for path in _REQUIRED if not component.has(*path)]
    if lacking:
        raise OrgError(
            f"What the org {org} gave of {app.full_name} cannot be sent back: {' and '.join(lacking)} is missing.",
            effect=_UNCHANGED,
            hint="Save the app once in Setup with every required field filled in.",
        )
    component.put(certificate.base64, "oauthConfig", "certificate", after=_BEFORE_THE_CERTIFICATE)
    component.drop("oauthConfig", "consumerKey")
    return component
