"""Revokes credentials of a ground and brings them back; and what a consumer of one has, before and after."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rotator.core.actor import Actor
from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.revocation import EVERY_STEP, RevocationStep
from rotator.salesforce.login import LoginTarget, log_in
from rotator.services.inventory.status import known_state
from rotator.services.revocation.revoker import RevocationRequest, Revoker
from rotator.services.rotation.report import Silent
from rotator.services.rotation.requests import Request
from rotator.simulator.oauth import identity
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.serving.state import _org_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.application import Application
    from rotator.core.credentials import KeyVersion
    from rotator.core.lifecycle.states import CredentialState
    from rotator.services.revocation.revocation_report import RevocationReport
    from rotator.services.rotation.report import Report
    from rotator.simulator.org.apps import ClientApp
    from tests.rotation.ground import Ground

ALEX: Final = Actor("alex@laptop")
CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
BACK: Final = Request("replace", ALEX, "found again", options=RotationOptions(retire_now=True))


class Died(BaseException):
    """The process ends here."""


class Given:
    """What a consumer of a credential has, and whether the org takes it."""

    def __init__(self, ground: Ground, version: KeyVersion) -> None:
        self._ground: Final = ground
        self._version: Final = version
        user = ground.org.users[version.username]
        self.refresh_token: Final = ground.org.approve(self._app, user).reveal()
        self.token: Final = self.log_in() or ""
        assert self.holds

    @property
    def _app(self) -> ClientApp:
        return self._ground.apps[self._version.app]

    def log_in(self) -> str | None:
        """A login with the key that it has; the token, if there is one."""
        target, now = LoginTarget.of(self._version), self._ground.clock.now()
        token = log_in(self._ground.transport, target, self._version.private_key, now).token
        return token.reveal() if token else None

    @property
    def is_token_taken(self) -> bool:
        return identity.userinfo(self._ground.org, self.token).status == 200

    @property
    def is_refresh_token_taken(self) -> bool:
        form = {"grant_type": "refresh_token", "client_id": self._app.client_id, "refresh_token": self.refresh_token}
        return answer_login(self._ground.org, form).status == 200

    @property
    def holds(self) -> bool:
        return bool(self.log_in()) and self.is_token_taken and self.is_refresh_token_taken


def in_use(ground: Ground, credential: str = "billing", *apps: str) -> Given:
    for app in ground.apps.values():
        given = vars(app.satellites["ExtlClntAppGlobalOauthSettings"]) if hasattr(app, "satellites") else None
        if given:
            given["component"] = {**given["component"], "isSecretRequiredForRefreshToken": "false"}
    return Given(ground, ground.in_use(credential, *(apps or ("Billing",))))


def revoke(
    ground: Ground,
    *steps: RevocationStep,
    credential: str = "billing",
    reason: str = "laptop stolen",
    own_login: bool = False,
) -> RevocationReport:
    with ground.program() as app:
        return revoke_in(app, credential, *steps, reason=reason, own_login=own_login)


def revoke_in(
    app: Application, credential: str, *steps: RevocationStep, reason: str = "x", own_login: bool = False
) -> RevocationReport:
    revoker = Revoker(
        app.credential_context(credential),
        app.access(credential),
        app.journal,
        app.fenced_locks,
        now=app.now,
        sleep=app.sleep,
        siblings=app.settings.siblings(credential),
    )
    return revoker.run(RevocationRequest(ALEX, reason, steps or EVERY_STEP, own_login))


def handle(ground: Ground, request: Request = BACK, credential: str = "billing") -> Report:
    with ground.program() as app:
        service = app.rotation_service(credential, listener=Silent(), stop_asked=lambda: False)
        return service.handle(request)


def whole(ground: Ground, *apps: str) -> dict[str, Any]:
    """All of the org, without the certificates of some apps, when these were changed, and users' own approvals.

    An approval ends with the tokens, and nobody but the user can give it again.
    """
    fields: dict[str, Any] = _org_fields(ground.org)
    for kind in ("apps", "external_apps"):
        for app in fields[kind]:
            app["approved_usernames"] = None
            if app["name"] in apps:
                app |= {"changes": None, "modified_at": None, "modified_by": None}
            for satellite in app.get("satellites", ()):
                satellite |= {"modified_at": None, "modified_by": None}
    shown: dict[str, Any] = _without_defaults(fields | {"ids_given": None})
    return shown


def _without_defaults(value: Any) -> Any:
    """What is written out when an app is written for the first time means the same as what was not there."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_defaults(each) for name, each in value.items()}
    usual: tuple[object, ...] = ("false", "ENFORCE", "infinite", {})
    return {name: each for name, each in kept.items() if each not in usual and name != "isPkceRequired"}


def state(ground: Ground, credential: str = "billing") -> CredentialState:
    with ground.program() as app:
        return known_state(app.settings, app.database, credential, app.now())


def is_refused(given: Given, *steps: RevocationStep) -> bool:
    """Whether exactly that is refused which these steps end."""
    is_login_refused = given.log_in() is None
    are_tokens_refused = not (given.is_token_taken or given.is_refresh_token_taken)
    return (is_login_refused, are_tokens_refused) == (bool({CERTIFICATE, ACCESS} & {*steps}), TOKENS in steps)


class Wire:
    """Lets the process die before its next call to the org, or after it."""

    def __init__(self) -> None:
        self.calls = 0
        self.dies_at = -1

    @contextmanager
    def between(self, ground: Ground) -> Iterator[None]:
        adapter = ground.transport._http.get_adapter("https://")
        send = adapter.send

        def sent(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.dies_at:
                raise Died
            answer = send(*args, **options)
            self.calls += 1
            if self.calls == self.dies_at:
                raise Died
            return answer

        vars(adapter)["send"] = sent
        try:
            yield
        finally:
            del vars(adapter)["send"]


def crashing(ground: Ground, act: Any, at: int) -> bool:
    """Whether it died there."""
    wire = Wire()
    wire.dies_at = at
    with wire.between(ground):
        try:
            act()
        except Died:
            return True
    return False
