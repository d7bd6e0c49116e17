"""What a revocation would end now, and whom that concerns: shown before it is asked about, and by `--dry-run`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.lifecycle.revocation import GivenBy, ObservedAccess, RevocationStep, remaining
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.services.access.ended_keys import observed
from rotator.services.access.issued_tokens import IssuedTokens
from rotator.services.revocation.app_access import NO_SIBLINGS, AppAccess, SharedGrant
from rotator.services.revocation.ended_pairs import EndedPairs, steps_of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.core.lifecycle.revocation import Revocation
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.services.rotation.observer import CredentialContext

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class RevocationPlan:
    """What there is to end of one credential."""

    credential: str
    org: str
    username: str
    steps: tuple[RevocationStep, ...]
    """Those that were asked for."""
    left: tuple[RevocationStep, ...]
    """Those of them of which something is there to end."""
    holding: tuple[str, ...] = ()
    """The apps that may hold a certificate of which somebody has the key."""
    issued: IssuedTokens = field(default_factory=IssuedTokens)
    grants: Sequence[SharedGrant] = ()
    """What lets its user in, where that is to be withdrawn."""
    is_open: bool = False
    """An app of it is open to all who approve it themselves."""
    unknown: Mapping[RevocationStep, OrgError] = field(default_factory=dict)
    """Why it is not known what a step would end."""
    has_secret: bool = False
    """It is a client secret."""

    def what(self, step: RevocationStep) -> str:
        """What a step would do, in sentences."""
        if step in self.unknown:
            return words.sentences(self.unknown[step].message, self.unknown[step].hint)
        if step is RevocationStep.CERTIFICATE:
            return self._of_certificate
        return self._of_tokens if step is RevocationStep.TOKENS else self._of_access

    @property
    def _of_certificate(self) -> str:
        if self.has_secret:
            return self._of_pair
        if not self.holding:
            return "Nothing: no app of it holds a certificate whose key anybody has."
        return f"{words.listed(self.holding)}: a certificate whose key nobody has takes the place of the live one."

    @property
    def _of_pair(self) -> str:
        if not self.holding:
            return "Nothing: its app takes no consumer key and secret already but one that nobody has."
        return (
            f"{words.listed(self.holding)}: a consumer key and secret that nobody has take the place of those in use,"
            " which are deleted. Whatever else logs in through that app, by a key as well, has the old consumer key and"
            " is refused, too."
        )

    @property
    def _of_tokens(self) -> str:
        if self.issued.is_none:
            return words.sentences("Nothing: the org shows no token of its user.", self.issued.hidden)
        return words.sentences(f"{self.issued} of {self.username} end.", self.issued.hidden, self._approval)

    @property
    def _of_access(self) -> str:
        if not self.grants:
            return f"Nothing: nothing lets {self.username} in."
        return words.sentences(*(_withdrawal(each, self.username) for each in self.grants))

    @property
    def _approval(self) -> str:
        """What cannot be given back."""
        return "To come back, the user has to approve the app once more in a browser." if self.is_open else ""


def plan_revocation(
    credential: CredentialContext,
    access: OrgAccess,
    steps: tuple[RevocationStep, ...],
    revoked: Revocation | None,
    siblings: Mapping[str, Sequence[str]] = NO_SIBLINGS,
) -> RevocationPlan:
    """Looks, and changes nothing. Raises OrgUnavailable and LoginRefused, OrgError where an app is not shown."""
    seen, settings = AppAccess(credential, access, siblings), credential.settings
    ended_by, steps = revoked.ended_by if revoked else {}, steps_of_kind(credential, steps)
    plan = RevocationPlan(
        credential=credential.name,
        org=settings.org,
        username=settings.username,
        steps=steps,
        left=steps,
        has_secret=credential.secrets is not None,
    )
    if credential.secrets is not None:
        pairs = EndedPairs(credential, credential.secrets)
        is_ended = pairs.are_ended(ended_by.get(pairs.app))
        apps = [ObservedAccess(pairs.app, ended_by.get(pairs.app, "another"), is_hidden=False)]
        plan = replace(plan, holding=() if is_ended else (pairs.app,))
    else:
        apps = [observed(app) for app in seen.apps()]
        plan = replace(plan, holding=tuple(app.full_name for app in seen.holding(ended_by)))
    unknown: dict[RevocationStep, OrgError] = {}
    if not plan.has_secret and {RevocationStep.ACCESS, RevocationStep.TOKENS} & {*steps}:
        try:
            grants = seen.shared()
            is_open = any(each.grant.given_by is GivenBy.POLICY for each in grants)
            plan = replace(plan, grants=grants if RevocationStep.ACCESS in steps else (), is_open=is_open)
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            unknown[RevocationStep.ACCESS] = error
    if RevocationStep.TOKENS in steps:
        try:
            plan = replace(plan, issued=seen.issued())
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            unknown[RevocationStep.TOKENS] = error
    tokens, sessions = len(plan.issued.tokens), len(plan.issued.sessions)
    given = tuple(each.grant for each in plan.grants)
    apps[0] = replace(apps[0], tokens=tokens, sessions=sessions, grants=given)
    ended_by = {name: each for name, each in ended_by.items() if name not in plan.holding}
    known = {*remaining(apps, steps, ended_by), *unknown}
    holding = plan.holding if RevocationStep.CERTIFICATE in steps else ()
    return replace(plan, left=tuple(step for step in steps if step in known), holding=holding, unknown=unknown)


def _withdrawal(each: SharedGrant, username: str) -> str:
    what = f"{username} loses {each.grant}"
    if each.others is None:
        return f"{what}: only users whom an administrator has approved may use that app then."
    if each.others:
        named = words.listed([*each.others[:_MOST_NAMED], *(["others"] if len(each.others) > _MOST_NAMED else [])])
        return f"{what}; so do {named} ({words.count(len(each.others), 'other user')})."
    if each.grant.given_by in {GivenBy.PERMISSION_SET, GivenBy.GROUP}:
        also = each.grant.shared_with
        so = (
            f"So {'do' if len(also) > 1 else 'does'} {words.listed(also)}: the same user logs in by it." if also else ""
        )
        return words.sentences(f"{what}, with all that is in it.", so)
    return f"{what}."
