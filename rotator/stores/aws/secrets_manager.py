"""Calling AWS Secrets Manager: patiently, without a trace of what is secret, and with errors for people."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from rotator.stores.aws.access import unlogged
from rotator.stores.aws.errors import FAILURES, Call, code_of, explain, has_ended, passes
from rotator.stores.aws.policy import ASSUME_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from rotator.errors import StoreError
    from rotator.stores.aws.access import AwsClients
    from rotator.stores.aws.policy import Ground

_LOG: Final = logging.getLogger(__name__)

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
                    answer = self._try(operation, {named: secret, **parameters})
            except FAILURES as failure:
                error = self._judged(failure, action, secret, again=again, renewable=not renewed)
                renewed = renewed or has_ended(failure)
            else:
                _LOG.debug(action, extra={"store": self._store, "path": secret})
                return answer
            if error is not None:
                # Outside of the handler: botocore's error holds the request, and with it the secret.
                raise error
            _LOG.debug("waiting", extra={"store": self._store, "path": secret, "for": action})
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
        if "ARN" not in answer:
            # Every answer has one; a proxy's page of its own, taken for AWS's, would be an empty secret.
            raise ResponseParserError("no answer of Secrets Manager")
        return answer

    def _judged(
        self, failure: Exception, action: str, secret: str, *, again: bool, renewable: bool
    ) -> Exception | None:
        """What to raise; None when the call is to be made again."""
        if again and renewable and has_ended(failure):
            self._clients.forget()
            return None
        if again and passes(failure):
            return None
        # A role is assumed on the way to the call; then it is that call that was refused.
        assuming = isinstance(failure, ClientError) and failure.operation_name == "AssumeRole"
        name = ASSUME_ROLE if assuming else f"secretsmanager:{action}"
        explained = explain(failure, self._call(name, secret))
        return Refused(code_of(failure), explained) if code_of(failure) in _MEANT else explained

    def _call(self, action: str, secret: str) -> Call:
        return Call(self._store, self._clients.region, action, secret, self._ground)
