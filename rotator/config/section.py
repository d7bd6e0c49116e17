"""What every part of config.yaml is, and what every type of store and of channel has in it."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from rotator.config.durations import Period
from rotator.core.severity import Severity


class Section(BaseModel):
    """A part of config.yaml: an unknown key in it is a mistake, and what was read never changes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        # Of each part for itself: it is built again as a part of all settings.
        defer_build=True,
    )


def when_left_out() -> Any:
    """The default of a part that need not be there: as if it stood there, empty.

    It is read with everything else. One that is made beforehand has what reads it built for it alone, which costs each
    command more than to read a whole config.yaml.
    """
    return Field(default_factory=dict, validate_default=True)


def written_as(pattern: str, sentence: str) -> AfterValidator:
    """Text that has a form; `sentence` is what people are told where it has not."""

    def has_form(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(sentence)
        return text

    return AfterValidator(has_form)


ONE_LINE: Final = written_as(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*", "must be one line, without control characters")
"""It stands in requests, tables and messages."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), ONE_LINE]

Name = Annotated[
    str,
    written_as(
        r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}",
        "a name has letters, digits, `.`, `_` and `-`, at most 64, no dot in front",
    ),
]
"""The name of an org, a store, a credential, a channel or a hook: it stands in paths, tables and command lines."""


class StoreSettings(Section):
    """A store; each type of store adds what it needs (`rotator.stores.plugins`)."""

    type: str


class ChannelSettings(Section):
    """A channel, and of what it wants to hear: of everything, unless it says otherwise.

    Each type of channel adds what it needs (`rotator.alerts.plugins`).
    """

    type: str
    within: Period | None = None
    """It hears of an expiry only when no more time than this is left: further channels for shorter times."""
    least: Severity = Severity.INFO
    """It hears of other alerts from this severity on."""
    orgs: tuple[str, ...] | None = None
    """It hears of these orgs only, and of what concerns no org."""
    heads: bool = False
    """Once a day it is sent the head of the history's chain, so that what was cut off or written anew can be found."""
    timeout: Period = timedelta(seconds=15)
    """For each call."""
