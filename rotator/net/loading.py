"""requests, without what guesses encodings, as nothing here asks what encoding a text may have: 2.4 MB, and 5 ms.

requests does without where that is not installed. Here it cannot be imported just for this moment ("The import system",
"The module cache"); whoever wants it afterwards gets it.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, Final, cast

__all__ = ["requests"]

_GUESSES: Final = "charset_normalizer"
_MODULES: Final = cast("dict[str, Any]", sys.modules)

_MODULES.setdefault(_GUESSES, None)
try:
    with warnings.catch_warnings():
        # It says that it does without.
        warnings.simplefilter("ignore")
        import requests
finally:
    if _MODULES[_GUESSES] is None:
        del _MODULES[_GUESSES]
