"""Which apps an org lists, by kind and name, and where the external client apps among them have their certificates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rotator.core.kept import Kept
from rotator.core.observed import APPS, Kind
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.salesforce.faults import may_be_of_one
from rotator.salesforce.metadata import FEWER_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.salesforce.metadata import Listing, MetadataService

SETTINGS_TYPE: Final = "ExtlClntAppGlobalOauthSettings"
"""The satellite of an external client app that holds its certificate and its consumer key."""

TYPES_OF: Final = {Kind.APP: (Kind.APP,), Kind.EXTERNAL_APP: (Kind.EXTERNAL_APP, SETTINGS_TYPE)}
"""The types of metadata that an app of a kind, and its certificate, are in."""

KIND_OF: Final = {each: kind for kind, types in TYPES_OF.items() for each in types}
"""The kind of app that a type of metadata is of."""

POLICIES_TYPE: Final = "ExtlClntAppOauthConfigurablePolicies"
"""The satellite that says who may log in through the app."""

_TYPES: Final = tuple(KIND_OF)


@dataclass(frozen=True)
class Listed:
    """What an org listed, once."""

    names: Mapping[str, Sequence[str]]
    """Full names by type."""
    refused: Mapping[str, OrgError] = field(default_factory=dict)
    """Why a type was not listed, by type."""
    settings_of: Mapping[str, str] = field(default_factory=dict)
    """Full name of its global OAuth settings by the folded name of the app, of those that were looked for."""
    showing: frozenset[str] = frozenset()
    """Folded names of external client apps that have shown a certificate: where they show none, they hold none."""

    def kinds_of(self, full_name: str) -> tuple[Kind, ...]:
        """The kinds in which there is an app of this name; Salesforce takes names in any case."""
        wanted = full_name.casefold()
        return tuple(kind for kind in _KINDS if wanted in map(str.casefold, self.names.get(kind, ())))


_KINDS: Final = tuple(kind for kind in Kind if kind in APPS)


class AppDirectory:
    """The list of one org, asked for when it is first needed, and kept."""

    def __init__(self, metadata: MetadataService, kept: Kept[Listed] | None = None) -> None:
        """`kept` has the lists of several orgs, and may be shared by threads."""
        self._metadata: Final = metadata
        self._kept: Final[Kept[Listed]] = Kept(1) if kept is None else kept

    def listed(self) -> Listed:
        """The list as it was last read. Raises OrgError, OrgUnavailable and LoginRefused."""
        return self._kept.get(self._metadata.org) or self.look_again()

    def look_again(self) -> Listed:
        """The list as it is now, in one call where the user may list every type."""
        known = self._kept.get(self._metadata.org) or Listed({})
        names, refused = names_by_type(self._metadata, _TYPES)
        listed = replace(known, names=names, refused=refused)
        self._kept.put(self._metadata.org, listed)
        return listed

    def note_settings(self, found: Mapping[str, str]) -> None:
        """Keeps which global OAuth settings belong to which apps."""
        listed = self.listed()
        self._kept.put(self._metadata.org, replace(listed, settings_of={**listed.settings_of, **found}))

    def note_showing(self, full_name: str) -> None:
        """Keeps that an external client app shows its certificate."""
        listed = self.listed()
        if full_name.casefold() not in listed.showing:
            self._kept.put(self._metadata.org, replace(listed, showing=listed.showing | {full_name.casefold()}))


def names_by_type(
    metadata: MetadataService, types: Sequence[str]
) -> tuple[dict[str, Sequence[str]], dict[str, OrgError]]:
    """Full names by type, and why the others were not listed: a type that is refused refuses all of its call.

    Raises the first of the errors where each type is refused.
    """
    try:
        return _by_type(metadata.list_components(*types)), {}
    except OrgError as error:
        if not may_be_of_one(error):
            raise
    names: dict[str, Sequence[str]] = {}
    refused: dict[str, OrgError] = {}
    for each in types:
        try:
            names |= _by_type(metadata.list_components(each, attempts=FEWER_ATTEMPTS))
        except (LoginRefused, OrgUnavailable):
            raise
        except OrgError as error:
            refused[each] = error
    if len(refused) == len(types):
        raise refused[types[0]]
    return names, refused


def _by_type(listings: Sequence[Listing]) -> dict[str, Sequence[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for listing in listings:
        names[listing.metadata_type].append(listing.full_name)
    return dict(names)
