"""For how long a server says nothing that is not to answer at all."""

from __future__ import annotations

from typing import Final

FOR_GOOD: Final = 600.0
"""Seconds: nobody waits for so long, however busy the machine is; the end of the test ends it too."""
