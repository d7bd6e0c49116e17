"""External client apps: a header and satellites, one of which holds the certificate and is all that is written.

Which app a satellite belongs to says its `externalClientApplication`; its own name says nothing that could be relied
upon, as Setup and each tool choose another. In some orgs the certificate does not come back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rotator.core.observed import Kind
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.portions import portions
from rotator.salesforce.apps.admission import of_external_client_app
from rotator.salesforce.apps.app import (
    App,
    PolicyChange,
    cannot_be_sent_back,
    certificate_in,
    no_place_for_a_certificate,
    unreadable,
)
from rotator.salesforce.apps.directory import POLICIES_TYPE, SETTINGS_TYPE
from rotator.salesforce.apps.together import read_each
from rotator.salesforce.metadata import READ_LIMIT
from rotator.salesforce.permissions import needed_to_see

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rotator.core.crypto.certificates import Certificate
    from rotator.salesforce.apps.admission import Admission
    from rotator.salesforce.apps.directory import AppDirectory
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

APP_ELEMENT: Final = "externalClientApplication"
"""The element that says which app a satellite belongs to."""

_BEFORE_THE_CERTIFICATE: Final = ("fullName", "callbackUrl")
_POLICY: Final = "permittedUsersPolicyType"
_BEFORE_THE_POLICY: Final = (
    *("fullName", "commaSeparatedCustomScopes", "commaSeparatedPermissionSet", "commaSeparatedProfile"),
    *("customAttributes", "executeHandlerAs", APP_ELEMENT, "guestJwtSessionTimeoutType", "guestJwtTimeout"),
    *("ipRelaxationPolicyType", "isClientCredentialsFlowEnabled", "isGuestCodeCredFlowEnabled"),
    *("isNamedUserJwtEnabled", "isTokenExchangeFlowEnabled", "label", "namedUserJwtSessionTimeoutType"),
    "namedUserJwtTimeout",
)
_ORDERS: Final = ("shouldRotateConsumerKey", "shouldRotateConsumerSecret")
"""No settings, but orders to the org to make another consumer key or secret."""


class ExternalClientApps:
    """The external client apps of one org (`rotator.salesforce.apps.app.AppAdapter`)."""

    not_compared: Final = frozenset({"certificate", "consumerSecret", *_ORDERS})

    def __init__(self, metadata: MetadataService, directory: AppDirectory) -> None:
        """Calls nothing yet."""
        self._org: Final = metadata.org
        self._metadata: Final = metadata
        self._directory: Final = directory

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """Where the settings of these apps are known, ten in a call; else those that they may be in are read, too."""
        wanted = {name.casefold(): name for name in full_names}
        found = self._read_known(wanted)
        if missing := {folded: name for folded, name in wanted.items() if folded not in found}:
            found |= self._search(missing)
        return [self._app(name, found.get(name.casefold())) for name in full_names]

    def with_certificate(self, app: App, certificate: Certificate) -> Component:
        """Without the consumer key, which stays as it is then; no new key or secret is ordered."""
        if app.component is None:
            raise no_place_for_a_certificate(
                self._org, app, "Enable OAuth for it in Setup, External Client App Manager, or configure another app."
            )
        component = app.component.copy()
        if not component.has(APP_ELEMENT):
            raise cannot_be_sent_back(self._org, app, [APP_ELEMENT])
        component.put(certificate.base64, "certificate", after=_BEFORE_THE_CERTIFICATE)
        component.drop("consumerKey")
        component.drop("consumerSecret")
        for order in _ORDERS:
            if component.has(order):
                component.put("false", order, after=())
        return component

    def admission(self, app: App) -> Admission | None:
        """Two calls, unless the policies of the app have a name that begins otherwise than its own."""
        policies = self._policies(app)
        return of_external_client_app(app.full_name, policies.fields()) if policies else None

    def with_policy(self, app: App, *, only_approved: bool) -> PolicyChange | None:
        """In the satellite that holds the OAuth policies."""
        policies = self._policies(app)
        if policies is None:
            return None
        sent = policies.copy()
        sent.put(
            "AdminApprovedPreAuthorized" if only_approved else "AllSelfAuthorized", _POLICY, after=_BEFORE_THE_POLICY
        )
        return PolicyChange(_POLICY, policies, sent)

    def _policies(self, app: App) -> Component | None:
        """Those of the app; None where the org does not show them."""
        try:
            names = [each.full_name for each in self._metadata.list_components(POLICIES_TYPE)]
            return self._policies_among(app, names)
        except (LoginRefused, OrgUnavailable):
            raise
        except OrgError:
            return None

    def _policies_among(self, app: App, names: Sequence[str]) -> Component | None:
        """Those among them that name the app."""
        wanted = app.full_name.casefold()
        for some in _by_tens(names, wanted):
            for component in self._metadata.read(POLICIES_TYPE, some):
                if component is not None and component.text(APP_ELEMENT).casefold() == wanted:
                    return component
        return None

    def _app(self, full_name: str, settings: Component | OrgError | None) -> App | OrgError | None:
        if isinstance(settings, OrgError):
            return settings
        if settings is None:
            listed = self._directory.listed()
            is_there = Kind.EXTERNAL_APP in listed.kinds_of(full_name)
            if is_there and SETTINGS_TYPE in listed.refused:
                return self._unseen(listed.refused[SETTINGS_TYPE])
            return App(Kind.EXTERNAL_APP, full_name, "", None, None) if is_there else None
        try:
            app = external_app_of(self._org, settings)
        except OrgError as error:
            return error
        if app.certificate is not None:
            self._directory.note_showing(full_name)
        elif full_name.casefold() in self._directory.listed().showing:
            return replace(app, hides_certificate=False)
        return app

    def _unseen(self, error: OrgError) -> OrgError:
        """The error for each app of an org whose settings the user may not list."""
        return OrgError(
            f"The org {self._org} does not list to the program's user the settings of external client apps, which hold"
            f" their certificates: {error.message}",
            effect=error.effect,
            hint=needed_to_see(Kind.EXTERNAL_APP),
        )

    def _read_known(self, wanted: dict[str, str]) -> dict[str, Component | OrgError]:
        """By folded name of the app; without those whose settings are others by now."""
        listed = self._directory.listed()
        places = {folded: listed.settings_of[folded] for folded in wanted if folded in listed.settings_of}
        found: dict[str, Component | OrgError] = {}
        for folded, component in zip(places, self._read([*places.values()]), strict=True):
            if isinstance(component, OrgError):
                found[folded] = unreadable(self._org, wanted[folded], component)
            elif component is not None and component.text(APP_ELEMENT).casefold() == folded:
                found[folded] = component
        return found

    def _search(self, missing: dict[str, str]) -> dict[str, Component | OrgError]:
        """Looks for the settings of these apps in the list that there is, and what is not in it in a new one."""
        tried = self._directory.listed().names.get(SETTINGS_TYPE, ())
        found = self._among(tried, missing)
        left = {folded: name for folded, name in missing.items() if folded not in found}
        if left:
            now = self._directory.look_again().names.get(SETTINGS_TYPE, ())
            found |= self._among([name for name in now if name not in tried], left)
        return found

    def _among(self, names: Sequence[str], missing: dict[str, str]) -> dict[str, Component | OrgError]:
        """Reads settings of these names until those of the apps are found, the likeliest first."""
        found: dict[str, Component | OrgError] = {}
        places: dict[str, str] = {}
        failed: list[OrgError] = []
        for some in _by_tens(names, *missing):
            for name, component in zip(some, self._read(some), strict=True):
                if isinstance(component, OrgError):
                    failed.append(component)
                elif component is not None:
                    app = component.text(APP_ELEMENT).casefold()
                    places[app] = name
                    found |= {app: component} if app in missing else {}
            if len(found) == len(missing):
                break
        self._directory.note_settings(places)
        lost = {folded: name for folded, name in missing.items() if folded not in found} if failed else {}
        return found | {folded: unreadable(self._org, name, failed[0]) for folded, name in lost.items()}

    def _read(self, names: Sequence[str]) -> list[Component | OrgError | None]:
        """Settings by their own names; of ten that fail as a whole, one by one."""
        found = read_each(self._metadata, SETTINGS_TYPE, names)
        for each in found:
            if isinstance(each, OrgUnavailable):
                raise each
        return found


def _by_tens(names: Iterable[str], *apps: str) -> Iterator[Sequence[str]]:
    """Names of satellites, ten at a time; first those that begin as one of the apps does, as they are the likeliest."""
    likely = sorted(names, key=lambda name: not name.casefold().startswith(apps))
    return portions(likely, READ_LIMIT)


def external_app_of(org: str, settings: Component) -> App:
    """The app whose global OAuth settings these are, without its consumer secret, which is kept nowhere.

    Raises OrgError when what it holds as a certificate is none, and AnswerLost when what must be a text is none.
    """
    full_name = settings.text(APP_ELEMENT)
    certificate = certificate_in(org, full_name, settings.text("certificate").strip())
    settings.drop("consumerSecret")
    client_id = settings.text("consumerKey")
    hides = certificate is None
    return App(Kind.EXTERNAL_APP, full_name, client_id, certificate, settings, hides_certificate=hides)
