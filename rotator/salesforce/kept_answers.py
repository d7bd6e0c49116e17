"""What orgs have answered that spares those who come next in the same process a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.kept import Kept

if TYPE_CHECKING:
    from rotator.salesforce.apps.directory import Listed
    from rotator.salesforce.session import Opened

MOST_ORGS: Final = 5_000
"""A session has 500 bytes, a list of apps 100 for each app."""

MOST_CONSUMERS: Final = 20_000
"""One has 200 bytes."""


class KeptAnswers:
    """By org. Threads may share it."""

    def __init__(self) -> None:
        self.sessions: Final[Kept[Opened]] = Kept(MOST_ORGS)
        self.lists: Final[Kept[Listed]] = Kept(MOST_ORGS)
        """Which apps there are."""
        self.consumers: Final[Kept[str]] = Kept(MOST_CONSUMERS)
        """The ids of consumers, by org and id of their app."""
        self.not_updated: Final[Kept[str]] = Kept(MOST_ORGS)
        """Which types are written by deployments, as the org refuses to update them; by org and type."""
