"""Carries out the single actions of a rotation, on the store and on the org. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import KeyVersion, key_version
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.logins import of_another_consumer_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.decision.observations import Observation
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.observer import CredentialContext, Observer


class Executor:
    """Changes the store and the apps of one credential."""

    def __init__(self, credential: CredentialContext, observer: Observer, *, rotation_id: str, keep_key: bool) -> None:
        """`rotation_id` goes into the versions that are made; `keep_key` makes them over the current key."""
        self._credential = credential
        self._observer = observer
        self._rotation_id = rotation_id
        self._keep_key = keep_key
        self.made: Fingerprint | None = None
        """The version that was made last."""

    def try_login(self, action: Action) -> LoginAnswer:
        """The `verify` action: one test login."""
        version = self._observer.version(action.its_version)
        answer = self._credential.prove(version)
        return of_another_consumer_key(answer) if self._observer.has_old_client_id(version.fingerprint) else answer

    def carry_out(self, action: Action, seen: Observation, now: datetime, sends: Callable[[], None]) -> None:
        """Any other action but `wait`, `halt` and `done`.

        `sends` is called just before something is sent that changes the org, and again where that was refused and
        another way is taken. Raises what store and org raise; whether it took effect then only an observation tells.
        """
        name, store = self._credential.name, self._credential.store
        match action.kind:
            case ActionKind.GENERATE:
                version = self._generate(action, seen, now)
                self.made = version.fingerprint
                store.put_pending(version)
            case ActionKind.UPLOAD | ActionKind.RESTORE | ActionKind.DISABLE:
                self._upload(action, seen, now, sends)
            case ActionKind.PROMOTE:
                current = seen.current.fingerprint if seen.current else None
                store.promote(name, action.its_version, replaces=current)
            case ActionKind.RECALL:
                store.recall(name, action.its_version)
            case ActionKind.DISCARD:
                store.discard(name, action.its_version)
            case ActionKind.RETIRE:
                store.retire(name, action.its_version)
            case _:
                raise ValueError(f"{action.kind} is nothing to carry out")

    def _upload(self, action: Action, seen: Observation, now: datetime, sends: Callable[[], None]) -> None:
        if action.kind is ActionKind.DISABLE:
            certificate = throwaway(now=now)
        else:
            certificate = key_version(self._observer.version(action.its_version)).certificate
        app, live = action.its_app, seen.live(action.its_app)
        self._credential.apps.replace_certificate(app, certificate, expecting=live, sends=sends)

    def _generate(self, action: Action, seen: Observation, now: datetime) -> KeyVersion:
        settings = self._credential.settings
        if self._keep_key and seen.current:
            key = key_version(self._observer.version(seen.current.fingerprint)).private_key
        else:
            key = self._credential.new_key(settings.key_bits)
        certificate = self_signed(key, certificate_subject(self._credential), now=now, lifetime=settings.lifetime)
        app, client_id = action.its_app, self._observer.client_id(action.its_app)
        return version_over(self._credential, app, client_id, certificate, key, now, self._rotation_id)


def version_over(
    credential: CredentialContext,
    app: str,
    client_id: str,
    certificate: Certificate,
    key: PrivateKey,
    now: datetime,
    rotation_id: str = "",
) -> KeyVersion:
    """The version of an app of the credential, over this key."""
    settings, org = credential.settings, credential.org
    return KeyVersion(
        credential=credential.name,
        org=settings.org,
        app=app,
        client_id=client_id,
        username=settings.username,
        login_url=org.login_url,
        audience=settings.audience or org.audience,
        certificate=certificate,
        private_key=key,
        created_at=now,
        rotation_id=rotation_id,
    )


def certificate_subject(credential: CredentialContext) -> SubjectName:
    """The distinguished name of a credential's certificates."""
    subject = credential.settings.subject
    return SubjectName(
        common_name=subject.common_name or f"{credential.name} {credential.settings.org}"[:64],
        organizational_unit=subject.organizational_unit or "",
        organization=subject.organization or "",
        locality=subject.locality or "",
        state=subject.state or "",
        country=subject.country or "",
    )
