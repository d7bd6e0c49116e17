"""A secret in which another program writes, or wrote before: what is in it, and how a person takes it over.

Nothing of it is ever overwritten: whoever reads it may need it still. So the way on is a secret of rotator's own.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rotator.core.credentials import is_fingerprint
from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError
from rotator.stores.aws.labels import PLACEHOLDER
from rotator.stores.aws.policy import CURRENT, PENDING

if TYPE_CHECKING:
    from rotator.stores.aws.labels import AwsSecret, Labels
    from rotator.stores.contents import Contents


def is_ours(version: str) -> bool:
    """Whether a version's id is one that this program gives."""
    return version == PLACEHOLDER or is_fingerprint(version)


def foreign(where: str, secret: AwsSecret, labels: Labels, label: str) -> StoredDamaged:
    """The error for a secret whose `label` is on a version that this program did not write."""
    version = labels.held[label]
    if any(map(is_ours, labels.held.values())):
        return _moved(where, secret, label, version)
    contents = _contents(secret, version)
    what = contents.what if contents else "something else"
    return StoredDamaged(
        f"{where}: the secret {secret.name} was there before, and holds {what}, which this program did not write.",
        effect="Nothing in it was changed.",
        hint=_taken_over(secret.name, contents),
    )


def _contents(secret: AwsSecret, version: str) -> Contents | None:
    try:
        return secret.contents(version)
    except StoreError:
        return None


def _taken_over(name: str, contents: Contents | None) -> str:
    own = "Set a `prefix` of the store under which nobody else writes"
    if contents is not None and not contents.has_key:
        delete = f"aws secretsmanager delete-secret --secret-id {shlex.quote(name)}"
        return (
            f"{own}; or, if nobody needs what is in it, `{delete} --force-delete-without-recovery`: it is made anew"
            " then (with Terraform: `aws_secretsmanager_secret` without a version of it, and `create: false`)."
        )
    return (
        f"{own}. Then `rotator adopt NAME --key <({_read(name, contents)})` takes the key over, and consumers are to"
        " read the new secret; delete this one when none reads it any more."
    )


def _read(name: str, contents: Contents | None) -> str:
    """The command that prints the key."""
    get = f"aws secretsmanager get-secret-value --secret-id {shlex.quote(name)} --output text --query"
    if contents is not None and contents.what == "binary data":
        return f"{get} SecretBinary | base64 -d"
    return f"{get} SecretString" + (
        f" | jq -r {shlex.quote(f'.[{_quoted(contents.member)}]')}" if contents and contents.member else ""
    )


def _quoted(member: str) -> str:
    return '"' + member.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _moved(where: str, secret: AwsSecret, label: str, version: str) -> StoredDamaged:
    """Of a secret that is ours: somebody else has stored a version in it, or rotates it as well."""
    command = f"aws secretsmanager update-secret-version-stage --secret-id {secret.name} --version-stage {label}"
    moved = f"{command} --remove-from-version-id {version}"
    if label == CURRENT:
        hint = (
            f"Find out who changed it. Move the label back with `{moved} --move-to-version-id` and the version that was"
            " current, or set another `prefix` for the store."
        )
    else:
        hint = f"Find out who changed it, and take the label away: `{moved}`."
    contents = _contents(secret, version)
    holding = f", and holds {contents.what}" if contents else ""
    rotates = " A rotation of another program has begun in it, or was left half done." if label == PENDING else ""
    return StoredDamaged(
        f"{where}: {label} of the secret {secret.name} is on the version {version},"
        f" which this program did not write{holding}.{rotates}",
        effect=NOTHING_CHANGED,
        hint=hint,
    )
