"""A fault of ours, or of a plug-in, in one thing that is done for people: that thing fails, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class _Failure(Protocol):
    def __call__(self, message: str, *, hint: str, transient: bool) -> RotatorError: ...


def without_own_faults(call: Callable[[], _T], what: str, failure: _Failure) -> _T:
    """What the call returns. Raises what is ours as it is, and of anything else a lasting `failure`.

    `what` says in a sentence what could not be done, such as `Hook reload could not be called`.
    """
    try:
        return call()
    except (RotatorError, MemoryError):
        raise
    except Exception as fault:  # a fault in one channel or hook must not keep the others from being served
        message = f"{what}: rotator has a fault ({type(fault).__name__})."
        raise failure(message, hint="Report it to the project.", transient=False) from fault
