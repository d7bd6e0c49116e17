"""Everything in an org that holds a certificate, managed by us or not.

Connected apps, for logins and for SAML; the identity providers that the org trusts; the org's own certificates.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.certificates import Certificate
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import CertificateError, LoginRefused, OrgError, OrgUnavailable
from rotator.net.shapes import WrongShape
from rotator.salesforce.apps.connected_app import app_of
from rotator.salesforce.faults import may_be_of_one
from rotator.salesforce.key_management import NEEDED, OTHERS, Uses, newest_rows, query_for, record
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.metadata import ATTEMPTS, READ_LIMIT, MetadataService

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotator.net.shapes import Fields
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import Listing
    from rotator.salesforce.session import OrgSession

LOG: Final = logging.getLogger(__name__)

MOST_ALONE: Final = 20
"""Components of one type that cannot be read: with more of them it is the org that cannot."""

FEWER_ATTEMPTS: Final = 2
"""For parts of what has failed as a whole after all attempts."""

_NEEDS: Final = {
    Kind.CERTIFICATE: ("its own certificates (Certificate and Key Management)", "View Setup and Configuration"),
    Kind.IDENTITY_PROVIDER: ("its single sign-on settings", "Customize Application"),
}


@dataclass(frozen=True)
class Unread:
    """What could not be read: one component, or a whole type. It may be there all the same."""

    kind: Kind
    error: OrgError
    app: str = ""
    """The component's name; empty where it is nothing of the type."""


@dataclass(frozen=True)
class Inventory:
    """All that was found in an org, by type and name, and what could not be read."""

    entries: tuple[ObservedCertificate, ...]
    unread: tuple[Unread, ...] = ()


Known = Callable[["Listing"], "Sequence[ObservedCertificate] | None"]
"""What is known of a component that need not be read; None when it must be."""


def inventory(
    session: OrgSession, metadata: MetadataService | None = None, *, known: Known = lambda _: None
) -> Inventory:
    """Reads an org. Raises OrgError, OrgUnavailable and LoginRefused when the connected apps cannot be read.

    What else can expire is left out where the program's user may not see it, and said in `unread`. Of what is `known`
    what is known is said; whether the org's own certificates are used by something only an inventory of all tells.
    """
    return _Reader(session.org, metadata or MetadataService(session), known).read()


