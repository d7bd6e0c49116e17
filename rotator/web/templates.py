"""The templates, and how times, durations and names are written in them."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

import rotator
from rotator.config.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FOLDER: Final = Path(__file__).parent / "pages"

STYLE: Final = (_FOLDER / "style.css").read_bytes()
ICON: Final = (_FOLDER / "icon.svg").read_bytes()

SHORT: Final = 12
"""Digits of a fingerprint that people are shown."""

_FINGERPRINT: Final = re.compile("[0-9a-f]{64}")
_CODE: Final = re.compile("`([^`]+)`")

NEVER: Final = 9999
"""The year that stands for "does not expire" (RFC 5280 section 4.1.2.5)."""

_STEPS: Final = (("year", 365 * 86_400), ("month", 30 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_FEW: Final = 2
"""Two of a unit are more telling than one of the next: 45 days, not 1 month."""


def filters() -> dict[str, Callable[..., Any]]:
    """What the templates call by name."""
    return {
        "day": day,
        "moment": moment,
        "clock": clock,
        "iso": iso,
        "away": away,
        "left": left,
        "lasting": lasting,
        "seconds": seconds,
        "short": short,
        "spaced": spaced,
        "detail": detail,
        "prose": prose,
    }


def day(time: datetime) -> str:
    """`2026-11-23`; `never` for the year 9999."""
    return "never" if time.year == NEVER else f"{time.astimezone(UTC):%Y-%m-%d}"


def moment(time: datetime) -> str:
    """`2026-11-23 12:31 UTC`."""
    # Not by astimezone where it need not be: the last day of the year 9999 cannot be moved.
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clock(time: datetime) -> str:
    """`12:31:47`."""
    return f"{time.astimezone(UTC):%H:%M:%S}"


def iso(time: datetime) -> str:
    """For machines: `2026-11-23T12:31:47Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def away(time: datetime, now: datetime) -> str:
    """`in 12 days`, `3 hours ago`, `now`."""
    distance = lasting(abs(time - now))
    if distance == "moments":
        return "now" if time >= now else "just now"
    return f"in {distance}" if time > now else f"{distance} ago"


def left(time: datetime, now: datetime) -> str:
    """The same of an expiry: `12 days`, `3 hours ago`, `never`."""
    if time.year == NEVER:
        return "never"
    return lasting(time - now) if time > now else away(time, now)


def lasting(duration: timedelta) -> str:
    """In the largest unit of which there are at least two: `45 days`, `2 months`."""
    total = int(duration.total_seconds())
    for unit, size in _STEPS:
        count = total // size
        if count >= (_FEW if unit in {"year", "month", "day"} else 1):
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "moments"


def seconds(number: float) -> str:
    """`4.2 s`, and minutes from a hundred seconds on."""
    return f"{number:.1f} s" if number < 100 else format_duration(timedelta(seconds=round(number)))


def short(fingerprint: str | None) -> str:
    """The beginning of a fingerprint."""
    return (fingerprint or "")[:SHORT]


def spaced(fingerprint: str) -> str:
    """A whole fingerprint in groups, so that it can be compared by eye."""
    return " ".join(fingerprint[start : start + 8] for start in range(0, len(fingerprint), 8))


def detail(value: object) -> str:
    """A detail of an event: a fingerprint by its beginning, the rest as people write it."""
    if value is True:
        return "yes"
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return short(text) if _FINGERPRINT.fullmatch(text) else text


def prose(text: str) -> Markup:
    """A sentence, escaped, with what stands between backticks as code."""
    # Escaped first: what is between the backticks is as little to be trusted as the rest.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704


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
