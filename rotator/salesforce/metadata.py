"""Components of an org, read and written over the Metadata API."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from rotator.core.retry import BackOff, Waiting
from rotator.errors import OrgUnavailable, WriteUncertain
from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.salesforce import rest
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.faults import DailyLimitReached, from_fault, from_status
from rotator.salesforce.soap import API_VERSION, SMALL, call, entries_of, text_of
from rotator.salesforce.transport import AnswerLost, AnswerTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.core.secret import Secret
    from rotator.net.shapes import Fields
    from rotator.salesforce.session import OrgSession

LOG: Final = logging.getLogger(__name__)

READ_LIMIT: Final = 10
"""Components that one readMetadata takes."""

LIST_LIMIT: Final = 3
"""Types that one listMetadata takes (Metadata API Developer Guide, listMetadata)."""

LIST_SIZE: Final = 8 * MEGABYTE
"""Bytes of one listMetadata: some 12,000 components."""

COMPONENT_SIZE: Final = 512 * KILOBYTE
"""Bytes of one component in readMetadata; a connected app has 2 to 30 kB."""

DESCRIBE_SIZE: Final = 2 * MEGABYTE

ATTEMPTS: Final = 6
"""How often a call is made in all, when it is safe to repeat."""

PATIENCE: Final = 120.0
"""Seconds since the first attempt after which no repeat is begun."""

_PAUSES: Final = BackOff(timedelta(seconds=2), timedelta(seconds=30))

Component: TypeAlias = Any
"""A component as zeep read it: every element of the WSDL is an attribute, None or empty where it was not there."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Listing:
    """One line of listMetadata."""

    metadata_type: str
    full_name: str
    last_modified_by: str
    last_modified_at: datetime | None
    """None when the org tells no such time."""


class MetadataService:
    """Metadata calls in one org.

    Reads are repeated while the org is away or busy; a write only while it is certain that nothing was done. All raise
    OrgError, OrgUnavailable and LoginRefused.
    """

    def __init__(self, session: OrgSession, waiting: Waiting | None = None) -> None:
        """`waiting` is for another patience than the usual, or other clocks."""
        self.org: Final = session.org
        self._session: Final = session
        self._waiting: Final = waiting or Waiting(PATIENCE)

    def describe(self) -> frozenset[str]:
        """The types of metadata that this org and user have. It also proves that the user may use the Metadata API."""
        result = self._reading("describeMetadata", float(API_VERSION), size=DESCRIBE_SIZE)
        types = self._entries(getattr(result, "metadataObjects", ()))
        return frozenset(text_of(entry, "xmlName") for entry in types)

    def list_components(self, *metadata_types: str) -> list[Listing]:
        """All components of some types, by full name. A type that is refused refuses all."""
        found: list[Any] = []
        for start in range(0, len(metadata_types), LIST_LIMIT):
            queries = [{"type": each} for each in metadata_types[start : start + LIST_LIMIT]]
            found += self._entries(self._reading("listMetadata", queries, float(API_VERSION), size=LIST_SIZE))
        listings = (_listing(entry) for entry in found)
        return sorted((each for each in listings if each), key=lambda listing: listing.full_name)

    def query(self, text: str) -> list[Fields]:
        """Rows of a query to the Tooling API, which has what the Metadata API shows in no read."""

        def once(instance_url: str, token: Secret) -> list[Fields]:
            return rest.query(self.org, self._session.transport, instance_url, token, text)

        return self._repeating(_worth_repeating, lambda: self._session.call(once))

    def read(
        self, metadata_type: str, full_names: Sequence[str], *, attempts: int = ATTEMPTS
    ) -> list[Component | None]:
        """Components in the order asked for; None where one is missing or the user may not read it.

        Salesforce answers both in the same way.
        """
        found: dict[str, Component] = {}
        for start in range(0, len(full_names), READ_LIMIT):
            names = list(full_names[start : start + READ_LIMIT])
            size = SMALL + COMPONENT_SIZE * len(names)
            records = self._entries(self._reading("readMetadata", metadata_type, names, size=size, attempts=attempts))
            found |= {text_of(record, "fullName").casefold(): record for record in records}
        return [found.get(name.casefold()) for name in full_names]

    def update(self, component: Component) -> None:
        """Writes a whole component; what it leaves out is reset.

        Raises WriteUncertain when the answer was lost: the write may or may not have taken effect, and is not repeated.
        """
        try:
            self._repeating(_nothing_done, lambda: self._update_once(component))
        except AnswerLost as lost:
            raise WriteUncertain(
                f"The org {self.org} was asked to change {component.fullName}, and its answer was lost.",
                effect="The change may or may not have been made.",
                hint=lost.hint,
                rerun=lost.rerun,
            ) from None

    def _update_once(self, component: Component) -> None:
        results = self._call("updateMetadata", [component])
        for result in self._entries(results):
            if getattr(result, "success", None) is True:
                return
            for error in self._entries(getattr(result, "errors", None)):
                raise from_fault(self.org, text_of(error, "statusCode"), text_of(error, "message"))
        raise from_status(self.org, 200)

    def _entries(self, answer: Any) -> list[Any]:
        """The entries of a list in an answer. Raises AnswerLost for what is none."""
        try:
            return entries_of(answer)
        except TypeError:
            raise from_status(self.org, 200, why="what must be a list is none") from None

    def _reading(self, operation: str, *arguments: Any, size: int, attempts: int = ATTEMPTS) -> Any:
        return self._repeating(_worth_repeating, lambda: self._call(operation, *arguments, size=size), attempts)

    def _repeating(self, safe: Callable[[Exception], bool], call: Callable[[], _T], attempts: int = ATTEMPTS) -> _T:
        return self._waiting.call(call, again=safe, back_off=_PAUSES, at_most=attempts)

    def _call(self, operation: str, *arguments: Any, size: int = SMALL) -> Any:
        LOG.debug(operation, extra={"org": self.org})

        def once(instance_url: str, token: Secret) -> Any:
            return call(self.org, self._session.transport, instance_url, token, operation, *arguments, size=size)

        return self._session.call(once)


def _nothing_done(error: Exception) -> bool:
    return _worth_repeating(error) and not isinstance(error, AnswerLost)


def _worth_repeating(error: Exception) -> bool:
    is_over = isinstance(error, DailyLimitReached | LimitReached | AnswerTooLarge)
    return isinstance(error, OrgUnavailable) and not is_over


def _listing(entry: Any) -> Listing | None:
    """A line of a list; None for one that names nothing."""
    metadata_type, full_name = text_of(entry, "type"), text_of(entry, "fullName")
    if not (metadata_type and full_name):
        return None
    return Listing(metadata_type, full_name, text_of(entry, "lastModifiedByName"), _moment(entry))


def _moment(entry: Any) -> datetime | None:
    changed_at = getattr(entry, "lastModifiedDate", None)
    try:
        return changed_at.astimezone(UTC) if isinstance(changed_at, datetime) else None
    except (OverflowError, ValueError):
        # The first and the last day that there are, in a zone in which they are outside.
        return None
