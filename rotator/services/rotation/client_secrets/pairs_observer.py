"""Observations of a credential that is a client secret: the stages of its store, and the pairs of its consumer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.lifecycle.secret_age import aged
from rotator.core.observed import ObservedApp
from rotator.services.rotation.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.credentials import Stages
    from rotator.core.decision.observations import Observation
    from rotator.core.observed import ObservedCertificate
    from rotator.errors import OrgError
    from rotator.history.journal.projection import CredentialRecord
    from rotator.salesforce.client_secrets import Pairs
    from rotator.services.rotation.client_secrets.secrets_of_org import Secrets
    from rotator.services.rotation.observer import CredentialContext


class PairsObserver(Observer):
    """Observes one client secret, again and again."""

    def __init__(self, credential: CredentialContext, secrets: Secrets) -> None:
        """Looks at nothing yet."""
        super().__init__(credential)
        self._secrets = secrets
        self._pairs: Pairs | None = None

    def recheck(self) -> None:
        """The resources of a consumer are changed at once, or not at all."""

    def _look(self) -> Observation:
        """When its versions are to be replaced follows from their age."""
        self._last = aged(super()._look(), self._credential.settings.max_age)
        return self._last

    def _observe_apps(self, names: Sequence[str], stages: Stages, known: CredentialRecord) -> dict[str, ObservedApp]:
        [name] = names
        self._pairs = self._secrets.read(name)
        if self._pairs is None:
            return {name: ObservedApp(name, readable=False, by_secret=True)}
        seen = self._pairs.observed(name)
        stored = stages.fingerprints
        is_ours = seen.staged is not None and seen.staged not in stored and self._credential.is_staging()
        is_known = seen.live in stored and (seen.rotated is None or seen.rotated in stored)
        ended_by = known.revoked.ended_by.get(name) if known.revoked and not is_known else None
        return {name: replace(seen, staging=is_ours, ended_by=ended_by)}

    @property
    def client_ids(self) -> dict[str, str]:
        """See Observer."""
        if self._pairs is None:
            return {}
        return dict.fromkeys(self._credential.settings.app_names, self._pairs.in_use.client_id)

    def _absent(self, names: Sequence[str]) -> OrgError:
        [name] = names
        return self._secrets.absent(name)

    def _held(self) -> list[ObservedCertificate]:
        if self._pairs is None or self._last is None:
            return []
        return [self._pairs.in_place(self._credential.settings.org, name, self._last) for name in self._last.apps]
