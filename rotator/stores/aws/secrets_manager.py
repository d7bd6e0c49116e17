"""Calling AWS Secrets Manager: patiently, without a trace of what is secret, and with errors for people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from rotator.net.shapes import require_text
from rotator.stores.aws.access import unlogged
from rotator.stores.aws.aws_errors import (
    FAILURES,
    STS,
    STUMBLES,
    Call,
    FileUnusable,
    code_of,
    explain,
    has_ended,
    passes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.core.retry import Waiting
    from rotator.errors import StoreError
    from rotator.stores.aws.access import AwsClients
    from rotator.stores.aws.policy import Ground

_LOG: Final = logging.getLogger(__name__)

_OPERATIONS: Final = {
    "create_secret": ("CreateSecret", "Name"),
    "describe_secret": ("DescribeSecret", "SecretId"),
    "get_resource_policy": ("GetResourcePolicy", "SecretId"),
    "get_secret_value": ("GetSecretValue", "SecretId"),
    "put_secret_value": ("PutSecretValue", "SecretId"),
    "tag_resource": ("TagResource", "SecretId"),
    "update_secret_version_stage": ("UpdateSecretVersionStage", "SecretId"),
}
"""AWS's name of each call, and of the parameter that names the secret."""

_READS: Final = frozenset({"describe_secret", "get_resource_policy", "get_secret_value"})

_WITHOUT_ARN: Final = frozenset({"tag_resource"})
"""Calls whose answer says nothing."""

_MEANT: Final = frozenset(
    {"InvalidParameterException", "InvalidRequestException", "ResourceExistsException", "ResourceNotFoundException"}
)
"""Refusals that the state of the secret explains."""


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

    def __init__(
        self,
        store: str,
        clients: AwsClients,
        ground: Ground,
        waiting: Waiting,
        before_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`waiting` is also for how long a write is waited to be seen; `before_change`: see Surroundings."""
        self._store: Final = store
        self._clients: Final = clients
        self._ground: Final = ground
        self._waiting: Final = waiting
        self._before_change: Final = before_change

    @property
    def where(self) -> str:
        """The store, for a person."""
        return self._call("", "").where

    def call(self, operation: str, secret: str, **parameters: Any) -> Mapping[str, Any]:
        """AWS's answer. Raises Refused, StoreError, and StoreUnavailable when patience ends; and as `before_change`."""
        action, named = _OPERATIONS[operation]
        error: Exception | None = None
        renewed = False
        for _ in self.turns():
            if operation not in _READS:
                self._before_change()
            try:
                with unlogged():
                    answer = self._try(operation, {named: secret, **parameters})
            except FAILURES as failure:
                error = self._judged(failure, action, secret)
                ended, again = has_ended(failure), passes(failure)
            else:
                _LOG.debug(action, extra={"store": self._store, "path": secret})
                return answer
            if ended and not renewed:
                self._clients.forget()
                renewed = True
            elif not again:
                break
            _LOG.debug("not answered", extra={"store": self._store, "path": secret, "action": action})
        # Outside of the handler: botocore's error holds the request, and with it the secret.
        raise error or AssertionError("there is a first turn")

    def must(self, operation: str, secret: str, **parameters: Any) -> Mapping[str, Any]:
        """The same where no state of the secret explains a refusal. Raises the StoreError of one."""
        try:
            return self.call(operation, secret, **parameters)
        except Refused as refused:
            raise refused.error from None

    def turns(self) -> Iterator[None]:
        """Turns with growing pauses between them, until patience ends."""
        return self._waiting.turns()

    def _try(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = getattr(self._clients.secrets_manager(), operation)(**parameters)
            require_text(answer)
        except FAILURES:
            # Some of them are errors of the system as well.
            raise
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise FileUnusable(file=error.filename or "a file", reason=reason) from None
        except STUMBLES:
            # botocore itself, over an answer of another shape than its model has. Not a part of it is told.
            answer = {}
        if not (isinstance(answer, dict) and (isinstance(answer.get("ARN"), str) or operation in _WITHOUT_ARN)):
            # All others have one; a proxy's page of its own, taken for AWS's, would be an empty secret.
            raise ResponseParserError("no answer of Secrets Manager")
        return answer

    def _judged(self, failure: Exception, action: str, secret: str) -> Exception:
        """What to raise when the call is not made again."""
        # A role is assumed on the way to the call, by us or by botocore; then it is that call that was refused.
        called = failure.operation_name if isinstance(failure, ClientError) else ""
        name = f"{STS}{called}" if called.startswith("AssumeRole") else f"secretsmanager:{action}"
        explained = explain(failure, self._call(name, secret))
        return Refused(code_of(failure), explained) if code_of(failure) in _MEANT else explained

    def _call(self, action: str, secret: str) -> Call:
        return Call(self._store, self._clients.region, action, secret, self._ground)
