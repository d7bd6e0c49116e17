"""External client apps in an inventory: each from the components that name it, wherever its certificate stands.

The header has the app's name, and nothing of its logins. The certificate is in its global OAuth settings, a component
under a name of its own that says which app it belongs to (Metadata API Developer Guide,
ExtlClntAppGlobalOauthSettings). Whether the certificate comes back is not documented: an app that is shown without one
is taken for one whose certificate is hidden, and never for one that has none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rotator.core.crypto.certificates import Lenient
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import CertificateError, LoginRefused, OrgError, OrgUnavailable
from rotator.salesforce.apps.app import no_certificate
from rotator.salesforce.apps.directory import SETTINGS_TYPE
from rotator.salesforce.apps.external_client_app import APP_ELEMENT
from rotator.salesforce.login import SessionExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rotator.salesforce.component import Component
    from rotator.salesforce.inventory.reading import ComponentReader
    from rotator.salesforce.metadata import Listing

LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Joined:
    """What only a reading of components, and a query, tells of an org's external client apps."""

    app_of: Mapping[str, str] = field(default_factory=dict)
    """The app that each component with OAuth settings names, by the component's name."""
    unlisted: tuple[str, ...] = ()
    """Apps that the org has and the Metadata API does not show."""


class ExternalApps:
    """The external client apps of one org, as far as a look shows them."""

    def __init__(
        self,
        reader: ComponentReader,
        known: Callable[[Listing], Sequence[ObservedCertificate] | None],
        facts: Callable[[str], Mapping[str, Any]],
        joined: Joined | None,
    ) -> None:
        """`known` is asked for each app; `joined` is of an earlier look, None where all is to be read.

        `facts` makes of a certificate's text what is noted of it, and raises CertificateError.
        """
        self._reader: Final = reader
        self._known: Final = known
        self._facts: Final = facts
        self._joined: Final = joined
        self._app_of: Final[dict[str, str]] = {}
        self._is_all_joined = True

    def read(
        self, headers: Sequence[Listing], settings: Sequence[Listing] | None
    ) -> tuple[list[ObservedCertificate], Joined]:
        """What is there, by name, and how it belongs together.

        `settings` are the components that hold certificates, None where the org lists none of their type to this user.
        Raises OrgError, OrgUnavailable and LoginRefused when none can be read.
        """
        found: dict[str, ObservedCertificate] = {}
        for entry in self._with_settings(settings or ()):
            if found.setdefault(entry.app.casefold(), entry) is not entry:
                self._reader.note_one(
                    Kind.EXTERNAL_APP, entry.app, "several components say that they are its settings."
                )
                found[entry.app.casefold()] = replace(self._place(entry.app, None), is_readable=False)
        is_readable = settings is not None and self._is_all_joined
        for header in headers:
            if header.full_name.casefold() not in found:
                bare = replace(self._place(header.full_name, header), is_readable=is_readable)
                found[header.full_name.casefold()] = bare
        unlisted = tuple(each for each in self._names() if each.casefold() not in found)
        for name in unlisted:
            found[name.casefold()] = self._place(name, None)
        return sorted(found.values(), key=lambda each: each.app), Joined(self._app_of, unlisted)

    def _with_settings(self, settings: Sequence[Listing]) -> Iterator[ObservedCertificate]:
        """The apps that a component names, with what stands in it."""
        unknown = []
        for listing in settings:
            app = self._joined.app_of.get(listing.full_name) if self._joined else None
            known = self._known(listing._replace(metadata_type=Kind.EXTERNAL_APP, full_name=app)) if app else None
            if app is None or known is None:
                unknown.append(listing)
            else:
                self._app_of[listing.full_name] = app
                yield from known
        for some in self._reader.components(Kind.EXTERNAL_APP, SETTINGS_TYPE, unknown):
            with Lenient():
                found = [entry for each in some for entry in self._understood(*each)]
            yield from found

    def _understood(self, listing: Listing, component: Component | None) -> Iterator[ObservedCertificate]:
        if component is None:
            # Whose they are is not known: of any app without settings it may be.
            self._is_all_joined = False
            return
        name, why = "", "it does not say which app it belongs to."
        try:
            name = component.text(APP_ELEMENT)
            if name:
                text, client_id = component.text("certificate").strip(), component.text("consumerKey")
                facts = self._facts(text) if text else {}
                yield replace(self._place(name, listing), client_id=client_id, **facts)
                self._app_of[listing.full_name] = name
                return
        except CertificateError as error:
            why = no_certificate(self._reader.org, name, error).message
        except OrgError as error:
            why = error.message
        self._reader.note_one(Kind.EXTERNAL_APP, name or listing.full_name, why)
        if name:
            yield replace(self._place(name, listing), is_readable=False)
        else:
            self._is_all_joined = False

    def _names(self) -> Sequence[str]:
        """Every app that the org has, in so far as a query tells: the Metadata API may not show those made in Setup."""
        if self._joined is not None:
            return self._joined.unlisted
        try:
            return self._reader.metadata.external_apps()
        except (OrgUnavailable, LoginRefused, SessionExpired):
            raise
        except OrgError as error:
            LOG.info("apps cannot be queried: %s", error.message, extra={"org": self._reader.org})
            return ()

    def _place(self, app: str, listing: Listing | None) -> ObservedCertificate:
        return ObservedCertificate(
            org=self._reader.org,
            app=app,
            type=Kind.EXTERNAL_APP,
            last_modified_by=listing.last_modified_by if listing else None,
            last_modified_at=listing.last_modified_at if listing else None,
        )
