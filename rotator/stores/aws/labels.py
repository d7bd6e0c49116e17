"""One secret in AWS Secrets Manager: its versions, its staging labels, and the calls that move them.

Every write is a comparison as well: AWS moves a label only from where the call says that it is
(UpdateSecretVersionStage, RemoveFromVersionId), so that of two programs one is told that it came too late. AWS is
eventually consistent: what was written may not be seen at once (User Guide, "Troubleshoot AWS Secrets Manager").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.secret import Secret
from rotator.core.words import short
from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError, StoreUnavailable
from rotator.net.shapes import Fields, WrongShape
from rotator.plain_text import one_line
from rotator.stores.aws.aws_errors import makes_no_sense
from rotator.stores.aws.policy import CURRENT, PENDING, PREVIOUS, STAGES
from rotator.stores.aws.secrets_manager import Refused
from rotator.stores.contents import contents_of
from rotator.stores.refusals import STAGES_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.stores.aws.secrets_manager import AwsCalls
    from rotator.stores.contents import Contents


PLACEHOLDER: Final = "rotator-placeholder-no-credential-yet"
"""Id of the version that a new secret begins with; it holds no credential."""

_ARRIVING: Final = "rotator-arriving-"
"""Label of a version that is stored and not pending yet. AWS stores none without a label."""


@dataclass(frozen=True)
class Labels:
    """Which version has which staging label, by the ids that AWS knows them by."""

    held: Mapping[str, str]
    """Label -> version id. AWS attaches a label to one version at a time."""

    @property
    def current(self) -> str | None:
        """The version that consumers read."""
        return self.held.get(CURRENT)

    @property
    def pending(self) -> str | None:
        """The version that is to be current next."""
        return self.held.get(PENDING)

    @property
    def previous(self) -> str | None:
        """The version that was current before."""
        return self.held.get(PREVIOUS)

    @property
    def arriving(self) -> dict[str, str]:
        """Our own labels on versions that were stored and are not, or were not, pending yet."""
        return {label: version for label, version in self.held.items() if label.startswith(_ARRIVING)}

    def of(self, version: str) -> str | None:
        """A label of the version, AWS's own first."""
        return next((label for label in (*STAGES, *self.arriving) if self.held.get(label) == version), None)


