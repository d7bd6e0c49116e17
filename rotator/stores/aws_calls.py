"""Calling AWS Secrets Manager: patiently, without a trace of what is secret, and with errors for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from rotator.stores.aws_access import unlogged
from rotator.stores.aws_errors import FAILURES, Call, code_of, explain, has_ended, passes
from rotator.stores.aws_policy import ASSUME_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from rotator.errors import StoreError
    from rotator.stores.aws_access import AwsClients
    from rotator.stores.aws_policy import Ground

PATIENCE: Final = 30.0
"""Seconds for which a call is tried again while AWS is busy or away, and for which a write is waited to be seen."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0

_OPERATIONS: Final = {
    "create_secret": ("CreateSecret", "Name"),
    "describe_secret": ("DescribeSecret", "SecretId"),
    "get_secret_value": ("GetSecretValue", "SecretId"),
    "put_secret_value": ("PutSecretValue", "SecretId"),
    "update_secret_version_stage": ("UpdateSecretVersionStage", "SecretId"),
}
"""AWS's name of each call, and of the parameter that names the secret."""

_MEANT: Final = frozenset(
    {"InvalidParameterException", "InvalidRequestException", "ResourceExistsException", "ResourceNotFoundException"}
)
"""Refusals that the state of the secret explains."""


@dataclass(frozen=True)
class Waiting:
    """By which clocks to wait, and how long at the most."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    uniform: Callable[[float, float], float]
    patience: float = PATIENCE
    """Seconds."""


class Refused(Exception):
    """AWS refuses because of the state that the secret is in; `error` is what to raise if nothing explains it."""

    def __init__(self, code: str, error: StoreError) -> None:
        super().__init__(code)
        self.error: Final = error
        self.absent: Final = code == "ResourceNotFoundException"
        self.exists: Final = code == "ResourceExistsException"
        self.mismatch: Final = code == "InvalidRequestException"


class AwsCalls:
    """The calls of one store."""

    def __init__(self, store: str, clients: AwsClients, ground: Ground, waiting: Waiting) -> None:
        self._store: Final = store
        self._clients: Final = clients
        self._ground: Final = ground
        self._waiting: Final = waiting

    @property
    def where(self) -> str:
        """The store, for a person."""
        return self._call("", "").where

    def call(self, operation: str, secret: str, **parameters: Any) -> Mapping[str, Any]:
        """AWS's answer. Raises Refused, StoreError, and StoreUnavailable when patience ends."""
        action, named = _OPERATIONS[operation]
        renewed = False
        for again in self.pauses():
            try:
                with unlogged():
                    return self._try(operation, {named: secret, **parameters})
            except FAILURES as error:
                ended = has_ended(error) and not renewed
                if not again or not (ended or passes(error)):
                    raise self._refusal(error, action, secret) from None
                if ended:
                    renewed = True
                    self._clients.forget()
        raise AssertionError("the last turn has returned or raised")

    def pauses(self) -> Iterator[bool]:
        """Turns with growing pauses between them: whether there is another after this one."""
        waiting, longest = self._waiting, _FIRST_PAUSE
        start = waiting.now()
        while True:
            pause = waiting.uniform(longest / 2, longest)
            left = (waiting.now() - start).total_seconds() + pause <= waiting.patience
            yield left
            if not left:
                return
            waiting.sleep(pause)
            longest = min(2 * longest, _LONGEST_PAUSE)

    def _try(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = getattr(self._clients.secrets_manager(), operation)(**parameters)
        return answer

    def _refusal(self, error: Exception, action: str, secret: str) -> Exception:
        # A role is assumed on the way to the call; then it is that call that was refused.
        assuming = isinstance(error, ClientError) and error.operation_name == "AssumeRole"
        name = ASSUME_ROLE if assuming else f"secretsmanager:{action}"
        explained = explain(error, self._call(name, secret))
        return Refused(code_of(error), explained) if code_of(error) in _MEANT else explained

    def _call(self, action: str, secret: str) -> Call:
        return Call(self._store, self._clients.region, action, secret, self._ground)
