"""What every hook takes and promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from rotator.core.hook import HookCall


class HookFailed(RotatorError):
    """A hook did not do what it is there for. The rotation before it is as it was."""

    def __init__(self, message: str, *, hint: str, output: str = "", transient: bool = True) -> None:
        """`output` is what it said; not `transient` is what only a person can mend, as a missing program."""
        super().__init__(message, hint=hint, effect="The rotation itself is not touched by it.")
        self.output = output
        self.transient = transient


class Hook(Protocol):
    """What is called. A call blocks until it has ended, with a time-out; threads may share a hook."""

    @property
    def name(self) -> str:
        """As the configuration names it."""
        ...

    def call(self, call: HookCall) -> str:
        """Makes one call, and gives what was said, as it may be shown. Raises HookFailed."""
        ...

    def check(self) -> str:
        """Tries what can be tried without a call; says what that was. Raises HookFailed."""
        ...
