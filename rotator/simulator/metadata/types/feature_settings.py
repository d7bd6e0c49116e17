"""Settings of features: one type, `Settings`, for files and lists, and a type of its own for each in CRUD calls.

A component is always there, and called by its feature (Metadata API Developer Guide, Settings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata.types.changes import Outcome, already_there, not_found
from rotator.simulator.metadata.types.metadata_type import ListedLine, MetadataType
from rotator.simulator.org.components import differ
from rotator.simulator.org.schema.feature_switches import CONNECTED_APP_SETTINGS, EXTERNAL_CLIENT_APP_SETTINGS
from rotator.simulator.org.setup import feature_settings
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.schema.field import Field

HAVE_EFFECT: Final = frozenset(
    {
        *("enableClientSecretInRestApiAccess", "enableConsumerSecretApiAccess"),
        # Nobody but a person in Setup notices.
        "enableSkipUserProvisioningWizardWelcomePage",
    }
)
"""The switches that may be turned: what another would change is not simulated."""


class FeatureSettingsType(MetadataType):
    """The settings of one feature, as CRUD calls name them."""

    @property
    def member(self) -> str:
        """The full name of the one component."""
        return self.name.removesuffix("Settings")

    def listed(self, org: Org) -> Iterable[Listed]:  # noqa: ARG002 - every org has them
        return [ListedLine(self.member)]

    def read(self, org: Org, name: str) -> Component | None:
        return {**feature_settings(org, self.name), "fullName": name} if name == self.member else None

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        if name != self.member:
            raise not_found(self.name, name)
        if mode == "create":
            raise already_there()
        before = feature_settings(author.org, self.name)
        after = author.merge.apply(self.schema, given, before)
        after.pop("fullName", None)
        for each in self.schema.fields:
            is_turned = after.get(each.name, each.default) != before.get(each.name, each.default)
            if is_turned and each.name not in HAVE_EFFECT:
                raise unsupported_fault(f"What {each.name} of {self.name} changes")
        author.org.features[self.name] = after
        return Outcome("", changed=differ(after, before, self.schema))


FEATURES: Final = {
    each.name: each
    for each in (
        FeatureSettingsType("settings", "settings", CONNECTED_APP_SETTINGS, since=47),
        FeatureSettingsType("settings", "settings", EXTERNAL_CLIENT_APP_SETTINGS, since=58),
    )
}
"""By the name that CRUD calls give."""


class SettingsType(MetadataType):
    """The settings of all features, as files and lists name them: by feature."""

    def _of(self, name: str) -> FeatureSettingsType | None:
        return FEATURES.get(f"{name}Settings")

    def listed(self, org: Org) -> Iterable[Listed]:
        return [each for kind in FEATURES.values() for each in kind.listed(org)]

    def schema_of(self, name: str) -> Field:
        kind = self._of(name)
        if kind is None:
            raise unsupported_fault(f"The settings {name or '(none)'}")
        return kind.schema

    def first_version_of(self, name: str) -> int:
        kind = self._of(name)
        return kind.since if kind else self.since

    def read(self, org: Org, name: str) -> Component | None:
        kind = self._of(name)
        return kind.read(org, name) if kind else None

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        kind = self._of(name)
        if kind is None:
            raise unsupported_fault(f"The settings {name or '(none)'}")
        return kind.write(author, name, given, mode)
