"""Loads requests for a process that goes on."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Final, cast

_GUESSES: Final = "charset_normalizer"


def load_without_guesses() -> None:
    """Loads requests without what guesses encodings, as nothing here asks what encoding a text may have: 2.4 MB.

    requests does without where it is not installed. Here it cannot be imported just for that moment ("The import
    system", "The module cache"); whoever wants it afterwards gets it.
    """
    modules = cast("dict[str, Any]", sys.modules)
    if {_GUESSES, "requests"} & modules.keys():
        return
    modules[_GUESSES] = None
    try:
        with warnings.catch_warnings():
            # It says that it does without.
            warnings.simplefilter("ignore")
            import requests  # noqa: F401, PLC0415
    finally:
        del modules[_GUESSES]
