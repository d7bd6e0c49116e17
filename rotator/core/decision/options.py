"""What may be asked of a rotation beside its goal: one record from the command line to the decision.

An option is declared here, once. `rotate now` fills the record in, the request carries it, the history keeps it as one
JSON object when a rotation begins, and the clauses of `decide` ask it. So a new option needs a field here, an option
of the command and the clause that heeds it, and no other change.

A run can be interrupted, and the request that goes on from there may ask for something else: it may be `rotate finish`
or the service, which ask for nothing. What counts then is part of each option's declaration (`Resumed`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Resumed(Enum):
    """What becomes of an option when an interrupted rotation is taken up again."""

    AS_BEGUN = "as begun"
    """It stays as it was; a request that says otherwise means another rotation."""
    ONCE_ASKED = "once asked"
    """It counts from the first request that asks for it until the rotation ends."""
    ONLY_NOW = "only now"
    """It counts for the request that asks for it, and for no later one."""


def _option(resumed: Resumed) -> bool:
    return field(default=False, metadata={"resumed": resumed})


@dataclass(frozen=True, kw_only=True)
class RotationOptions:
    """The options of one rotation, each off unless asked for."""

    keep_key: bool = _option(Resumed.AS_BEGUN)
    """A new certificate over the current key: only the date moves, and no consumer notices."""
    retire_now: bool = _option(Resumed.ONCE_ASKED)
    """The previous version's grace ends at once."""
    replace_unknown: bool = _option(Resumed.ONLY_NOW)
    """A certificate that nobody knows may be overwritten: said of the one that is there now, not of any later one."""

    def means_the_same(self, asked: Self) -> bool:
        """Whether a request with the options `asked` can mean the rotation that was begun with these."""
        return all(getattr(self, name) == getattr(asked, name) for name in _named(Resumed.AS_BEGUN))

    def resumed(self, asked: Self) -> Self:
        """What counts when a rotation that was begun with these is taken up by a request with the options `asked`."""
        both = {name: getattr(self, name) or getattr(asked, name) for name in _named(Resumed.ONCE_ASKED)}
        now = {name: getattr(asked, name) for name in _named(Resumed.ONLY_NOW)}
        as_begun = {name: getattr(self, name) for name in _named(Resumed.AS_BEGUN)}
        return type(self)(**as_begun, **both, **now)

    def as_json(self) -> dict[str, bool]:
        """Those that were asked for, by their names."""
        return {option.name: True for option in fields(self) if getattr(self, option.name)}

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Self:
        """The record of which `as_json` was written; an option that this release does not know is left out."""
        return cls(**{option.name: True for option in fields(cls) if asked.get(option.name) is True})


NO_OPTIONS: Final = RotationOptions()


def _named(resumed: Resumed) -> list[str]:
    return [option.name for option in fields(RotationOptions) if option.metadata["resumed"] is resumed]
