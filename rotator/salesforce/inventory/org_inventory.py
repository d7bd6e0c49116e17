"""Everything in an org that holds a certificate, managed by us or not.

Connected apps, for logins and for SAML; external client apps; the identity providers that the org trusts; the org's own
certificates.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from rotator.core.crypto.certificates import Certificate, Glance, Lenient
from rotator.core.observed import Kind, ObservedCertificate, facts_of
from rotator.errors import CertificateError, LoginRefused, OrgError, OrgUnavailable
from rotator.net.shapes import WrongShape
from rotator.portions import portions
from rotator.salesforce.apps.app import no_certificate
from rotator.salesforce.apps.directory import KIND_OF, SETTINGS_TYPE
from rotator.salesforce.faults import may_be_of_one
from rotator.salesforce.inventory.key_management import NEEDED, OTHERS, Uses, newest_rows, query_for, record
from rotator.salesforce.inventory.read_ahead import EXTERNAL_APPS, ReadAhead, list_call, query_call, read_calls
from rotator.salesforce.inventory.reading import ComponentReader
from rotator.salesforce.inventory.satellites import ExternalApps, Joined
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.metadata import ATTEMPTS, FEWER_ATTEMPTS, LIST_LIMIT, MetadataService

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rotator.net.shapes import Fields
    from rotator.salesforce.component import Component
    from rotator.salesforce.inventory.read_ahead import Call
    from rotator.salesforce.inventory.reading import Unread
    from rotator.salesforce.metadata import Listing
    from rotator.salesforce.session import OrgSession

LOG: Final = logging.getLogger(__name__)

TYPES: Final = (Kind.APP, Kind.EXTERNAL_APP, SETTINGS_TYPE, Kind.IDENTITY_PROVIDER, Kind.CERTIFICATE)
"""All that is listed."""

_SHOWN: Final = {
    Kind.APP: "its connected apps",
    Kind.EXTERNAL_APP: "its external client apps",
    Kind.IDENTITY_PROVIDER: "its single sign-on settings",
    Kind.CERTIFICATE: "its own certificates (Certificate and Key Management)",
}


@dataclass(frozen=True)
class Inventory:
    """All that was found in an org, by type and name, and what could not be read."""

    entries: tuple[ObservedCertificate, ...]
    unread: tuple[Unread, ...] = ()
    joined: Joined | None = None
    """What another look need not find out again of external client apps; None where they could not be looked at."""
    refused: frozenset[str] = frozenset()
    """The types that the user may not list."""
    absent: frozenset[str] = frozenset()
    """The types of which the org has nothing."""


Known = Callable[["Listing"], "Sequence[ObservedCertificate] | None"]
"""What is known of a component that need not be read; None when it must be."""


def inventory(
    session: OrgSession,
    metadata: MetadataService | None = None,
    *,
    known: Known = lambda _: None,
    joined: Joined | None = None,
    refused: Collection[str] = (),
    absent: Collection[str] = (),
    at_once: int = 1,
    certificates: Callable[[], Mapping[str, ObservedCertificate]] = dict,
) -> Inventory:
    """Reads an org. Raises OrgError, OrgUnavailable and LoginRefused when apps of neither kind can be read.

    What else can expire is left out where the program's user may not see it, and said in `unread`. Of what is `known`
    what is known is said; whether the org's own certificates are used by something only an inventory of all tells.
    `joined` is what an earlier look has found out of external client apps, `certificates` what is known of certificates
    by their fingerprints, which need not be read again; `at_once` how many calls are made at a time. Types that were
    `refused` before are asked for apart from the others, as one that is refused refuses all of its call; those of which
    the org had nothing (`absent`) where a call has room for them, and else they are taken to be absent still.
    """
    asking = ReadAhead(metadata or MetadataService(session), at_once)
    return _Reader(session.org, asking, known, joined, frozenset(refused), frozenset(absent), certificates).read()


class _Reader:
    def __init__(
        self,
        org: str,
        metadata: ReadAhead,
        known: Known,
        joined: Joined | None,
        refused: frozenset[str],
        absent: frozenset[str],
        certificates: Callable[[], Mapping[str, ObservedCertificate]],
    ) -> None:
        self._org: Final = org
        self._metadata: Final = metadata
        self._known: Final = known
        self._joined: Joined | None = joined
        self._known_certificates: Final = certificates
        self._uses: Final = Uses()
        self._reader: Final = ComponentReader(org, metadata)
        self._refused_before: Final = refused
        self._absent_before: Final = absent - refused - {Kind.APP}
        self._refused: Final[dict[str, OrgError]] = {}
        """The types that the user may not list."""

    def read(self) -> Inventory:
        self._metadata.expect([*map(list_call, self._together)])
        listed = self._listed()
        self._metadata.expect(self._reads_of(listed))
        if Kind.APP not in listed and Kind.EXTERNAL_APP not in listed and SETTINGS_TYPE not in listed:
            raise self._refused[Kind.APP]
        for kind, error in {KIND_OF.get(each) or Kind(each): error for each, error in self._refused.items()}.items():
            self._note(kind, error)
        found = self._of_components(Kind.APP, listed.get(Kind.APP, ()), self._app)
        found += self._read_or_note(Kind.EXTERNAL_APP, partial(self._external_apps, listed))
        if Kind.IDENTITY_PROVIDER in listed:
            providers = listed[Kind.IDENTITY_PROVIDER]
            found += self._read_or_note(Kind.IDENTITY_PROVIDER, partial(self._identity_providers, providers))
        if Kind.CERTIFICATE in listed:
            # The last one, when it is known what refers to them.
            found += self._read_or_note(Kind.CERTIFICATE, partial(self._certificates, listed[Kind.CERTIFICATE]))
        absent = frozenset(each for each, listings in listed.items() if not listings)
        return Inventory(tuple(found), tuple(self._reader.unread), self._joined, frozenset(self._refused), absent)

    @cached_property
    def _together(self) -> list[tuple[str, ...]]:
        """What is listed in one call each."""
        shown = [each for each in TYPES if each not in self._refused_before | self._absent_before]
        shown += [each for each in TYPES if each in self._absent_before][: -len(shown) % LIST_LIMIT]
        apart = [each for each in TYPES if each in self._refused_before]
        return [tuple(types) for some in (shown, apart) for types in portions(some, LIST_LIMIT)]

    def _reads_of(self, listed: Mapping[str, Sequence[Listing]]) -> Iterable[Call]:
        """What is read after the lists, in its order, where nothing is known."""
        yield from read_calls(Kind.APP, listed.get(Kind.APP, ()))
        yield from read_calls(SETTINGS_TYPE, listed.get(SETTINGS_TYPE, ()))
        if Kind.EXTERNAL_APP in listed or SETTINGS_TYPE in listed:
            yield EXTERNAL_APPS
        yield from read_calls(Kind.IDENTITY_PROVIDER, listed.get(Kind.IDENTITY_PROVIDER, ()))
        if listed.get(Kind.CERTIFICATE):
            yield query_call(query_for((*NEEDED, *OTHERS)))

    def _of_components(
        self,
        kind: Kind,
        listings: Sequence[Listing],
        understood: Callable[[Listing, Component | None], list[ObservedCertificate]],
    ) -> list[ObservedCertificate]:
        """What components hold, in the order of their listings: what is known of them, and the others read."""
        known = [self._known(listing) for listing in listings]
        unknown = [listing for listing, entries in zip(listings, known, strict=True) if entries is None]
        read: dict[str, list[ObservedCertificate]] = {}
        for some in self._reader.components(kind, kind, unknown):
            with Lenient():
                read |= {listing.full_name: understood(listing, component) for listing, component in some}
        entries = (
            read[listing.full_name] if each is None else each for listing, each in zip(listings, known, strict=True)
        )
        return [entry for each in entries for entry in each]

    def _listed(self) -> dict[str, Sequence[Listing]]:
        """What there is, by type, in as few calls as there may be if the user may list every type."""
        listed: dict[str, Sequence[Listing]] = dict.fromkeys(self._absent_before, ())
        for types in self._together:
            try:
                listed |= self._listed_together(types)
            except LoginRefused:
                raise
            except OrgError as error:
                if not may_be_of_one(error):
                    raise
                if self._refused_before.issuperset(types):
                    self._refused.update(dict.fromkeys(types, error))
                else:
                    alone = self._listed_one_by_one(types)
                    if not alone and listed.keys() == self._absent_before and isinstance(error, OrgUnavailable):
                        # Nothing was answered, to all of them or to one.
                        raise
                    listed |= alone
        return listed

    def _listed_together(self, types: Sequence[str], attempts: int = ATTEMPTS) -> dict[str, Sequence[Listing]]:
        found = self._metadata.list_components(*types, attempts=attempts)
        return {each: [listing for listing in found if listing.metadata_type == each] for each in types}

    def _listed_one_by_one(self, types: Sequence[str]) -> dict[str, Sequence[Listing]]:
        listed: dict[str, Sequence[Listing]] = {}
        for each in types:
            try:
                listed |= self._listed_together((each,), FEWER_ATTEMPTS)
            except LoginRefused:
                raise
            except OrgError as error:
                if not may_be_of_one(error):
                    raise
                self._refused[each] = error
        return listed

    def _read_or_note(self, kind: Kind, read: Callable[[], list[ObservedCertificate]]) -> list[ObservedCertificate]:
        try:
            return read()
        except LoginRefused:
            raise
        except OrgError as error:
            self._note(kind, error)
            return []

    def _note(self, kind: Kind, error: OrgError) -> None:
        self._reader.note_type(kind, _SHOWN[kind], error)

    def _external_apps(self, listed: dict[str, Sequence[Listing]]) -> list[ObservedCertificate]:
        if Kind.EXTERNAL_APP not in listed and SETTINGS_TYPE not in listed:
            return []
        apps = ExternalApps(self._reader, self._known, self._facts, self._joined)
        self._joined = None
        found, self._joined = apps.read(listed.get(Kind.EXTERNAL_APP, ()), listed.get(SETTINGS_TYPE))
        return found

    def _app(self, listing: Listing, component: Component | None) -> list[ObservedCertificate]:
        if component is None:
            return [self._place(listing, Kind.APP, is_readable=False)]
        try:
            found = [self._held(listing, component)]
        except OrgError as error:
            self._reader.note_one(Kind.APP, listing.full_name, error.message)
            found = [self._place(listing, Kind.APP, is_readable=False)]
        try:
            if text := self._uses.of_app(component):
                found.append(self._holder(listing, Kind.APP_SAML, text))
        except OrgError as error:
            self._reader.note_one(Kind.APP, listing.full_name, error.message)
        return found

    def _held(self, listing: Listing, component: Component) -> ObservedCertificate:
        text, client_id = component.texts("oauthConfig", "certificate", "consumerKey")
        try:
            facts = self._facts(text) if text else {}
        except CertificateError as error:
            raise no_certificate(self._org, component.full_name, error) from None
        return self._place(listing, Kind.APP, client_id=client_id, **facts)

    @cached_property
    def _certificates_before(self) -> Mapping[str, ObservedCertificate]:
        return self._known_certificates()

    def _facts(self, text: str) -> dict[str, Any]:
        """What is noted of a certificate: as before, if its dates are as they were noted. Raises CertificateError."""
        if not self._certificates_before:
            return facts_of(Certificate.parse(text))
        glance = Glance.at(text)
        before = self._certificates_before.get(glance.fingerprint)
        dates = (glance.not_before, glance.not_after)
        is_known = before is not None and (before.not_before, before.not_after) == dates
        return before.facts if before and is_known else facts_of(glance.whole())

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
            self._reader.note_one(Kind.IDENTITY_PROVIDER, listing.full_name, error.message)
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
            self._reader.note_one(Kind.CERTIFICATE, listing.full_name, f"{error}.")
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
        try:
            facts = self._facts(text)
        except CertificateError as error:
            self._reader.note_one(kind, listing.full_name, error.message)
            return self._place(listing, kind, is_readable=False)
        return self._place(listing, kind, **facts)

    def _place(self, listing: Listing, kind: Kind, **known: Any) -> ObservedCertificate:
        place = {"org": self._org, "app": listing.full_name, "type": kind}
        changed = {"last_modified_by": listing.last_modified_by, "last_modified_at": listing.last_modified_at}
        return ObservedCertificate.of_values(place | changed | known)


def _without_namespace(full_name: str) -> str:
    """A developer name has no two underscores in a row; a package's namespace stands before them."""
    return full_name.rpartition("__")[2]
