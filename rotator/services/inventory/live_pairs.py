"""What the consumers of credentials that are client secrets have just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.lifecycle.secret_age import aged

if TYPE_CHECKING:
    from rotator.config.settings import CredentialSettings
    from rotator.core.observed import ObservedCertificate, ObservedCredential
    from rotator.salesforce.client_secrets import Pairs

ReadPairs = Callable[[str, str], "Pairs"]
"""The pairs of the app of an org and a name. It raises why there are none, and why they cannot be read."""


def with_pairs(
    settings: CredentialSettings, stored: ObservedCredential, read_pairs: ReadPairs
) -> tuple[ObservedCredential, ObservedCertificate]:
    """A credential with what its consumer has, and the pair in use in its place. Raises what reading it raises."""
    [app] = settings.app_names
    pairs = read_pairs(settings.org, app)
    seen = aged(replace(stored, apps={app: pairs.observed(app)}), settings.max_age)
    return seen, pairs.in_place(settings.org, app, seen)


def no_pairs(org: str, app: str) -> Pairs:
    """For whoever reads no client secrets. Raises ValueError."""
    raise ValueError(f"nobody reads the client secret of {app} in {org} here")
