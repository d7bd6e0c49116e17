"""What was last seen in an org, beside what is there now: what is hidden, what has vanished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.certificate_life import is_still_shown, is_undated, was_there_lately
from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.inventory.reading import Unread
from rotator.salesforce.permissions import SHOWS
from rotator.services.inventory.whole_looks import whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from rotator.core.observed import ObservedCertificate, Place
    from rotator.salesforce.inventory.org_inventory import Inventory


class LastSeen:
    """What was last seen in one org."""

    def __init__(self, last_seen: Iterable[ObservedCertificate], now: datetime) -> None:
        self._last: Final = {last.place: last for last in last_seen}
        self._now: Final = now

    def dated(self, seen: ObservedCertificate) -> ObservedCertificate:
        """What was seen now, with whether the org's date of its last change tells that it has changed."""
        last = self._last.get(seen.place)
        # What need not be read again is told as it was.
        if last is None or last.is_vanished or seen is last or not seen.is_readable:
            return seen
        return replace(seen, is_undated=True) if is_undated(seen, last) else seen

    def looked_through(self, seen: ObservedCertificate) -> ObservedCertificate:
        """What was seen now; an app that showed its certificate before, and does not now, cannot be read."""
        last = self._last.get(seen.place)
        was_shown = last is not None and bool(last.fingerprint) and not last.is_vanished
        return replace(seen, is_readable=False) if was_shown and seen.is_hidden else seen

    def completed(self, seen: ObservedCertificate) -> ObservedCertificate:
        """What was seen now; what could not be read, with what is known of it from before."""
        last = self._last.get(seen.place)
        if seen.is_readable or last is None:
            return seen
        return replace(last, app=seen.app, is_readable=False, gone_at=None)

    def lost(self, inventory: Inventory) -> Iterator[Unread]:
        """What the org lists and does not show, though it was seen before; not what was never to be seen."""
        told = {(each.kind, each.app) for each in inventory.unread}
        for seen in inventory.entries:
            last = self._last.get(seen.place)
            if seen.is_readable or last is None or last.is_vanished or (seen.kind, seen.app) in told or not seen.kind:
                continue
            error = OrgError(
                f"{seen.app} in the org {seen.org} cannot be read any more: the org lists it, and does not show it.",
                effect="The rest of the org was read.",
                hint="See in Setup whether the program's user may still see it; what was last seen of it counts.",
            )
            yield Unread(seen.kind, error, seen.app)

    def hidden_kinds(self, inventory: Inventory) -> Iterator[Kind]:
        """The kinds of app of which the org shows none, though it lately had some: who may not see them sees none."""
        shown = {seen.type for seen in inventory.entries}
        lately = {last.type for last in self._last.values() if was_there_lately(last, self._now)}
        return (kind for kind in Kind if kind.is_app and kind in lately - shown)

    def unseen(
        self, inventory: Inventory, unread: Collection[str], configured: Collection[Place]
    ) -> Iterator[ObservedCertificate]:
        """What is not in the inventory: unreadable where it may be there all the same, else vanished.

        `unread` are the kinds of which nothing could be read. What vanished long ago is left out, unless it is
        configured.
        """
        here = {seen.place for seen in inventory.entries}
        unreadable = {seen.place for seen in inventory.entries if not seen.is_readable}
        for where, last in self._last.items():
            if where in here:
                continue
            component = whole(last)
            if not last.is_vanished and (last.type in unread or component.type in unread or component in unreadable):
                yield replace(last, is_readable=False)
            elif where in configured or is_still_shown(last, self._now):
                yield replace(last, gone_at=last.gone_at or self._now)


def no_apps(org: str, kind: Kind) -> OrgError:
    """What an org says that shows none of the apps of a kind that it had."""
    return OrgError(
        f"The org {org} shows no {kind.noun} any more, though it had some.",
        effect="They are not taken for gone yet.",
        hint=f'See whether the program\'s user has lost the permission "{SHOWS[kind]}".',
    )
