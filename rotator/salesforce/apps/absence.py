"""Why an org does not show an app: the name is wrong, the user may not list its kind, or may not read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core import words
from rotator.core.observed import APPS, Kind
from rotator.errors import NOTHING_CHANGED, OrgError
from rotator.salesforce.apps.directory import KIND_OF
from rotator.salesforce.permissions import PERMISSION_HINT, needed_to_see

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.salesforce.apps.directory import Listed

_API_NAME: Final = (
    "Setup shows the API name of a connected app in App Manager, that of an external client app in External Client App"
    " Manager; a package's apps begin with its namespace and __. Some orgs do not show the Metadata API an external"
    " client app that was made in Setup: there, deploy one."
)


class _Cause(NamedTuple):
    sentence: str
    hint: str


def absent(org: str, full_names: Sequence[str], listed: Listed, kinds: Mapping[str, Kind]) -> OrgError:
    """The error for apps that an org does not show. `kinds` are those that the configuration says."""
    causes = [_cause(org, name, listed, kinds.get(name.casefold())) for name in full_names]
    return OrgError(
        words.sentences(*dict.fromkeys(each.sentence for each in causes)),
        effect=NOTHING_CHANGED,
        hint=words.sentences(*dict.fromkeys(each.hint for each in causes)),
    )


def ambiguous(org: str, full_name: str) -> OrgError:
    """The error for a name that an app of each kind has."""
    return OrgError(
        f"The org {org} has two apps {full_name}: a connected app and an external client app.",
        effect=NOTHING_CHANGED,
        hint=f"Say in config.yaml which is meant: `{{name: {full_name}, kind: external_client_app}}` under `apps`,"
        " or `kind: connected_app`.",
    )


def _cause(org: str, full_name: str, listed: Listed, meant: Kind | None) -> _Cause:
    there = listed.kinds_of(full_name)
    if meant and there and meant not in there:
        return _Cause(
            f"{full_name} in the org {org} is no {meant.noun}: it is among the {there[0].noun}s.",
            "Change or leave out its `kind` under `apps` in config.yaml.",
        )
    if there:
        return _Cause(
            f"The org {org} lists the {there[0].noun} {full_name}, and does not let the program's user read it.",
            PERMISSION_HINT,
        )
    wanted = {meant} if meant else APPS
    for metadata_type, error in listed.refused.items():
        refused = KIND_OF[metadata_type]
        if refused in wanted:
            return _Cause(
                f"The org {org} does not list {refused.noun}s to the program's user, and what `apps` names may be among"
                f" them: {error.message}",
                needed_to_see(refused),
            )
    names = [name for kind in wanted for name in listed.names.get(kind, ())]
    whats = f"{meant.noun}s" if meant else "apps of either kind"
    if not names:
        return _Cause(f"The org {org} lists no {whats} to the program's user, {full_name} as little.", PERMISSION_HINT)
    what = f"no {meant.noun} {full_name}" if meant else f"no app {full_name}, connected app or external client app"
    from difflib import get_close_matches  # noqa: PLC0415 - for who mistyped

    close = get_close_matches(full_name, names, n=1, cutoff=0.6)
    return _Cause(f"The org {org} has {what}.", f"Did you mean `{close[0]}`? {_API_NAME}" if close else _API_NAME)
