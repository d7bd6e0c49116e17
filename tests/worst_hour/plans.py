"""Which rotations are led on which machines: a choice that covers each pair, and the whole product."""

from __future__ import annotations

from itertools import product
from typing import Final

from rotator.core.decision.policies import Strategy
from tests.worst_hour.endings import ENDINGS
from tests.worst_hour.hours import Following, Plan

_ONE, _PAIR = Strategy.IN_PLACE, Strategy.ALTERNATING
_IN_TURN: Final = tuple((ending, (_ONE, _PAIR)[number % 2]) for number, ending in enumerate(ENDINGS))
_THE_OTHERS: Final = tuple((ending, (_PAIR, _ONE)[number % 2]) for number, ending in enumerate(ENDINGS))

_FAST: Final = (Following.CRASH, Following.FORWARD, Following.AGAIN, Following.MENDED)
_SLOW: Final = (Following.AGAIN, Following.CRASH, Following.BACK, Following.MENDED)
_HALF: Final = len(ENDINGS) // 2

CHOSEN: Final = (Plan("fast", _FAST, _IN_TURN), Plan("slow", _SLOW, _THE_OTHERS))
"""Each ending in both strategies, followed by nothing, a crash, a set clock, a second halt and a mend, in this order.

So every ending meets everything that may follow, in place on one machine and with two apps on the other; and what
follows comes on top of what came before.
"""

STANDARD: Final = (Plan("fast", _FAST, _IN_TURN[:_HALF:3]),)
"""Of those two endings, one in place and one with two apps."""

ALL: Final = tuple(
    Plan(following.name.lower(), (following,), tuple(product(ENDINGS, (_ONE, _PAIR)))) for following in Following
)
"""Each ending in both strategies, followed by one thing alone."""
