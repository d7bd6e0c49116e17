"""What a run would do, from one observation of store and org, and the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import Forecast, foresee
from rotator.core.lifecycle.dates import due_at
from rotator.core.thresholds import has_come
from rotator.errors import ConfigurationError, OrgError, RotationHalted, RotatorError, naming
from rotator.services.rotation.client_secrets.mechanics import observer_of
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.requests import continues, resumed, subject_of, wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.decision.policies import Strategy, Wanted
    from rotator.core.observed import ObservedCredential
    from rotator.salesforce.apps.acceptance import Acceptance
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.requests import Request


@dataclass(frozen=True)
class Plan:
    """When a credential is due, and what a run would do now."""

    credential: str
    strategy: Strategy
    current: Fingerprint | None
    not_after: datetime | None
    due_at: datetime | None
    due: bool
    forecast: Forecast
    seen: ObservedCredential
    """As it was observed for this."""
    acceptances: tuple[Acceptance, ...] = ()
    """Whether the org would take other certificates for its apps, where it was asked."""


def plan_of(credential: CredentialContext, request: Request, now: datetime) -> Plan:
    """Observes once, and plays the run through in memory. Raises what observing raises."""
    observer = observer_of(credential)
    seen = observer.observe()
    policy = credential.policy
    current = seen.current
    due = due_at(seen, policy)
    try:
        refuse_to_end_own_login(credential, observer.apps)
        credential.refuse_generic_host(observer.apps)
        forecast = foresee(seen, _wanted(credential, request, now), policy, now)
    except (ConfigurationError, RotationHalted) as halted:
        forecast = Forecast((), Action(ActionKind.HALT, halted.message, hint=halted.hint, rerun=halted.rerun))
    return Plan(
        credential=credential.name,
        strategy=seen.strategy,
        current=current.fingerprint if current else None,
        not_after=current.not_after if current else None,
        due_at=due,
        due=has_come(due, now),
        forecast=forecast,
        seen=seen,
    )


def plans_of(
    names: Sequence[str],
    open_context: Callable[[str], CredentialContext],
    request: Request,
    now: datetime,
    accept: Callable[[Sequence[App], datetime], Mapping[str, Acceptance]] | None = None,
) -> dict[str, Plan | RotatorError]:
    """The plans of credentials of one org, or why there is none; all their apps are read at once, ten in a call.

    `accept` asks the org once whether it would take other certificates for these apps.
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
        for name, credential in contexts.items():
            try:
                plan = plan_of(replace(credential, apps=apps), request, now)
                names_of_keys = credential.settings.app_names if credential.secrets is None else ()
                answers = [accepted[each] for each in names_of_keys if each in accepted]
                found[name] = replace(plan, acceptances=tuple(answers))
            except RotatorError as error:
                found[name] = error
    except RotatorError as error:
        found |= dict.fromkeys(contexts, error)
    return found


def _read_at_once(credentials: Sequence[CredentialContext]) -> _AppsAsRead:
    of_keys = (each.settings for each in credentials if each.secrets is None)
    names = [*dict.fromkeys(name for each in of_keys for name in each.app_names)]
    apps = credentials[0].apps
    found = dict(zip(names, apps.read_each(names), strict=True))
    return naming(_AppsAsRead(found, apps.absent), org=credentials[0].settings.org)


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
        apps: list[App | None] = []
        for app in self.read_each(full_names):
            if isinstance(app, OrgError):
                raise app
            apps.append(app)
        return apps

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        return [self._found[name] for name in full_names]

    def replace_certificate(self, full_name: str, _certificate: Certificate, *, expecting: Fingerprint | None) -> App:
        raise AssertionError(f"a plan changes nothing: {full_name}, {expecting}")

    @staticmethod
    def settle() -> bool:
        return False


def _wanted(credential: CredentialContext, request: Request, now: datetime) -> Wanted:
    """What the request would want: of an interrupted rotation, if it means that one, what that wanted."""
    stages, rotation = credential.store.stages(credential.name), credential.open_rotation()
    if rotation and continues(request, rotation, stages, now=now):
        return resumed(rotation, request)
    return wanted_of(
        request,
        subject_of(credential.name, request, stages, has_secret=credential.secrets is not None)
        if request.goal
        else None,
    )
