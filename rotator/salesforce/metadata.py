"""Components of an org, read and written over the Metadata API."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from rotator.core.retry import BackOff, Waiting
from rotator.errors import OrgError, OrgUnavailable, WriteUncertain
from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import WrongShape
from rotator.portions import portions
from rotator.salesforce import rest
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.component import Component
from rotator.salesforce.faults import DailyLimitReached, from_fault, in_shape
from rotator.salesforce.record_values import time_in
from rotator.salesforce.soap import API_VERSION, SMALL, call, children, element, is_nil, qualified, text_of, texts_of
from rotator.salesforce.transport import AnswerLost, AnswerTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lxml import etree

    from rotator.core.secret import Secret
    from rotator.net.shapes import Fields
    from rotator.salesforce.rest import DailyCalls
    from rotator.salesforce.session import OrgSession
    from rotator.salesforce.transport import Transport

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

FEWER_ATTEMPTS: Final = 2
"""For parts of what has failed as a whole after all attempts."""

PATIENCE: Final = 120.0
"""Seconds since the first attempt after which no repeat is begun."""

PAUSES: Final = BackOff(timedelta(seconds=2), timedelta(seconds=30))
"""Between one call and its repeat."""

_T = TypeVar("_T")


class Listing(NamedTuple):
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
        self.waiting: Final = waiting or Waiting(PATIENCE)
        """The clocks of whoever waits for something in this org, too."""

    def describe(self) -> frozenset[str]:
        """The types of metadata that this org and user have. It also proves that the user may use the Metadata API."""
        asked = [element("asOfVersion", API_VERSION)]
        return self.ask("describeMetadata", asked, _types, size=DESCRIBE_SIZE)

    def list_components(self, *metadata_types: str, attempts: int = ATTEMPTS) -> list[Listing]:
        """All components of some types, by full name. A type that is refused refuses all."""
        found: list[Listing] = []
        for some in portions(metadata_types, LIST_LIMIT):
            queries = [element("queries", element("type", each)) for each in some]
            asked = [*queries, element("asOfVersion", API_VERSION)]
            found += self.ask("listMetadata", asked, _listings, size=LIST_SIZE, attempts=attempts)
        return sorted(found, key=lambda listing: listing.full_name)

    def newest_version(self) -> str:
        """The newest version of its API that the org offers."""
        return self._over_rest(rest.newest_version)

    def daily_calls(self) -> DailyCalls:
        """How often the org may be called in a day."""
        return self._over_rest(rest.daily_calls)

    def query(self, text: str) -> list[Fields]:
        """Rows of a query to the Tooling API, which has what the Metadata API shows in no read."""
        return self._over_rest(partial(rest.query, text=text))

    def external_apps(self) -> list[str]:
        """Every external client app of the org, by full name, whether the Metadata API shows it or not."""
        return self._over_rest(rest.external_apps)

    @property
    def user_id(self) -> str:
        """Id of the program's user in the org; empty where the org did not tell."""
        return self._session.user_id

    def _over_rest(self, ask: Callable[[str, Transport, str, Secret], _T]) -> _T:
        def once(instance_url: str, token: Secret) -> _T:
            return ask(self.org, self._session.transport, instance_url, token)

        return self._repeating(worth_repeating, lambda: self._session.call(once))

    def read(
        self, metadata_type: str, full_names: Sequence[str], *, attempts: int = ATTEMPTS
    ) -> list[Component | None]:
        """Components in the order asked for; None where one is missing or the user may not read it.

        Salesforce answers both in the same way.
        """
        found: dict[str, Component] = {}
        for names in portions(full_names, READ_LIMIT):
            asked = [element("type", metadata_type), *(element("fullNames", name) for name in names)]
            size = SMALL + COMPONENT_SIZE * len(names)
            understood = partial(_records, self.org, metadata_type)
            records = self.ask("readMetadata", asked, understood, size=size, attempts=attempts)
            found |= {record.full_name.casefold(): record for record in records}
        return [found.get(name.casefold()) for name in full_names]

    def update(self, component: Component) -> None:
        """Writes a whole component; what it leaves out is reset.

        Raises WriteUncertain when the answer was lost: the write may or may not have taken effect, and is not repeated.
        After any other error nothing was written (`rotator.salesforce.faults`).
        """
        try:
            self.change("updateMetadata", [component.sent_as("metadata")], self._is_saved)
        except AnswerLost as lost:
            raise WriteUncertain(
                f"The org {self.org} was asked to change {component.full_name}, and its answer was lost.",
                effect="The change may or may not have been made.",
                hint=lost.hint,
                rerun=lost.rerun,
            ) from None
        except OrgError as error:
            error.wrote_nothing = True
            raise

    def _is_saved(self, results: list[etree._Element]) -> None:
        """Raises what an update was refused with, and WrongShape when it is not told how it went."""
        for result in results:
            if text_of(result, "success") in {"true", "1"}:
                return
            for error in children(result, "errors"):
                raise from_fault(self.org, text_of(error, "statusCode"), text_of(error, "message"))
        raise WrongShape("it does not tell how it went")

    def ask(
        self,
        operation: str,
        asked: list[etree._Element],
        understood: Callable[[list[etree._Element]], _T],
        *,
        size: int = SMALL,
        attempts: int = ATTEMPTS,
        changes: bool = False,
    ) -> _T:
        """What a call is answered that may be made again: it is repeated while the org is away or busy.

        `understood` makes of the results what is given back, and raises WrongShape where they are none; `changes` is
        whether the call changes something, the same however often it is made.
        """
        send = self._session.change if changes else self._session.call
        return self._repeating(worth_repeating, lambda: self._call(send, operation, asked, understood, size), attempts)

    def change(
        self,
        operation: str,
        asked: list[etree._Element],
        understood: Callable[[list[etree._Element]], _T],
        *,
        size: int = SMALL,
    ) -> _T:
        """What a call that changes something is answered: it is repeated while it is certain that nothing was done.

        Raises AnswerLost when it may have been done.
        """
        send = self._session.change
        return self._repeating(nothing_done, lambda: self._call(send, operation, asked, understood, size))

    def _repeating(self, safe: Callable[[Exception], bool], call: Callable[[], _T], attempts: int = ATTEMPTS) -> _T:
        return self.waiting.call(call, again=safe, back_off=PAUSES, at_most=attempts)

    def _call(
        self,
        send: Callable[[Callable[[str, Secret], _T]], _T],
        operation: str,
        asked: list[etree._Element],
        understood: Callable[[list[etree._Element]], _T],
        size: int,
    ) -> _T:
        """What the answer comes to. `understood` raises WrongShape for one that is none: it may pass, as one lost."""
        LOG.debug(operation, extra={"org": self.org})

        def once(instance_url: str, token: Secret) -> _T:
            transport = self._session.transport
            results = call(self.org, transport, instance_url, token, operation, asked, size=size)
            with in_shape(self.org):
                return understood(results)

        return send(once)


