"""What a run would do, from one observation of store and org, and the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import Forecast, foresee
from rotator.core.lifecycle.dates import due_at
from rotator.core.lifecycle.drift import undone
from rotator.core.thresholds import has_come
from rotator.errors import ConfigurationError, OrgError, RotationHalted, RotationHeldUp, RotatorError, naming
from rotator.salesforce.apps.app import without_errors
from rotator.services.access.ended_keys import holding
from rotator.services.rotation.client_secrets.mechanics import observer_of
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.requests import bringing_back, continues, resumed, subject_of, wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.crypto.certificates import Certificate
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Strategy, Wanted
    from rotator.core.lifecycle.revocation import AccessGrant, Revocation
    from rotator.core.observed import ObservedCredential
    from rotator.salesforce.apps.acceptance import Acceptance
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.requests import Request


_ENDED: Final = Fingerprint("ended")
"""Stands for the certificate that an app is yet to get, whose key nobody has."""


@dataclass(frozen=True)
class ReturnStep:
    """What a run does before all else to bring back what was revoked."""

    action: str
    """`disable` or `give_back`, as the history has it."""
    app: str
    why: str

    def __str__(self) -> str:
        if self.action == ActionKind.DISABLE:
            return f"give {self.app} a certificate whose key nobody has: {self.why}"
        return f"give back {self.why}"


@dataclass(frozen=True)
class Plan:
    """When a credential is due, and what a run would do now."""

    credential: str
    strategy: Strategy
    current: Fingerprint | None
    not_after: datetime | None
    due_at: datetime | None
    """None where nobody rotates it of himself, too: what was revoked."""
    due: bool
    forecast: Forecast
    seen: ObservedCredential
    """As it was observed for this."""
    acceptances: tuple[Acceptance, ...] = ()
    """Whether the org would take other certificates for its apps, where it was asked."""
    returns: tuple[ReturnStep, ...] = ()
    """What comes before the steps of the forecast, of what was revoked."""
    ends_tokens_of: str = ""
    """The user whose tokens and sessions of the apps end at last, as his key was in wrong hands; else empty."""


def plan_of(
    credential: CredentialContext,
    request: Request,
    now: datetime,
    revoked: Revocation | None = None,
    taken: Sequence[AccessGrant] = (),
) -> Plan:
    """Observes once, and plays the run through in memory. Raises what observing raises, and why an app is absent.

    `revoked`: that the credential was, so that the run is to bring it back; `taken`: what its user is given back then.
    """
    observer = observer_of(credential)
    seen = observer.observe()
    if absent := observer.why_absent():
        raise absent
    policy = credential.policy
    current = seen.current
    due = None if revoked else due_at(seen, policy)
    returns: tuple[ReturnStep, ...] = ()
    foreseen, wanted = seen, None
    try:
        refuse_to_end_own_login(credential, observer.client_ids)
        credential.refuse_generic_host(observer.apps)
        if revoked:
            is_begun = credential.open_rotation() is not None
            is_undone = not is_begun and undone(seen, revoked)
            was_stored = current is not None or credential.known().was_stored
            request = bringing_back(
                credential.name, request, revoked, is_begun=is_begun, is_undone=is_undone, was_stored=was_stored
            )
            if credential.secrets is None and taken:
                returns, foreseen = _returned(credential, seen, revoked, taken)
        wanted = _wanted(credential, request, now)
        forecast = foresee(foreseen, wanted, policy, now)
    except (ConfigurationError, RotationHalted, RotationHeldUp) as halted:
        returns, forecast = (
            (),
            Forecast((), Action(ActionKind.HALT, halted.message, hint=halted.hint, rerun=halted.rerun)),
        )
    return Plan(
        credential=credential.name,
        strategy=seen.strategy,
        current=current.fingerprint if current else None,
        not_after=current.not_after if current else None,
        due_at=due,
        due=has_come(due, now),
        forecast=forecast,
        seen=seen,
        returns=returns,
        ends_tokens_of=credential.settings.username if wanted and wanted.compromised else "",
    )


def _returned(
    credential: CredentialContext, seen: Observation, revoked: Revocation, taken: Sequence[AccessGrant]
) -> tuple[tuple[ReturnStep, ...], Observation]:
    """What `return_access` does of what was revoked, and how the apps are seen after it."""
    ended = [app.full_name for app in holding([app for app in credential.read_apps() if app], revoked.ended_by)]
    steps = [ReturnStep(ActionKind.DISABLE, app, "else the revoked key would log in again") for app in ended]
    steps += [ReturnStep("give_back", grant.app, str(grant)) for grant in taken]
    apps = {
        name: replace(app, live=_ENDED, throwaway=True) if name in ended and not app.hidden else app
        for name, app in seen.apps.items()
    }
    return tuple(steps), replace(seen, apps=apps)


def plans_of(
    names: Sequence[str],
    open_context: Callable[[str], CredentialContext],
    request: Request,
    now: datetime,
    accept: Callable[[Sequence[App], datetime], Mapping[str, Acceptance]] | None = None,
    revoked: Mapping[str, Revocation] | None = None,
    taken: Mapping[str, Sequence[AccessGrant]] | None = None,
) -> dict[str, Plan | RotatorError]:
    """The plans of credentials of one org, or why there is none; all their apps are read at once, ten in a call.

    `revoked`: what was revoked of those that are to be brought back, `taken` what their users get back. `accept` asks
    the org once whether it would take other certificates for these apps.
    """
    found: dict[str, Plan | RotatorError] = {}
    contexts: dict[str, CredentialContext] = {}
    for name in names:
        try:
            contexts[name] = open_context(name)
        except RotatorError as error:
            found[name] = error
    if not contexts:
        return found
    try:
        apps = _read_at_once([*contexts.values()])
        accepted = accept(apps.found, now) if accept else {}
    except RotatorError as error:
        return found | dict.fromkeys(contexts, error)
    for name, credential in contexts.items():
        answers = tuple(accepted[each] for each in _names_of_keys([credential]) if each in accepted)
        try:
            plan = plan_of(
                replace(credential, apps=apps), request, now, (revoked or {}).get(name), (taken or {}).get(name, ())
            )
            found[name] = replace(plan, acceptances=answers)
        except RotatorError as error:
            found[name] = error
    return found


def _read_at_once(credentials: Sequence[CredentialContext]) -> _AppsAsRead:
    names, apps = _names_of_keys(credentials), credentials[0].apps
    found = dict(zip(names, apps.read_each(names), strict=True))
    return naming(_AppsAsRead(found, apps.absent), org=credentials[0].settings.org)


def _names_of_keys(credentials: Sequence[CredentialContext]) -> list[str]:
    """The apps of credentials that are key pairs, each once."""
    of_keys = (each.settings for each in credentials if each.secrets is None)
    return [*dict.fromkeys(name for each in of_keys for name in each.app_names)]


class _AppsAsRead:
    """The apps of an org as they were read in one go (`rotator.services.rotation.observer.Apps`)."""

    def __init__(self, found: Mapping[str, App | OrgError | None], absent: Callable[..., OrgError]) -> None:
        self._found: Final = found
        self.absent: Final = absent

    @property
    def found(self) -> list[App]:
        return [app for app in self._found.values() if app and not isinstance(app, OrgError)]

    def read(self, full_name: str) -> App | None:
        return self.read_all([full_name])[0]

    def read_all(self, full_names: Sequence[str]) -> list[App | None]:
        return without_errors(self.read_each(full_names))

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        return [self._found[name] for name in full_names]

    def replace_certificate(
        self, full_name: str, _certificate: Certificate, *, expecting: Fingerprint | None, sends: object = None
    ) -> App:
        raise AssertionError(f"a plan changes nothing: {full_name}, {expecting}, {sends}")

    @staticmethod
    def settle() -> bool:
        return False


def _wanted(credential: CredentialContext, request: Request, now: datetime) -> Wanted:
    """What the request would want: of an interrupted rotation, if it means that one, what that wanted."""
    stages, rotation = credential.store.stages(credential.name), credential.open_rotation()
    if rotation and continues(request, rotation, stages, now=now):
        return resumed(rotation, request)
    if not request.goal:
        return wanted_of(request, None)
    was_stored, has_secret = credential.last_promotion() is not None, credential.secrets is not None
    is_known = was_stored or credential.known().refused_since is not None
    return wanted_of(request, subject_of(credential.name, request, stages, was_stored=is_known, has_secret=has_secret))
