"""What keys and certificates are called, and how strong they are to be: for those, too, who read none.

Apart from `keys` and `certificates`, whose library takes 15 MB of memory and 70 ms of every command that imports it.
"""

from __future__ import annotations

from typing import Final

KEY_SIZES: Final = (2048, 3072, 4096)
"""RSA key sizes in bits that may be generated."""

WEAKEST: Final = 2048
"""Bits of an RSA key below which the program does not log in with it."""

SMALLEST_EXPONENT: Final = 65537

RSA: Final = "RSA"
"""Name of the only kind of key that a login by JWT takes (RS256)."""

RETIRED_COMMON_NAME: Final = "retired by rotator"
"""Common name of a throwaway certificate, whose key nobody has."""

THROWAWAY_SUBJECT: Final = f"CN={RETIRED_COMMON_NAME}"
"""Subject of a certificate that was made to end an app's old key, and whose own key nobody has."""
