"""The AWS store: a secret for each credential in Secrets Manager, stages as AWS's own staging labels.

    PREFIX + CREDENTIAL: versions named by their fingerprints; AWSPENDING, AWSCURRENT and AWSPREVIOUS on three of them

The value of a version is the credential document. AWS makes the first version of a secret AWSCURRENT whatever is asked
(PutSecretValue) and never lets a secret be without again, so a new secret begins with a placeholder that is no
credential; it reads as an empty stage. A version cannot be destroyed by anyone: without a label AWS calls it deprecated
and deletes it by itself, when it has more than 100 and it is older than a day. Until then whoever may read the secret
by version id can; the policy for consumers (`rotator check --print-policy`) allows only versions that have a label.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint, Stages, Version
from rotator.core.secret import Secret
from rotator.core.usage.told_reports import parsed
from rotator.core.words import short
from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.stores.aws.examination import examine
from rotator.stores.aws.foreign import foreign, is_ours
from rotator.stores.aws.labels import PLACEHOLDER, AwsSecret, Labels
from rotator.stores.aws.policy import CURRENT, PENDING, PREVIOUS, REPORT_TAG, STAGES
from rotator.stores.refusals import (
    refuse_name,
    refuse_other_current,
    refuse_other_pending,
    refuse_stored,
    refuse_unfit,
    refused,
    stored_version,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rotator.core.usage.told_reports import ToldReport
    from rotator.stores.aws.secrets_manager import AwsCalls

LARGEST_VALUE: Final = 65_536
"""Bytes that a secret may have (PutSecretValue, SecretString)."""

PLACEHOLDER_VALUE: Final = Secret('{"note": "rotator keeps a credential here; it has no current version yet"}')

PROBE: Final = "rotator+check"
"""Name, after the prefix, of the secret that `check` tries everything on; no credential can be called so."""


@dataclass(frozen=True)
class NewSecrets:
    """How secrets that do not exist are made."""

    create: bool = True
    """Whether they are; else a person makes them, empty, and the program only fills them."""
    kms_key: str | None = None
    """Id, ARN or alias of the key to encrypt with; AWS's own for Secrets Manager unless said otherwise."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, object]:
        """What CreateSecret takes of it."""
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return ({"KmsKeyId": self.kms_key} if self.kms_key else {}) | ({"Tags": tags} if tags else {})