class _Reader:
    def __init__(self, org: str, metadata: MetadataService, known: Known) -> None:
        self._org: Final = org
        self._metadata: Final = metadata
        self._known: Final = known
        self._uses: Final = Uses()
        self._unread: Final[list[Unread]] = []

    def read(self) -> Inventory:
        listed = self._listed()
        found = self._of_components(Kind.APP, listed[Kind.APP], self._app)
        found += self._read_or_note(Kind.IDENTITY_PROVIDER, listed, self._identity_providers)
        # The last one, when it is known what refers to them.
        found += self._read_or_note(Kind.CERTIFICATE, listed, self._certificates)
        return Inventory(tuple(found), tuple(self._unread))

    def _of_components(
        self,
        kind: Kind,
        listings: Sequence[Listing],
        understood: Callable[[Listing, Component | None], list[ObservedCertificate]],
    ) -> list[ObservedCertificate]:
        """What components hold, in the order of their listings: what is known of them, and the others read."""
        known = {listing: self._known(listing) for listing in listings}
        unknown = [listing for listing in listings if known[listing] is None]
        read = {listing: understood(listing, component) for listing, component in self._components(kind, unknown)}
        found = {listing: entries for listing, entries in known.items() if entries is not None} | read
        return [each for listing in listings for each in found.get(listing, ())]

    def _listed(self) -> dict[Kind, Sequence[Listing]]:
        """What there is, by type, in one call if the user may list every type."""
        kinds = (Kind.APP, Kind.IDENTITY_PROVIDER, Kind.CERTIFICATE)
        try:
            found = self._metadata.list_components(*kinds)
        except OrgError as error:
            if not may_be_of_one(error):
                raise
            return self._listed_one_by_one()
        return {kind: [listing for listing in found if listing.metadata_type == kind] for kind in kinds}

    def _listed_one_by_one(self) -> dict[Kind, Sequence[Listing]]:
        listed: dict[Kind, Sequence[Listing]] = {Kind.APP: self._metadata.list_components(Kind.APP)}
        for kind in _NEEDS:
            try:
                listed[kind] = self._metadata.list_components(kind)
            except LoginRefused:
                raise
            except OrgError as error:
                self._note(kind, error)
        return listed

    def _read_or_note(
        self,
        kind: Kind,
        listed: dict[Kind, Sequence[Listing]],
        read: Callable[[Sequence[Listing]], list[ObservedCertificate]],
    ) -> list[ObservedCertificate]:
        if kind not in listed:
            return []
        try:
            return read(listed[kind])
        except LoginRefused:
            raise
        except OrgError as error:
            self._note(kind, error)
            return []

    def _note(self, kind: Kind, error: OrgError) -> None:
        what, permission = _NEEDS[kind]
        is_away = isinstance(error, OrgUnavailable)
        hint = error.hint if is_away else f'Give the program\'s user the permission "{permission}".'
        told = (OrgUnavailable if is_away else OrgError)(
            f"The org {self._org} does not show {what}. {error.message}",
            effect="The rest of the org was read.",
            hint=hint,
        )
        self._unread.append(Unread(kind, told))

    def _components(self, kind: Kind, listings: Sequence[Listing]) -> Iterator[tuple[Listing, Component | None]]:
        """Components with their listings, no more of them in memory than one call gives.

        Raises the error of the first that cannot be read where none can, or where there are many.
        """
        alone: list[OrgError] = []
        for start in range(0, len(listings), READ_LIMIT):
            yield from self._narrowed(kind, listings[start : start + READ_LIMIT], alone, ATTEMPTS)
            if len(alone) > MOST_ALONE or len(alone) == len(listings) > 1:
                raise alone[0]

    def _narrowed(
        self, kind: Kind, some: Sequence[Listing], alone: list[OrgError], attempts: int
    ) -> Iterator[tuple[Listing, Component | None]]:
        """Reads some components at once, and halves of them where that fails, until what fails is alone."""
        try:
            found = self._metadata.read(kind, [listing.full_name for listing in some], attempts=attempts)
        except OrgError as error:
            if not may_be_of_one(error) or len(alone) > MOST_ALONE:
                raise
            if len(some) == 1:
                alone.append(error)
                self._note_one(kind, some[0], error.message)
                yield some[0], None
                return
            half = len(some) // 2
            for part in (some[:half], some[half:]):
                yield from self._narrowed(kind, part, alone, FEWER_ATTEMPTS)
        else:
            yield from zip(some, found, strict=True)

    def _note_one(self, kind: Kind, listing: Listing, why: str) -> None:
        told = OrgError(
            f"{listing.full_name} in the org {self._org} cannot be read: {why}",
            effect="The rest of the org was read.",
            hint="Look at it in Setup; what was last seen of it counts until it can be read.",
        )
        self._unread.append(Unread(kind, told, listing.full_name))

    def _app(self, listing: Listing, component: Component | None) -> list[ObservedCertificate]:
        here = self._place(listing, Kind.APP)
        if component is None:
            return [replace(here, is_readable=False)]
        try:
            app = app_of(self._org, component)
            found = [replace(here, client_id=app.client_id).holding(app.certificate)]
        except OrgError as error:
            self._note_one(Kind.APP, listing, error.message)
            found = [replace(here, is_readable=False)]
        try:
            self._uses.of_app(component)
            if text := component.text("samlConfig", "certificate"):
                found.append(self._holder(listing, Kind.APP_SAML, text))
        except OrgError as error:
            self._note_one(Kind.APP, listing, error.message)
        return found

    def _identity_providers(self, listings: Sequence[Listing]) -> list[ObservedCertificate]:
        return self._of_components(Kind.IDENTITY_PROVIDER, listings, self._identity_provider)

    def _identity_provider(self, listing: Listing, component: Component | None) -> list[ObservedCertificate]:
        nothing = replace(self._place(listing, Kind.IDENTITY_PROVIDER), is_readable=False)
        if component is None:
            return [nothing]
        try:
            self._uses.of_identity_provider(component)
            return [self._holder(listing, Kind.IDENTITY_PROVIDER, component.text("validationCert"))]
        except OrgError as error:
            self._note_one(Kind.IDENTITY_PROVIDER, listing, error.message)
            return [nothing]

    def _certificates(self, listings: Sequence[Listing]) -> list[ObservedCertificate]:
        known = [self._known(listing) for listing in listings]
        if all(each is not None for each in known):
            return [each for some in known for each in some or ()]
        rows = newest_rows(self._rows())
        # A row without a listing is of a certificate that was deleted.
        return [self._certificate(listing, rows.get(_without_namespace(listing.full_name))) for listing in listings]

    def _rows(self) -> list[Fields]:
        """What the org tells of its certificates; a field that it refuses is left out, unless nothing goes without."""
        try:
            return self._metadata.query(query_for((*NEEDED, *OTHERS)))
        except (OrgUnavailable, LoginRefused, SessionExpired):
            raise
        except OrgError:
            rows = self._metadata.query(query_for(NEEDED))
        fields: tuple[str, ...] = NEEDED
        for field in OTHERS:
            try:
                rows = self._metadata.query(query_for((*fields, field)))
            except (OrgUnavailable, LoginRefused, SessionExpired):
                raise
            except OrgError as error:
                LOG.info("a field is refused: %s", error.message, extra={"org": self._org})
            else:
                fields = (*fields, field)
        return rows

    def _certificate(self, listing: Listing, row: Fields | None) -> ObservedCertificate:
        here = self._place(listing, Kind.CERTIFICATE)
        try:
            told = record(row) if row else None
        except WrongShape as error:
            told = None
            self._note_one(Kind.CERTIFICATE, listing, f"{error}.")
        if told is None:
            return replace(here, is_readable=False)
        return replace(
            here,
            not_after=told.not_after,
            key_bits=told.key_bits or None,
            is_usable=told.is_usable,
            used_by=self._uses.of(told),
        )

    def _holder(self, listing: Listing, kind: Kind, text: str) -> ObservedCertificate:
        here = self._place(listing, kind)
        try:
            return here.holding(Certificate.parse(text))
        except CertificateError as error:
            self._note_one(kind, listing, error.message)
            return replace(here, is_readable=False)

    def _place(self, listing: Listing, kind: Kind) -> ObservedCertificate:
        return ObservedCertificate(
            org=self._org,
            app=listing.full_name,
            type=kind,
            last_modified_by=listing.last_modified_by,
            last_modified_at=listing.last_modified_at,
        )


def _without_namespace(full_name: str) -> str:
    """A developer name has no two underscores in a row; a package's namespace stands before them."""
    return full_name.rpartition("__")[2]
