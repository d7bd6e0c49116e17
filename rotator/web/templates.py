"""The templates, and what is written in them alone: whole fingerprints, details, sentences with code in them."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

import rotator
from rotator.core import words
from rotator.core.credentials import is_fingerprint
from rotator.core.thresholds import has_come
from rotator.plain_text import lines, substituted
from rotator.services.inventory.remarks import remark_on
from rotator.services.schedule.jobs import label_of
from rotator.services.usage.shown import usage_of
from rotator.web.looks import look_of, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import jinja2

_FOLDER: Final = Path(__file__).parent / "pages"

STYLE: Final = (_FOLDER / "style.css").read_bytes()
ICON: Final = (_FOLDER / "icon.svg").read_bytes()

_CODE: Final = re.compile("`([^`]+)`")


def filters() -> dict[str, Callable[..., Any]]:
    """What the templates call by name."""
    return {
        "day": words.expiry_day,
        "day_or": day_or,
        "moment": words.moment,
        "moment_or": moment_or,
        "clock": words.clock,
        "iso": iso,
        "away": words.distance,
        "left": left,
        "lasting": words.length,
        "seconds": words.measured,
        "count": words.count,
        "short": words.short,
        "spaced": spaced,
        "detail": detail,
        "prose": prose,
        "look": look_of,
        "word": word_of,
        "remark": remark_on,
        "usage": usage_of,
        "label": label_of,
    }


def iso(time: datetime) -> str:
    """For machines: `2026-11-23T12:31:47Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day_or(time: datetime, now: datetime, come: str) -> str:
    """The day of what is to come; `come` for what is now or was before."""
    return come if has_come(time, now) else words.expiry_day(time)


def moment_or(time: datetime, now: datetime, come: str) -> str:
    """The moment of what is to come; `come` for what is now or was before."""
    return come if has_come(time, now) else words.moment(time)


def left(time: datetime, now: datetime) -> str:
    """What is left until an expiry: `12 days`, `3 hours ago`, `never`."""
    return (
        words.length(time - now) if not has_come(time, now) and not words.never_ends(time) else words.expiry(time, now)
    )


def spaced(fingerprint: str) -> str:
    """A whole fingerprint in groups, so that it can be compared by eye."""
    return " ".join(fingerprint[start : start + 8] for start in range(0, len(fingerprint), 8))


def detail(value: object) -> str:
    """A detail of an event: a fingerprint by its beginning, the rest as people write it."""
    if value is True:
        return "yes"
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return words.short(text) if is_fingerprint(text) else text


def prose(text: str) -> Markup:
    """A sentence, escaped, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(lines(text)))))  # noqa: S704 - escaped first, backticks and all


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - for who serves pages: other commands do without

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=substituted,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= filters()
    made.globals |= {"version": rotator.__version__, "style": hashlib.sha256(STYLE).hexdigest()[:8]}
    return made


def compile_first_page() -> None:
    """Compiles what the status page is made of, as that takes as long as all the rest of the first answer."""
    for name in ("base", "parts", "status"):
        _environment().get_template(f"{name}.html")


def page(name: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """The template of that name with these values in it, each escaped."""
    return HTMLResponse(_environment().get_template(f"{name}.html").render(values), status)
