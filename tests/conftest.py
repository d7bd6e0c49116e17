"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A test that is slow on a busy machine has not failed.
settings.register_profile("rotator", deadline=None)
settings.load_profile("rotator")
