"""Whether an org would take an app with another certificate: it checks a deployment, and changes nothing.

The very component that a rotation would send is checked, with the certificate that the app holds, or with one that is
made for this and whose key nobody has, where the app holds none or the org does not show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.errors import OrgError
from rotator.salesforce.writing.deployments import Deployments
from rotator.salesforce.writing.outcomes import never_began, refusal, refused_component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

PATIENCE: Final = 30.0
"""Seconds that an org is waited for to check a deployment while somebody waits for the answer."""


@dataclass(frozen=True)
class Acceptance:
    """What an org said of one app."""

    app: str
    refused: OrgError | None = None
    """Why it would not take it."""
    untried: OrgError | None = None
    """Why it could not be asked."""

    @property
    def result(self) -> str:
        """In one word: `accepted`, `refused` or `untried`."""
        return "refused" if self.refused else "untried" if self.untried else "accepted"

    @property
    def sentence(self) -> str:
        """For people."""
        if self.refused:
            return self.refused.message
        if self.untried:
            return f"Whether the org would take a certificate for {self.app} is not known. {self.untried.message}"
        return f"The org would take a certificate for {self.app}: it checked a deployment, and changed nothing."

    @property
    def hint(self) -> str:
        """What to do about it."""
        error = self.refused or self.untried
        return error.hint if error else ""


def checked(metadata: MetadataService, components: Mapping[str, Component]) -> dict[str, Acceptance]:
    """What the org says of the components of some apps, by app, in one deployment that it only checks."""
    if not components:
        return {}
    try:
        problems = _problems(metadata, components)
    except OrgError as error:
        return {app: Acceptance(app, untried=error) for app in components}
    return {app: Acceptance(app, refused=problems.get(app)) for app in components}


def _problems(metadata: MetadataService, components: Mapping[str, Component]) -> dict[str, OrgError]:
    """What is wrong with single components, by app. Raises OrgError when no component was checked."""
    names = " and ".join(components)
    ended = Deployments(metadata).checked([*components.values()], PATIENCE)
    if not ended.is_over:
        raise never_began(metadata.org, names)
    if ended.has_succeeded:
        return {}
    told = {(problem.metadata_type, problem.full_name): problem for problem in ended.problems}
    keys = {app: (each.metadata_type, each.full_name) for app, each in components.items()}
    found = {app: refused_component(metadata.org, told[key], app) for app, key in keys.items() if key in told}
    if not found:
        raise refusal(metadata.org, ended, names)
    return found
