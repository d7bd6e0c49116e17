"""A call of a hook, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from rotator.core.hook import HookCall, HookEvent

CALL: Final = HookCall(
    id="reload-7-0123456789ab",
    event=HookEvent.ROTATED,
    credential="billing",
    org="production",
    at=datetime(2027, 1, 4, 8, tzinfo=UTC),
    rotation_id="20270104-abcdefgh",
    why="It was due.",
    old_fingerprint="ab" * 32,
    new_fingerprint="cd" * 32,
)
