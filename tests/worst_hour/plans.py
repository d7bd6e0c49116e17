"""Which rotations are led on which machines: a choice that covers each pair, and the whole product."""

from __future__ import annotations

from typing import Final

from rotator.core.decision.policies import Strategy
from tests.worst_hour.endings import ENDINGS
from tests.worst_hour.hours import Following, Plan

_ONE, _PAIR = Strategy.IN_PLACE, Strategy.ALTERNATING
_IN_TURN: Final = tuple((ending, (_ONE, _PAIR)[number % 2]) for number, ending in enumerate(ENDINGS))
_THE_OTHERS: Final = tuple((ending, (_PAIR, _ONE)[number % 2]) for number, ending in enumerate(ENDINGS))

CHOSEN: Final = (
    Plan("fast", (Following.CRASH, Following.FORWARD, Following.AGAIN, Following.MENDED), _IN_TURN),
    Plan("slow", (Following.AGAIN, Following.CRASH, Following.BACK, Following.MENDED), _THE_OTHERS),
)
"""Each ending in both strategies, followed by nothing, a crash, a set clock, a second halt and a mend, in this order.

So every ending meets everything that may follow, in place on one machine and with two apps on the other; and what
follows comes on top of what came before.
"""

ALL: Final = tuple(
    Plan(following.name.lower(), (following,), tuple((ending, strategy) for ending in ENDINGS for strategy in Strategy))
    for following in Following
)
"""Each ending in both strategies, followed by one thing alone."""