def nothing_done(error: Exception) -> bool:
    """Whether a call that changes something may be made again: it is certain that it did nothing, and it may pass."""
    return worth_repeating(error) and not isinstance(error, AnswerLost)


def worth_repeating(error: Exception) -> bool:
    """Whether a call that changes nothing may be made again: what failed may pass."""
    is_over = isinstance(error, DailyLimitReached | LimitReached | AnswerTooLarge)
    return isinstance(error, OrgUnavailable) and not is_over


def _types(results: list[etree._Element]) -> frozenset[str]:
    """The types that describeMetadata tells of. Raises WrongShape."""
    return frozenset(text_of(each, "xmlName") for each in children(_only(results), "metadataObjects"))


def _records(org: str, metadata_type: str, results: list[etree._Element]) -> list[Component]:
    """What readMetadata found; a component that is missing, or that the user may not read, is nil in it.

    Raises WrongShape when there is anything else in it than components of this type.
    """
    found = []
    for record in _only(results):
        if record.tag != qualified("records"):
            raise WrongShape("there is something else than components in it")
        if not is_nil(record):
            component = Component(org, record)
            if component.metadata_type != metadata_type:
                raise WrongShape(f"it holds something else than a {metadata_type}")
            found.append(component)
    return found


def _only(results: list[etree._Element]) -> etree._Element:
    if len(results) != 1:
        raise WrongShape(f"it has {len(results)} results")
    return results[0]


def _listings(results: list[etree._Element]) -> list[Listing]:
    """The lines of a listMetadata, but for those that name nothing. Raises WrongShape."""
    return [listing for result in results if (listing := _listing(result))]


def _listing(entry: etree._Element) -> Listing | None:
    metadata_type, full_name, changed_by, changed_at = texts_of(entry, *_OF_A_LISTING)
    if not (metadata_type and full_name):
        return None
    return Listing(metadata_type, full_name, changed_by, time_in(changed_at))


_OF_A_LISTING: Final = ("type", "fullName", "lastModifiedByName", "lastModifiedDate")