class AwsSecret:
    """One secret by its name. Its methods raise StoreError and StoreUnavailable."""

    def __init__(self, calls: AwsCalls, name: str) -> None:
        self._calls: Final = calls
        self.name: Final = name

    def labels(self) -> Labels | None:
        """What is where; None when there is no such secret. Raises StoreError when it is about to be deleted."""
        try:
            answer = self._calls.call("describe_secret", self.name)
        except Refused as refused:
            if refused.absent:
                return None
            raise refused.error from None
        if answer.get("DeletedDate"):
            raise StoredDamaged(
                f"{self._calls.where}: the secret {self.name} is scheduled for deletion.",
                effect=NOTHING_CHANGED,
                hint=f"Bring it back with `aws secretsmanager restore-secret --secret-id {self.name}`.",
            )
        if answer.get("RotationEnabled"):
            function = one_line(str(answer.get("RotationLambdaARN") or ""), 200)
            by = f"by the function {function}" if function else "by itself"
            raise StoredDamaged(
                f"{self._calls.where}: AWS rotates the secret {self.name} {by}.",
                effect=NOTHING_CHANGED,
                hint=f"Two cannot rotate it: `aws secretsmanager cancel-rotate-secret --secret-id {self.name}`.",
            )
        try:
            stages = Fields(answer).fields("VersionIdsToStages")
            held = {label: version for version in stages.names() for label in stages.texts(version)}
        except WrongShape as error:
            raise self._unreadable(str(error)) from None
        if not all(name.isprintable() for pair in held.items() for name in pair):
            raise self._unreadable("a version or a label has a name that cannot be printed")
        return Labels(held)

    def tags(self) -> dict[str, str]:
        """What it is tagged with; nothing where there is no such secret."""
        try:
            answer = self._calls.call("describe_secret", self.name)
            told = Fields(answer).objects("Tags") if "Tags" in answer else []
            return {tag.text("Key"): tag.text("Value") for tag in told}
        except Refused as refused:
            if refused.absent:
                return {}
            raise refused.error from None
        except WrongShape as error:
            raise self._unreadable(str(error)) from None

    def tag(self, key: str, value: str) -> None:
        """Tags it, in the place of what the tag was before."""
        self._calls.must("tag_resource", self.name, Tags=[{"Key": key, "Value": value}])

    def value(self, version: str, label: str | None = None) -> Secret | None:
        """What a version holds; None when AWS has no such version, or the version does not have the label."""
        stage = {"VersionStage": label} if label else {}
        try:
            answer = self._calls.call("get_secret_value", self.name, VersionId=version, **stage)
        except Refused as refused:
            if refused.absent or (label and refused.mismatch):
                return None
            raise refused.error from None
        text = answer.get("SecretString", "")
        if not isinstance(text, str):
            raise self._unreadable("its value is no text")
        return Secret(text)

    def contents(self, version: str) -> Contents:
        """What a version that somebody else wrote holds, in words; nothing of it is kept.

        Raises StoreError where it may not be read.
        """
        answer = self._calls.must("get_secret_value", self.name, VersionId=version)
        value = answer.get("SecretBinary", answer.get("SecretString", ""))
        return contents_of(value if isinstance(value, str | bytes) else "")

    def create(self, version: str, value: Secret, options: Mapping[str, object]) -> None:
        """Makes the secret with a first version, which AWS makes current; nothing when the secret is there."""
        try:
            self._calls.call(
                "create_secret", self.name, ClientRequestToken=version, SecretString=value.reveal(), **options
            )
        except Refused as refused:
            if not refused.exists:
                raise refused.error from None

    def put(self, version: str, value: Secret) -> None:
        """Stores a version that AWS does not have, under a label of our own. Its id makes the call repeatable."""
        self._calls.must(
            "put_secret_value",
            self.name,
            ClientRequestToken=version,
            SecretString=value.reveal(),
            VersionStages=[_ARRIVING + version[:32]],
        )

    def move(self, label: str, *, to: str, source: str | None) -> None:
        """Moves a label from the version `source`, or from none. Raises StoreError when another has it by now."""
        refusal: StoreError = self._not_seen()
        for _ in self._calls.turns():
            change = {"MoveToVersionId": to} | ({"RemoveFromVersionId": source} if source else {})
            try:
                self._change(label, change)
            except Refused as refused:
                refusal = refused.error
            else:
                return
            # A call that was repeated, another program, or a version that cannot be seen everywhere yet: look.
            holder = self._holder(label)
            if holder == to:
                return
            if holder not in {None, source}:
                raise self._came_too_late(label, holder)
            source = holder
        raise refusal

    def remove(self, label: str, *, source: str) -> bool:
        """Takes a label away from a version. Returns whether the version had it."""
        refusal: StoreError = self._not_seen()
        for _ in self._calls.turns():
            try:
                self._change(label, {"RemoveFromVersionId": source})
            except Refused as refused:
                refusal = refused.error
            else:
                return True
            if self._holder(label) != source:
                return False
        raise refusal

    def await_labels(self, seen: Callable[[Labels], bool]) -> Labels:
        """The labels, once what was written is what is read. Raises StoreUnavailable when that takes too long."""
        for _ in self._calls.turns():
            labels = self.labels()
            if labels is not None and seen(labels):
                return labels
        raise self._not_seen()

    def await_value(self, version: str, wanted: Secret) -> None:
        """Returns when a version is read as it was written. Raises StoreUnavailable when that takes too long."""
        for _ in self._calls.turns():
            found = self.value(version)
            if found is not None:
                self.refuse_other(version, found, wanted)
                return
        raise self._not_seen()

    def refuse_other(self, version: str, found: Secret, wanted: Secret) -> None:
        """Raises StoreError when a version, which never changes, holds something else."""
        if found != wanted:
            raise StoreError(
                f"{self._calls.where}: the secret {self.name} has another version {short(version)} already.",
                effect=NOTHING_CHANGED,
                rerun="Run it again: another key pair is made, with another id.",
            )

    def _unreadable(self, why: str) -> StoreError:
        return makes_no_sense(self._calls.where, self.name, why)

    def _change(self, label: str, change: Mapping[str, str]) -> None:
        self._calls.call("update_secret_version_stage", self.name, VersionStage=label, **change)

    def _holder(self, label: str) -> str | None:
        labels = self.labels()
        return labels.held.get(label) if labels else None

    def _came_too_late(self, label: str, holder: str | None) -> StoreError:
        now_at = short(holder) if holder else "no version"
        return StoreError(
            f"{self._calls.where}: another program moved {label} of the secret {self.name} meanwhile; {now_at} has it.",
            effect=NOTHING_CHANGED,
            hint="See what is stored with `rotator status`, and find the other program: one may rotate a credential.",
        )

    def _not_seen(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._calls.where} took a change of the secret {self.name} and does not show it yet.",
            effect=STAGES_WHOLE,
            rerun="Run it again in a minute: it goes on from what is there by then.",
        )
