"""The least that a Vault policy must allow (Vault documentation, "Policies"), whole and for one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PENDING: Final = "pending"
"""The last part of the path at which a pending version lies."""

PROBE: Final = ".check-"
"""How the name begins of a secret on which everything is tried; it alone is ever removed."""

CONSUMERS: Final = "consumers"
"""The part of the path below which consumers say what they use, in the metadata of secrets that hold nothing."""

_COMMENT: Final = """\
# Beside this the policy `default` is needed: with it a token renews, looks up and revokes itself."""


def stanza(path: str, capabilities: Iterable[str]) -> str:
    """One rule of a policy."""
    listed = ", ".join(f'"{capability}"' for capability in capabilities)
    return f'path "{path}" {{ capabilities = [{listed}] }}'


def rotator_policy(mount: str, folder: str) -> str:
    """For rotator itself: everything in its own folder, and nothing else."""
    rules = (
        stanza(f"{mount}/data/{folder}/*", ("create", "read", "update")),
        stanza(f"{mount}/destroy/{folder}/*", ("update",)),
        stanza(f"{mount}/metadata/{folder}/*", ("read",)),
        # Of two rules that fit the one that says more of the path counts alone.
        stanza(f"{mount}/metadata/{folder}/{PROBE}*", ("read", "delete")),
    )
    return "\n".join((_COMMENT, *rules))


def consumer_policy(mount: str, folder: str, credential: str) -> str:
    """For a consumer: the current version and the previous one; the pending one is for those that try every key."""
    return "\n".join(
        (
            stanza(f"{mount}/data/{folder}/{credential}", ("read",)),
            "# For a consumer that tries the pending key as well, so that no rotation in place fails a login of it:",
            f"# {stanza(f'{mount}/data/{folder}/{credential}/{PENDING}', ('read',))}",
            "# For a consumer that says which version it last logged in with, by its NAME in `consumers`:",
            f"# {stanza(f'{mount}/metadata/{folder}/{credential}/{CONSUMERS}/NAME', ('create', 'update'))}",
        )
    )
