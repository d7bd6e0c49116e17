"""What was seen in an org before, beside what is there now: what is hidden, what has vanished."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from rotator.core.kinds import Kind
from rotator.errors import OrgError
from rotator.services.inventory.states import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from rotator.history.records import LastSighting
    from rotator.salesforce.inventory import Inventory

HIDDEN_FOR: Final = timedelta(days=7)
"""An org that shows none of its apps hides them, more likely than not: not until then do they count as gone."""

SHOWN_AFTER_GONE: Final = timedelta(days=30)
"""How long what has vanished is still in the inventory, unless the configuration names it."""

Place: TypeAlias = tuple[str, str]
"""A kind and a name, which Salesforce takes in any case."""


def place(kind: str, name: str) -> Place:
    """Where something is in an org."""
    return kind, name.casefold()


class Past:
    """The last sightings in one org."""

    def __init__(self, sightings: Iterable[LastSighting], now: datetime) -> None:
        self._last: Final = {place(last.app_type, last.app): last for last in sightings}
        self._now: Final = now

    def last(self, kind: str, name: str) -> LastSighting | None:
        """How something was last seen, if it ever was."""
        return self._last.get(place(kind, name))

    def hides_its_apps(self, inventory: Inventory) -> bool:
        """Whether the org shows no connected app, though it lately had some: whoever may not see them sees none."""
        if any(entry.kind == Kind.APP for entry in inventory.entries):
            return False
        seen = (last.last_seen for last in self._last.values() if last.app_type == Kind.APP and last.gone_at is None)
        return any(self._now - last_seen < HIDDEN_FOR for last_seen in seen)

    def unseen(
        self, inventory: Inventory, unread: Collection[str], configured: Collection[Place]
    ) -> Iterator[tuple[LastSighting, State]]:
        """What is not in the inventory: UNREADABLE where it may be there all the same, else VANISHED.

        `unread` are the kinds of which nothing could be read. What vanished long ago is left out, unless it is
        configured.
        """
        here = {place(entry.kind, entry.name) for entry in inventory.entries}
        unreadable = {place(entry.kind, entry.name) for entry in inventory.entries if entry.unreadable}
        for where, last in self._last.items():
            app = place(Kind.APP, last.app)
            is_part_of_unread = last.app_type == Kind.APP_SAML and (app in unreadable or Kind.APP in unread)
            if where in here:
                continue
            if last.app_type in unread or is_part_of_unread:
                yield last, State.UNREADABLE
            elif where in configured or self._is_news(last):
                yield last, State.VANISHED

    def _is_news(self, last: LastSighting) -> bool:
        return last.gone_at is None or self._now - last.gone_at < SHOWN_AFTER_GONE


def no_apps(org: str) -> OrgError:
    """What an org says that shows none of the apps it had."""
    return OrgError(
        f"The org {org} shows no connected app any more, though it had some.",
        effect="They are not taken for gone yet.",
        hint='See whether the program\'s user has lost "Customize Application" or "Manage Connected Apps".',
    )
