"""What orgs have answered that spares those who come next in the same process a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rotator.core.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotator.salesforce.apps.directory import Listed
    from rotator.salesforce.session import Opened

MOST_ORGS: Final = 5_000
"""A session has 500 bytes, a list of apps 100 for each app."""

MOST_CONSUMERS: Final = 20_000
"""One has 200 bytes."""


@dataclass(frozen=True)
class KeptAnswers:
    """By org, which is the first word of each name. Threads may share it."""

    sessions: Kept[Opened] = field(default_factory=lambda: Kept(MOST_ORGS))
    lists: Kept[Listed] = field(default_factory=lambda: Kept(MOST_ORGS))
    """Which apps there are."""
    consumers: Kept[str] = field(default_factory=lambda: Kept(MOST_CONSUMERS))
    """The ids of consumers, by org and id of their app."""
    not_updated: Kept[str] = field(default_factory=lambda: Kept(MOST_ORGS))
    """Which types are written by deployments, as the org refuses to update them; by org and type."""

    def of(self, orgs: Collection[str]) -> KeptAnswers:
        """A copy, of some orgs."""

        def is_theirs(name: str) -> bool:
            return name.partition(" ")[0] in orgs

        kept = (self.sessions.of(is_theirs), self.lists.of(is_theirs))
        return KeptAnswers(*kept, self.consumers.of(is_theirs), self.not_updated.of(is_theirs))
