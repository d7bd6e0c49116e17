"""What the consumers of credentials that are client secrets have just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.lifecycle.secret_age import aged
from rotator.errors import OrgError
from rotator.salesforce.client_secrets import Pairs

if TYPE_CHECKING:
    from rotator.config.settings import CredentialSettings
    from rotator.core.observed import ObservedCertificate, ObservedCredential

ReadPairs = Callable[[str, str], Pairs | None]
"""The pairs of the app of an org and a name; None where it is missing. It raises why they cannot be read."""


def with_pairs(
    settings: CredentialSettings, stored: ObservedCredential, read_pairs: ReadPairs
) -> tuple[ObservedCredential, ObservedCertificate]:
    """A credential with what its consumer has, and the pair in use in its place. Raises what reading it raises."""
    [app] = settings.app_names
    pairs = read_pairs(settings.org, app)
    if pairs is None:
        raise OrgError(
            f"The org {settings.org} shows no external client app {app} with a consumer key: missing, or the program's"
            " user may not read it.",
            hint="`rotator check` tells more.",
        )
    seen = aged(replace(stored, apps={app: pairs.observed(app)}), settings.max_age)
    return seen, pairs.in_place(settings.org, app, seen)


def no_pairs(org: str, app: str) -> Pairs | None:
    """For whoever reads no client secrets. Raises ValueError."""
    raise ValueError(f"nobody reads the client secret of {app} in {org} here")
