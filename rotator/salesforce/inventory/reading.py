"""Components read ten at a time, or many at once; one that cannot be read is alone and named, and costs no other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.observed import Kind
from rotator.errors import OrgError, OrgUnavailable
from rotator.portions import portions
from rotator.salesforce.faults import CLOSED, may_be_of_one
from rotator.salesforce.metadata import ATTEMPTS, FEWER_ATTEMPTS, READ_LIMIT
from rotator.salesforce.permissions import needed_to_see, takes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from rotator.salesforce.component import Component
    from rotator.salesforce.inventory.read_ahead import ReadAhead
    from rotator.salesforce.metadata import Listing

LOG: Final = logging.getLogger(__name__)

RETRIEVED_FROM: Final = 100
"""Connected apps; of fewer it takes no more calls to read ten in each, and an org answers at once."""

MOST_ALONE: Final = 20
"""Components of one type that cannot be read: with more of them it is the org that cannot."""


@dataclass(frozen=True)
class Unread:
    """What could not be read: one component, or a whole type. It may be there all the same."""

    kind: Kind
    error: OrgError
    app: str = ""
    """The component's name; empty where it is nothing of the type."""


class ComponentReader:
    """Reads components of one org, and remembers what could not be read."""

    def __init__(self, org: str, metadata: ReadAhead) -> None:
        self.org: Final = org
        self.metadata: Final = metadata
        self.unread: Final[list[Unread]] = []

    def components(
        self, kind: Kind, metadata_type: str, listings: Sequence[Listing]
    ) -> Iterator[list[tuple[Listing, Component | None]]]:
        """Components with their listings, in any order, ten together, so that no more of them are in memory.

        `kind` is what holds a certificate by them. Raises the error of the first that cannot be read where none can, or
        where there are many.
        """
        alone: list[OrgError] = []
        unread = listings
        # Whoever reads ahead has begun to read them. Of apps of the other kind it is not known whether an archive shows
        # what a read shows.
        if metadata_type == Kind.APP and len(listings) >= RETRIEVED_FROM and not self.metadata.reads_ahead:
            unread = yield from self._retrieved(metadata_type, listings)
        for some in portions(unread, READ_LIMIT):
            yield from self._narrowed(kind, metadata_type, some, alone, ATTEMPTS)
            if len(alone) > MOST_ALONE or len(alone) == len(listings) > 1:
                raise alone[0]

    def _retrieved(
        self, metadata_type: str, listings: Sequence[Listing]
    ) -> Generator[list[tuple[Listing, Component | None]], None, list[Listing]]:
        """What one retrieve brings of them; returns those that it does not bring."""
        missing = {listing.full_name: listing for listing in listings}
        found: list[tuple[Listing, Component | None]] = []
        try:
            for component in self.metadata.retrieve(metadata_type, [*missing]):
                if listing := missing.pop(component.full_name, None):
                    found.append((listing, component))
                if len(found) == READ_LIMIT:
                    yield found
                    found = []
        except CLOSED:
            raise
        except OrgError as error:
            LOG.info("apps are read ten in a call: %s", error.message, extra={"org": self.org})
        yield found
        return [*missing.values()]

    def _narrowed(
        self, kind: Kind, metadata_type: str, some: Sequence[Listing], alone: list[OrgError], attempts: int
    ) -> Iterator[list[tuple[Listing, Component | None]]]:
        """Reads some components at once, and halves of them where that fails, until what fails is alone."""
        try:
            found = self.metadata.read(metadata_type, [listing.full_name for listing in some], attempts=attempts)
        except OrgError as error:
            if not may_be_of_one(error) or len(alone) > MOST_ALONE:
                raise
            if len(some) == 1:
                alone.append(error)
                self.note_one(kind, some[0].full_name, error.message)
                yield [(some[0], None)]
                return
            half = len(some) // 2
            for part in (some[:half], some[half:]):
                yield from self._narrowed(kind, metadata_type, part, alone, FEWER_ATTEMPTS)
        else:
            yield [*zip(some, found, strict=True)]

    def note_one(self, kind: Kind, name: str, why: str) -> None:
        """Remembers a component that cannot be read."""
        told = OrgError(
            f"{name} in the org {self.org} cannot be read: {why}",
            effect="The rest of the org was read.",
            hint="Look at it in Setup; what was last seen of it counts until it can be read.",
        )
        self.unread.append(Unread(kind, told, name))

    def note_type(self, kind: Kind, what: str, error: OrgError) -> None:
        """Remembers a type of which nothing can be read; `what` is what that has, in words."""
        is_away = isinstance(error, OrgUnavailable)
        told = (OrgUnavailable if is_away else OrgError)(
            f"The org {self.org} does not show {what}{'' if is_away else f', {takes(kind)}'}. {error.message}",
            effect="The rest of the org was read.",
            hint=error.hint if is_away else needed_to_see(kind),
        )
        self.unread.append(Unread(kind, told))
