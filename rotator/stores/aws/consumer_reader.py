"""What a consumer reads of a secret in AWS, by `secretsmanager:GetSecretValue` of labelled versions alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Version
from rotator.core.secret import Secret
from rotator.core.words import short
from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.stores.aws.aws_errors import NotAllowed
from rotator.stores.aws.labels import PLACEHOLDER
from rotator.stores.aws.policy import CURRENT, STAGES
from rotator.stores.aws.secrets_manager import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rotator.stores.aws.secrets_manager import AwsCalls

_ENDING: Final = re.compile(r"-[A-Za-z0-9]{6}$")


class AwsReader:
    """Gives the versions of one secret in the order in which to try them; each is read when it is needed.

    So a login that succeeds at once costs one call. Checking a key costs more than a call, so it is checked once.
    """

    def __init__(self, calls: AwsCalls, secret: str) -> None:
        """`secret` is a name or an ARN."""
        self._calls: Final = calls
        self._secret: Final = secret
        self._known: dict[str, Version] = {}

    def __call__(self) -> Iterator[Version]:
        """The stored versions. Raises StoreError, and StoreUnavailable when AWS is away."""
        given = {PLACEHOLDER}
        for label in STAGES:
            answer = self._ask(label)
            version_id = str(answer.get("VersionId"))
            # A promotion in between has moved the labels, or left AWSPENDING on what is current.
            if answer and version_id not in given:
                given.add(version_id)
                yield self._known.get(version_id) or self._remember(version_id, self._version(answer))

    def _ask(self, label: str) -> Mapping[str, object]:
        """AWS's answer; empty when no version has the label, or this consumer may not read the one that has it."""
        try:
            return self._calls.call("get_secret_value", self._secret, VersionStage=label)
        except Refused as refused:
            if not refused.absent:
                raise refused.error from None
        except NotAllowed:
            if label == CURRENT and not self._is_part_of_an_arn:
                raise
        if label == CURRENT and self._is_part_of_an_arn:
            raise self._incomplete()
        return {}

    @property
    def _is_part_of_an_arn(self) -> bool:
        return self._secret.startswith("arn:") and _ENDING.search(self._secret) is None

    def _incomplete(self) -> StoreError:
        return StoreError(
            f"{self._calls.where} gives nothing for {self._secret}, which is not a whole ARN.",
            effect=NOTHING_CHANGED,
            hint="AWS adds a hyphen and six letters or digits to a secret's name in its ARN: give all of it"
            " (`aws secretsmanager describe-secret --secret-id NAME --query ARN`), or the name and `?region=`.",
        )

    def _remember(self, version_id: str, version: Version) -> Version:
        self._known[version_id] = version
        for oldest in list(self._known)[: -len(STAGES)]:
            del self._known[oldest]
        return version

    def _version(self, answer: Mapping[str, object]) -> Version:
        version_id, text = str(answer.get("VersionId")), str(answer.get("SecretString", ""))
        version = Version.from_document(Secret(text), where=f"{short(version_id)} in the secret {self._secret}")
        if version.fingerprint != version_id:
            raise StoreError(
                f"The version {short(version_id)} of the secret {self._secret} holds {short(version.fingerprint)}.",
                effect=NOTHING_CHANGED,
                hint="Find out who wrote it.",
            )
        return version
