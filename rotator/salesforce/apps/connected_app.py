"""Connected apps: one component each, which holds the certificate among everything else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.observed import Kind
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.apps.admission import of_connected_app
from rotator.salesforce.apps.app import (
    App,
    PolicyChange,
    cannot_be_sent_back,
    certificate_in,
    no_place_for_a_certificate,
    tried,
    unreadable,
)
from rotator.salesforce.apps.together import read_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.crypto.certificates import Certificate
    from rotator.salesforce.apps.admission import Admission
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

_REQUIRED: Final = (("label",), ("contactEmail",), ("oauthConfig", "callbackUrl"))
_BEFORE_THE_CERTIFICATE: Final = ("assetTokenConfig", "callbackUrl")
_BEFORE_THE_APPROVAL: Final = (
    *_BEFORE_THE_CERTIFICATE,
    *("certificate", "consumerKey", "consumerSecret", "idTokenConfig"),
)


class ConnectedApps:
    """The connected apps of one org (`rotator.salesforce.apps.app.AppAdapter`)."""

    not_compared: Final = frozenset({"oauthConfig.certificate", "oauthConfig.consumerSecret"})

    def __init__(self, metadata: MetadataService) -> None:
        """Calls nothing yet."""
        self._org: Final = metadata.org
        self._metadata: Final = metadata

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """Ten in a call; of ten that fail as a whole, one by one."""
        components = read_each(self._metadata, Kind.APP, full_names)
        return [tried(partial(self._understood, *each)) for each in zip(full_names, components, strict=True)]

    def with_certificate(self, app: App, certificate: Certificate) -> Component:
        """The consumer key is left out.

        An update that carries it is refused with `You cannot provide a Consumer Key`, and one that does not leaves it
        as it is. The consumer secret is never read. What an update must have says the Metadata API Developer Guide,
        ConnectedApp.
        """
        if app.component is None or not app.component.has("oauthConfig"):
            hint = 'Switch on "Enable OAuth Settings" in Setup, or configure another app.'
            raise no_place_for_a_certificate(self._org, app, hint)
        component = app.component.copy()
        lacking = [path[-1] for path in _REQUIRED if not component.has(*path)]
        if lacking:
            raise cannot_be_sent_back(self._org, app, lacking)
        component.put(certificate.base64, "oauthConfig", "certificate", after=_BEFORE_THE_CERTIFICATE)
        component.drop("oauthConfig", "consumerKey")
        return component

    def admission(self, app: App) -> Admission | None:
        """By what was read of the app already."""
        return of_connected_app(app.full_name, app.fields())

    def with_policy(self, app: App, *, only_approved: bool) -> PolicyChange | None:
        """In the one component that there is."""
        if app.component is None:
            return None
        sent = app.component.copy()
        flag = "true" if only_approved else "false"
        sent.put(flag, "oauthConfig", "isAdminApproved", after=_BEFORE_THE_APPROVAL)
        sent.drop("oauthConfig", "consumerKey")
        return PolicyChange("oauthConfig.isAdminApproved", app.component, sent)

    def _understood(self, full_name: str, component: Component | OrgError | None) -> App | None:
        if isinstance(component, OrgUnavailable):
            raise component
        if isinstance(component, OrgError):
            raise unreadable(self._org, full_name, component)
        return app_of(self._org, component) if component else None


def app_of(org: str, component: Component) -> App:
    """The app that a component describes.

    Raises OrgError when what it holds as a certificate is none, and AnswerLost when what must be a text is none.
    """
    full_name = component.full_name
    certificate = certificate_in(org, full_name, component.text("oauthConfig", "certificate"))
    return App(Kind.APP, full_name, component.text("oauthConfig", "consumerKey"), certificate, component)