class AwsStore:
    """A store in one region of one AWS account."""

    def __init__(self, name: str, calls: AwsCalls, prefix: str, new_secrets: NewSecrets) -> None:
        self.name: Final = name
        self._calls: Final = calls
        self._prefix: Final = prefix
        self._new_secrets: Final = new_secrets

    def stages(self, credential: str) -> Stages:
        return self._look(self._secret(credential))[1]

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        """A stored version that stands in a stage. Raises StoreError when it does not, or is damaged."""
        secret = self._secret(credential)
        for _ in self._calls.turns():
            labels, stages = self._look(secret)
            if fingerprint not in stages.fingerprints:
                raise self._refused(f"there is no version {short(fingerprint)} of {credential}")
            value = secret.value(fingerprint, labels.of(fingerprint))
            if value is not None:
                place = f"in the secret {secret.name}"
                return stored_version(self._calls.where, place, value, credential, fingerprint)
        raise self._refused(f"the version {short(fingerprint)} of {credential} has a label and cannot be read")

    def reports(self, credential: str, consumers: Collection[str]) -> list[ToldReport]:
        """What consumers have tagged the secret with (`rotator.core.usage.told_reports.TakesReports`)."""
        tags, found = self._secret(credential).tags(), []
        for name in consumers:
            with suppress(ValueError):
                found.append(parsed(name, tags.get(f"{REPORT_TAG}{name}", "")))
        return found

    def put_pending(self, version: Version) -> None:
        refuse_unfit(self._calls.where, version)
        document = self._document(version)
        secret, fingerprint = self._secret(version.credential), version.fingerprint
        labels, stages = self._begun(secret)
        refuse_other_pending(self._calls.where, version.credential, stages.pending, fingerprint)
        refuse_stored(self._calls.where, version.credential, stages, fingerprint)
        if stages.pending is None:
            self._store(secret, fingerprint, document)
            secret.move(PENDING, to=fingerprint, source=labels.pending)
        self._tidy(secret, secret.await_labels(lambda seen: seen.pending == fingerprint))

    def recall(self, credential: str, fingerprint: Fingerprint) -> None:
        secret = self._secret(credential)
        labels, stages = self._look(secret)
        if stages.previous != fingerprint:
            raise self._refused(f"version {short(fingerprint)} of {credential} is not previous")
        refuse_other_pending(self._calls.where, credential, stages.pending, fingerprint)
        if stages.pending is None:
            secret.move(PENDING, to=fingerprint, source=labels.pending)
            secret.await_labels(lambda seen: seen.pending == fingerprint)

    def promote(self, credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        """`pending` becomes `current`, and `current` becomes `previous`; what was `previous` has no stage any more.

        Raises StoreError, and changes nothing, when `current` is not `replaces`: another program promoted meanwhile.
        """
        secret = self._secret(credential)
        labels, stages = self._look(secret)
        if fingerprint not in {stages.pending, stages.current}:
            raise self._refused(f"version {short(fingerprint)} of {credential} is not pending")
        if stages.current != fingerprint:
            refuse_other_current(self._calls.where, credential, stages.current, replaces)
            # AWSPREVIOUS follows by itself, in the same instant (UpdateSecretVersionStage).
            secret.move(CURRENT, to=fingerprint, source=labels.current)
        self._tidy(secret, secret.await_labels(lambda seen: seen.current == fingerprint))

    def discard(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `pending` away; a version in no other stage is left to AWS to delete, and not read any more."""
        self._take_away(credential, fingerprint, PENDING)

    def retire(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `previous` away; a version in no other stage is left to AWS to delete, and not read any more."""
        self._take_away(credential, fingerprint, PREVIOUS)

    def sweep(self, credential: str) -> int:
        """Takes away the labels that an interrupted call left behind. Returns how many."""
        secret = self._secret(credential)
        return self._tidy(secret, secret.labels() or Labels({}))

    def check(self) -> None:
        """Proves on a secret of its own that one can be written, read back and left to AWS to delete.

        That secret stays: the program has no permission to delete any.
        """
        secret = AwsSecret(self._calls, self._prefix + PROBE)
        self._begun(secret)
        version, proof = secrets.token_hex(32), Secret(secrets.token_hex(32))
        secret.put(version, proof)
        secret.await_value(version, proof)
        self._tidy(secret, secret.await_labels(lambda seen: seen.of(version) is not None))

    def examine(self, credential: str) -> Sequence[str]:
        """Looks at the credential's own secret: its replicas, its key, its policy, and who else rotates or owns it."""
        secret = self._secret(credential)
        # Raises for one that is to be deleted, that AWS rotates, or in which somebody else writes.
        self._look(secret)
        return examine(self._calls, secret.name, self._new_secrets.kms_key)

    def _secret(self, credential: str) -> AwsSecret:
        refuse_name(self._calls.where, credential)
        return AwsSecret(self._calls, self._prefix + credential)

    def _look(self, secret: AwsSecret) -> tuple[Labels, Stages]:
        labels = secret.labels() or Labels({})
        return labels, self._meaning(secret, labels)

    def _meaning(self, secret: AwsSecret, labels: Labels) -> Stages:
        for label in STAGES:
            version = labels.held.get(label)
            if version is not None and not is_ours(version):
                raise foreign(self._calls.where, secret, labels, label)
        return Stages.as_found(*map(_fingerprint, (labels.pending, labels.current, labels.previous)))

    def _begun(self, secret: AwsSecret) -> tuple[Labels, Stages]:
        """The secret with a current version, be it the placeholder; made where it may be."""
        labels = secret.labels()
        if labels is None:
            if not self._new_secrets.create:
                raise self._not_made(secret)
            secret.create(PLACEHOLDER, PLACEHOLDER_VALUE, self._new_secrets.options())
            labels = secret.await_labels(lambda seen: seen.current is not None)
        elif labels.current is None:
            self._store(secret, PLACEHOLDER, PLACEHOLDER_VALUE)
            # AWS has made it current by itself, unless the secret has had other versions.
            labels = secret.await_labels(lambda seen: seen.of(PLACEHOLDER) is not None)
            if labels.current is None:
                secret.move(CURRENT, to=PLACEHOLDER, source=None)
                labels = secret.await_labels(lambda seen: seen.current is not None)
        return labels, self._meaning(secret, labels)

    def _store(self, secret: AwsSecret, version: str, value: Secret) -> None:
        """Looks before it puts: putting a version again that AWS has does not bring its label back."""
        found = secret.value(version)
        if found is None:
            secret.put(version, value)
            secret.await_value(version, value)
        else:
            secret.refuse_other(version, found, value)

    def _take_away(self, credential: str, fingerprint: Fingerprint, label: str) -> None:
        secret = self._secret(credential)
        labels, stages = self._look(secret)
        held = {PENDING: stages.pending, PREVIOUS: stages.previous}[label]
        if held == fingerprint:
            secret.remove(label, source=fingerprint)
            labels = secret.await_labels(lambda seen: seen.held.get(label) != fingerprint)
        self._tidy(secret, labels)

    def _tidy(self, secret: AwsSecret, labels: Labels) -> int:
        """Takes away what says nothing: `pending` of the version that is current, labels of our own."""
        leftovers = dict(labels.arriving)
        if labels.pending is not None and labels.pending == labels.current:
            leftovers[PENDING] = labels.pending
        if labels.previous == PLACEHOLDER:
            leftovers[PREVIOUS] = PLACEHOLDER
        return sum(secret.remove(label, source=version) for label, version in leftovers.items())

    def _document(self, version: Version) -> Secret:
        document = version.to_document()
        size = len(document.reveal().encode())
        if size > LARGEST_VALUE:
            raise self._refused(f"the document of {version.credential} has {size} bytes, and AWS takes {LARGEST_VALUE}")
        return document

    def _refused(self, reason: str) -> StoreError:
        return refused(self._calls.where, reason)

    def _not_made(self, secret: AwsSecret) -> StoreError:
        return StoreError(
            f"{self._calls.where} has no secret {secret.name}, and the store is set to `create: false`.",
            effect=NOTHING_CHANGED,
            hint=f"Make it, empty: `aws secretsmanager create-secret --name {secret.name}`; or set `create: true`.",
        )


def _fingerprint(version: str | None) -> Fingerprint | None:
    return None if version in {None, PLACEHOLDER} else Fingerprint(str(version))
