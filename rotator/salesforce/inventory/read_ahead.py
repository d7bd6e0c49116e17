"""Calls that will be needed, made in threads of their own: whoever waits for answers waits once, and reads in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rotator.portions import portions
from rotator.salesforce.metadata import ATTEMPTS, READ_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rotator.net.shapes import Fields
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import Listing, MetadataService


class Call(NamedTuple):
    """One call of a `MetadataService`."""

    method: str
    asked: tuple[Any, ...] = ()


def list_call(metadata_types: Sequence[str]) -> Call:
    """The list of some types."""
    return Call("list_components", tuple(metadata_types))


def read_calls(metadata_type: str, listings: Sequence[Listing]) -> list[Call]:
    """The reads of components, ten in a call."""
    names = [listing.full_name for listing in listings]
    return [Call("read", (metadata_type, tuple(some))) for some in portions(names, READ_LIMIT)]


def query_call(text: str) -> Call:
    """A query to the Tooling API."""
    return Call("query", (text,))


EXTERNAL_APPS: Final = Call("external_apps")


class ReadAhead:
    """Reads of one org, made before they are asked for: no more than `at_once` that nobody has asked for yet.

    So no more answers are in memory either. What a call raises is raised where its answer is asked for. It is for one
    thread; the calls are made in others, which end with the process.
    """

    def __init__(self, metadata: MetadataService, at_once: int) -> None:
        """With `at_once` 1 nothing is made ahead."""
        self._metadata: Final = metadata
        self._at_once: Final = at_once
        self._expected: Final[deque[Call]] = deque()
        self._begun: Final[dict[Call, Future[Any]]] = {}

    @property
    def reads_ahead(self) -> bool:
        """Whether what is expected is read before it is asked for."""
        return self._at_once > 1

    def expect(self, calls: Iterable[Call]) -> None:
        """These will be asked for, in this order."""
        if self.reads_ahead:
            self._expected.extend(calls)
            self._begin()

    def list_components(self, *metadata_types: str, attempts: int = ATTEMPTS) -> list[Listing]:
        """See MetadataService."""
        call = list_call(metadata_types)
        if call not in self._begun and call not in self._expected:
            return self._metadata.list_components(*metadata_types, attempts=attempts)
        found: list[Listing] = self._answer(call)
        return found

    def read(
        self, metadata_type: str, full_names: Sequence[str], *, attempts: int = ATTEMPTS
    ) -> list[Component | None]:
        """See MetadataService."""
        call = Call("read", (metadata_type, tuple(full_names)))
        if call not in self._begun and call not in self._expected:
            return self._metadata.read(metadata_type, full_names, attempts=attempts)
        found: list[Component | None] = self._answer(call)
        return found

    def retrieve(self, metadata_type: str, full_names: Sequence[str]) -> Iterator[Component]:
        """All of them in a few calls (`rotator.salesforce.inventory.retrieval`)."""
        from rotator.salesforce.inventory.retrieval import retrieved  # noqa: PLC0415 - few orgs have so many apps

        return retrieved(self._metadata, {metadata_type: full_names})

    def query(self, text: str) -> list[Fields]:
        """See MetadataService."""
        found: list[Fields] = self._answer(query_call(text))
        return found

    def external_apps(self) -> list[str]:
        """See MetadataService."""
        found: list[str] = self._answer(EXTERNAL_APPS)
        return found

    def _answer(self, call: Call) -> Any:
        if call in self._expected:
            self._expected.remove(call)
        end = self._begun.pop(call, None)
        if end is None:
            return self._make(call)
        try:
            return end.result()
        finally:
            self._begin()

    def _begin(self) -> None:
        while self._expected and len(self._begun) < self._at_once:
            call = self._expected.popleft()
            end: Future[Any] = Future()
            self._begun[call] = end
            threading.Thread(target=self._end, args=(call, end), daemon=True).start()

    def _end(self, call: Call, end: Future[Any]) -> None:
        try:
            end.set_result(self._make(call))
        except BaseException as error:  # raised where its answer is asked for
            end.set_exception(error)

    def _make(self, call: Call) -> Any:
        return getattr(self._metadata, call.method)(*call.asked)
