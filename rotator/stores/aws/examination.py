"""What AWS says of one secret beside its versions: replicas, the key, the policy, and whose it is.

Everything here but the policy is in the answer to DescribeSecret, which a rotation needs anyway. The policy takes a
permission of its own (GetResourcePolicy) that no rotation needs: where it is not given, that is said, and no fault.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rotator.core import words
from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.net.shapes import Fields, WrongShape
from rotator.plain_text import one_line
from rotator.stores.aws.aws_errors import NotAllowed, makes_no_sense
from rotator.stores.aws.secrets_manager import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rotator.stores.aws.secrets_manager import AwsCalls


def examine(calls: AwsCalls, name: str, kms_key: str | None) -> Sequence[str]:
    """What is worth knowing of a secret, a sentence each.

    `kms_key` is that of new secrets, by the configuration. Raises StoreError for what hinders the next rotation.
    """
    try:
        described = calls.call("describe_secret", name)
    except Refused as refused:
        if refused.absent:
            return ["There is no such secret yet."]
        raise refused.error from None
    try:
        fields = Fields(described)
        _refuse_owned(calls, name, fields)
        found = [*_replicas(calls, name, fields), *_key(fields, kms_key)]
    except WrongShape as error:
        raise makes_no_sense(calls.where, name, str(error)) from None
    return [*found, *_policy(calls, name)]


def _refuse_owned(calls: AwsCalls, name: str, fields: Fields) -> None:
    owner = one_line(fields.text("OwningService"), 60)
    if owner:
        raise StoreError(
            f"{calls.where}: the secret {name} belongs to another service of AWS, {owner}, which changes it.",
            effect=NOTHING_CHANGED,
            hint="Set another `prefix` of the store.",
        )


def _replicas(calls: AwsCalls, name: str, fields: Fields) -> Iterator[str]:
    primary, arn = fields.text("PrimaryRegion"), fields.text("ARN").split(":")
    region = arn[3] if len(arn) > 3 else ""
    if primary and region and primary != region:
        raise StoreError(
            f"{calls.where}: the secret {name} is a replica of the one in {one_line(primary, 30)}.",
            effect=NOTHING_CHANGED,
            hint=f"Set `region: {one_line(primary, 30)}` of the store: a replica can only be read.",
        )
    replicas = [*fields.objects("ReplicationStatus")] if "ReplicationStatus" in fields else []
    failed = [each for each in replicas if each.text("Status") == "Failed"]
    for each in failed:
        told = one_line(each.text("StatusMessage"), 200).rstrip(".") or "Failed"
        where = one_line(each.text("Region"), 30)
        raise StoreError(
            f"{calls.where}: the replica of {name} in {where} does not follow: {told}.",
            effect=NOTHING_CHANGED,
            hint="Mend it, or remove it with `aws secretsmanager remove-regions-from-replication`: who reads it keeps"
            " an old key.",
        )
    if replicas:
        where = words.listed(one_line(each.text("Region"), 30) for each in replicas)
        yield f"It is replicated to {where}: consumers there see a new version a moment later."


def _key(fields: Fields, kms_key: str | None) -> Iterator[str]:
    held = one_line(fields.text("KmsKeyId"), 300)
    if kms_key is None or kms_key.rpartition("/")[2] == held.rpartition("/")[2]:
        return
    is_alias = "alias/" in kms_key
    if is_alias and held and "alias/" not in held:
        # AWS may keep the key's ARN for an alias; which one it stands for only KMS tells.
        return
    yield f"It is encrypted with {held or 'the key of AWS for Secrets Manager'}: `kms_key` is for new secrets only."


def _policy(calls: AwsCalls, name: str) -> Iterator[str]:
    try:
        text = calls.must("get_resource_policy", name).get("ResourcePolicy")
    except NotAllowed:
        yield "Whether it has a policy of its own was not looked at: secretsmanager:GetResourcePolicy is not allowed."
        return
    statements = _statements(text)
    if any(_is_for_all(each) for each in statements):
        raise StoreError(
            f"{calls.where}: the policy of the secret {name} lets everybody in, of whatever account.",
            effect=NOTHING_CHANGED,
            hint=f"`aws secretsmanager get-resource-policy --secret-id {name}` shows it; name who may read it, or"
            " delete it with `delete-resource-policy`.",
        )
    denials = sum(each.get("Effect") == "Deny" for each in statements)
    if denials:
        yield f"Its own policy has {words.count(denials, 'denial')}: they count for rotator, too."
    elif statements:
        yield "It has a policy of its own, beside those of IAM."


def _statements(text: object) -> list[Mapping[str, Any]]:
    try:
        policy = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return []
    found = policy.get("Statement", []) if isinstance(policy, dict) else []
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _is_for_all(statement: Mapping[str, Any]) -> bool:
    """Whether it allows without a condition whoever asks (IAM User Guide, "Principal")."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    everybody = named == "*" or (isinstance(named, list) and "*" in named)
    return statement.get("Effect") == "Allow" and everybody and not statement.get("Condition")
