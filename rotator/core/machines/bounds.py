"""How much one machine may be told to do: for the settings, which every command reads and most have one machine for."""

from __future__ import annotations

from typing import Final

MOST_AT_ONCE: Final = 64
"""So many jobs of a kind one machine may be told to carry out at once."""
