"""The templates of the pages (`rotator/web/pages`), which escape everything that they are given."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from starlette.responses import HTMLResponse

import rotator
from rotator.web.filters import filters

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER: Final = Path(__file__).parent / "pages"

STYLE: Final = (_FOLDER / "style.css").read_bytes()
ICON: Final = (_FOLDER / "icon.svg").read_bytes()

_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= filters()
_ENVIRONMENT.globals |= {"version": rotator.__version__, "style": hashlib.sha256(STYLE).hexdigest()[:8]}


def page(name: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """One page."""
    return HTMLResponse(_ENVIRONMENT.get_template(f"{name}.html").render(values), status)
