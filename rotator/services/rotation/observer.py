"""One credential with all that a rotation needs of it, and observations of it: what store and org show just now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.credentials import Fingerprint, with_other_client_id
from rotator.core.crypto.keys import PrivateKey
from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import FRESHNESS, Policy, Strategy
from rotator.core.lifecycle.dates import promoted_at
from rotator.core.observed import Kind, KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.core.usage.retirement import NOT_CONFIRMED, Confirmation
from rotator.errors import NOTHING_CHANGED, OrgError, StoreError, StoreUnavailable
from rotator.salesforce.apps.app import App
from rotator.salesforce.component import nothing_to_note
from rotator.salesforce.hosts import refuse_generic_host

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, OrgSettings
    from rotator.core.credentials import Stages, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.decision.actions import Action
    from rotator.core.logins import LoginAnswer
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.records import Rotation
    from rotator.salesforce.client_secrets import ClientSecrets
    from rotator.stores.base import Store

MOST_OBSERVATIONS: Final = 5
"""How often a run observes again before it calls a person, should what it sees go on changing."""

_NEVER: Final = Fingerprint("")
"""Nothing was sent to an app, as far as the history knows."""


class Apps(Protocol):
    """The apps of one org, as a rotation needs them (`rotator.salesforce.apps.org_apps.OrgApps`)."""

    def read(self, full_name: str) -> App | None:
        """The app; None when it is missing or unreadable."""
        ...

    def read_all(self, full_names: Sequence[str]) -> list[App | None]:
        """Several apps in one call, in the order asked for. Raises why the first cannot be read that cannot."""
        ...

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """The same; of those that cannot be read the error."""
        ...

    def replace_certificate(
        self,
        full_name: str,
        certificate: Certificate,
        *,
        expecting: Fingerprint | None,
        sends: Callable[[], None] = nothing_to_note,
    ) -> App:
        """Puts another certificate in the place of the live one, which must be `expecting` still.

        `sends` is called just before something is sent that may change the app, and where the certificate is found on
        it: then what was sent earlier took effect late.
        """
        ...

    def absent(self, *full_names: str) -> OrgError:
        """Why the org does not show these apps."""
        ...

    def settle(self) -> bool:
        """Sees to it that no write that was begun is still to come; whether there was one, and all is to be read."""
        ...


@dataclass(frozen=True)
class CredentialContext:
    """A credential of the configuration with its adapters: store, apps of the org, test logins, history."""

    name: str
    settings: CredentialSettings
    org: OrgSettings
    store: Store
    apps: Apps
    prove: Callable[[Version], LoginAnswer]
    """A test login with a version's key; it never raises for anything that an org or a network does."""
    last_promotion: Callable[[], datetime | None]
    """When the history says that a version was last promoted."""
    open_rotation: Callable[[], Rotation | None]
    """The rotation that the history knows no end of: running, or interrupted."""
    known: Callable[[], CredentialRecord]
    """What the history knows of it: since when consumers may be refused, what was revoked."""
    note: Callable[[ObservedCredential, Sequence[ObservedCertificate]], None]
    """Writes down how it was just observed, and what its apps hold. Raises HistoryError."""
    confirmation: Callable[[ObservedCredential], Confirmation]
    """What the history knows of the consumers of what was observed. Raises HistoryError."""
    last_sent: Callable[[], Mapping[str, Fingerprint | None]] = dict
    """The version whose certificate each app was sent last, as the history says; None for a throwaway one."""
    new_key: Callable[[int], PrivateKey] = PrivateKey.generate
    """Makes a key pair of so many bits."""
    secrets: ClientSecrets | None = None
    """Of a client secret the consumer keys and secrets of its org; None of a key pair."""
    is_staging: Callable[[], bool] = lambda: False
    """Whether the history says that a pair was being staged, and not what came of it."""
    own_apps: tuple[str, ...] = ()
    """Those of the credential that the program itself logs in to the org by, where it does."""

    def read_apps(self) -> list[App | None]:
        """Its apps, in the order of the configuration. Raises OrgError, OrgUnavailable and LoginRefused."""
        return self.apps.read_all(self.settings.app_names)

    def client_ids(self) -> dict[str, str]:
        """The consumer keys of its apps, by the app, as the org shows them. Raises OrgError, and kinds of it."""
        if self.secrets is None:
            return {app.full_name: app.client_id for app in self.read_apps() if app}
        pairs = {app: self.secrets.read(app) for app in self.settings.app_names}
        return {app: each.in_use.client_id for app, each in pairs.items() if each}

    def refuse_generic_host(self, seen: Iterable[App | None] | None = None) -> None:
        """See there. `seen` are its apps, where they have just been read; else they are."""
        if self.secrets is not None:
            apps = [App(Kind.EXTERNAL_APP, name, "", None, None) for name in self.settings.app_names]
            refuse_generic_host(self.settings.org, {"login_url": self.org.login_url}, lambda: apps)
            return
        addresses = self.settings.addresses(self.org)
        refuse_generic_host(self.settings.org, addresses, lambda: self.read_apps() if seen is None else seen)

    @property
    def policy(self) -> Policy:
        """How it is rotated, as decisions need it."""
        settings = self.settings
        return Policy(
            rotate_before=settings.rotate_before,
            grace=settings.grace,
            retire=settings.retire,
            require_confirmation=settings.require_confirmation,
            verification=settings.verification.rules(),
        )


def holding(org: str, name: str, app: App) -> ObservedCertificate:
    """What an app holds, in its place."""
    return ObservedCertificate(org=org, app=name, type=app.kind).holding(app.certificate)


def observed_app(name: str, app: App | None, versions: Iterable[Version] = ()) -> ObservedApp:
    """What a decision needs of an app that was read, None for one that could not be; `versions` are stored."""
    if app is None:
        return ObservedApp(name, readable=False)
    seen, old = ObservedApp.of(name, holding("", name, app)), with_other_client_id(versions, name, app.client_id)
    return replace(seen, hidden=app.hides_certificate, with_old_client_id=old)


def no_consumer_key(org: str, app: str) -> OrgError:
    """The error for an app without which no login could be asked for."""
    return OrgError(
        f"The org {org} does not show the consumer key of the app {app}.",
        effect=NOTHING_CHANGED,
        hint="The app needs OAuth settings, and the management user the right to see them.",
    )


class Observer:
    """Observes one credential, again and again. Versions never change, so each is read and checked once.

    The history is asked at the first observation only: while the rotation lock is held, nobody else promotes.
    """

    def __init__(self, credential: CredentialContext, *, settles: bool = False) -> None:
        """With `settles`, what is observed stays so unless somebody changes it: no write of ours is still to come."""
        self._credential = credential
        self._is_settled = not settles
        self._versions: dict[Fingerprint, Version] = {}
        self._apps: dict[str, App] = {}
        self._promoted_at: datetime | None = None
        self._knows_promotion = False
        self._last: Observation | None = None
        self._sent: Mapping[str, Fingerprint | None] | None = None
        self._confirmed: tuple[Fingerprint | None, Confirmation] | None = None

    def observe(self) -> Observation:
        """The store's stages and the apps' live certificates, as they are now.

        Raises StoreError when a staged version is not there or damaged, StoreUnavailable when all that was stored is
        gone since the last observation, OrgError, OrgUnavailable, LoginRefused; the
        first observation HistoryError, too.
        """
        seen = self._look()
        if not self._is_settled and self._credential.apps.settle():
            seen = self._look()
        self._is_settled = True
        return seen

    def recheck(self) -> None:
        """Settles anew before it observes, as something has failed: if it was a write, it may still come."""
        self._is_settled = False

    def _look(self) -> Observation:
        credential = self._credential
        stages = credential.store.stages(credential.name)
        if self._last and self._last.current and not stages.fingerprints:
            raise StoreUnavailable(
                f"The store {credential.store.name} holds nothing of {credential.name} any more, and did a moment ago.",
                effect="What the app holds stays as it is.",
                hint="See whether the store is there: a file system that is not mounted looks like an empty one.",
            )
        versions = {fingerprint: KnownVersion.of(self.version(fingerprint)) for fingerprint in stages.fingerprints}
        known = credential.known()
        self._last = Observation(
            self._observe_apps(credential.settings.app_names, stages, known),
            pending=versions.get(stages.pending) if stages.pending else None,
            current=versions.get(stages.current) if stages.current else None,
            previous=versions.get(stages.previous) if stages.previous else None,
            promoted_at=self._promotion_of_current(stages),
            gap_is_open=known.refused_since is not None,
            credential=credential.name,
        )
        self._last = replace(self._last, confirmation=self._confirmation_of(self._last))
        return self._last

    def _confirmation_of(self, seen: Observation) -> Confirmation:
        """As the history had it at the first observation; nobody has confirmed a version that is current since then."""
        current = seen.current.fingerprint if seen.current else None
        if self._confirmed is None:
            self._confirmed = current, self._credential.confirmation(seen)
        of_which, confirmation = self._confirmed
        return confirmation if current == of_which else NOT_CONFIRMED

    def version(self, fingerprint: Fingerprint) -> Version:
        """A stored version, its key checked against its certificate. Raises StoreError."""
        if fingerprint not in self._versions:
            version = self._credential.store.read(self._credential.name, fingerprint)
            if version.fingerprint != fingerprint:
                raise StoreError(
                    f"The store {self._credential.store.name} gave another version than {fingerprint}.",
                    effect=NOTHING_CHANGED,
                    hint="Run `rotator check`.",
                )
            self._versions[fingerprint] = version
        return self._versions[fingerprint]

    def promoted(self, now: datetime) -> None:
        """A version was promoted just now, whether or not that could be written down."""
        self._promoted_at, self._knows_promotion = now, True

    def note(self, proven: Observation | None = None) -> None:
        """Writes down what was observed last, and what the apps held. Raises HistoryError.

        `proven` is the same with what logins have proven of apps that do not show what they hold.
        """
        if self._last is None:
            return
        self._credential.note(proven or self._last, self._held())

    def _held(self) -> list[ObservedCertificate]:
        """What the apps hold, each in its place."""
        return [holding(self._credential.settings.org, app.full_name, app) for app in self._apps.values()]

    @property
    def apps(self) -> Collection[App]:
        """The apps, as they were seen last."""
        return self._apps.values()

    @property
    def client_ids(self) -> dict[str, str]:
        """The consumer keys of the apps, as they were seen last, by the app."""
        return {app.full_name: app.client_id for app in self._apps.values()}

    def why_absent(self) -> OrgError | None:
        """Why the org does not show an app, as far as it tells; None where it shows all, or cannot be asked."""
        absent = [app.name for app in self._last.apps.values() if not app.readable] if self._last else []
        try:
            return self._absent(absent) if absent else None
        except OrgError:
            return None

    def _absent(self, names: Sequence[str]) -> OrgError:
        return self._credential.apps.absent(*names)

    def explained(self, action: Action) -> Action:
        """An action, with the cause, as far as the org tells it, where that is not part of what was observed."""
        absent = self.why_absent() if action.halt is HaltReason.APP_UNREADABLE else None
        return replace(action, why=absent.message, hint=absent.hint) if absent else action

    def client_id(self, app: str) -> str:
        """The consumer key of an app: as the org shows it, or else as a stored version of the app has it.

        Raises OrgError when neither does: some orgs hide those of external client apps.
        """
        shown = self._apps[app].client_id if app in self._apps else ""
        client_id = shown or next((each.client_id for each in self._versions.values() if each.app == app), "")
        if not client_id:
            raise no_consumer_key(self._credential.settings.org, app)
        return client_id

    def has_old_client_id(self, fingerprint: Fingerprint) -> bool:
        """Whether a key pair was stored with another consumer key than the org shows of its app by now."""
        version = self._versions[fingerprint]
        shown = self._apps[version.app].client_id if version.app in self._apps else ""
        return bool(with_other_client_id([version], version.app, shown))

    def _observe_apps(self, names: Sequence[str], stages: Stages, _known: CredentialRecord) -> dict[str, ObservedApp]:
        found = dict(zip(names, self._credential.apps.read_all(names), strict=True))
        self._apps |= {name: app for name, app in found.items() if app}
        seen = {name: observed_app(name, app, map(self.version, stages.fingerprints)) for name, app in found.items()}
        return {name: self._with_history(app, stages.pending) if app.hidden else app for name, app in seen.items()}

    def _with_history(self, app: ObservedApp, pending: Fingerprint | None) -> ObservedApp:
        """An app that does not show what it holds, with whether we sent it that, as far as the history knows."""
        if self._sent is None:
            self._sent = self._credential.last_sent()
        last = self._sent.get(app.name, _NEVER)
        return replace(app, ours=last is None or (pending is not None and last == pending))

    def _promotion_of_current(self, stages: Stages) -> datetime | None:
        """As the history says; a version that was made after that was promoted after it was made."""
        if not self._knows_promotion:
            self._promoted_at, self._knows_promotion = self._credential.last_promotion(), True
        if stages.current is None:
            return None
        return promoted_at(self.version(stages.current).created_at, self._promoted_at)


_CHANGES_NOTHING: Final = frozenset({ActionKind.VERIFY, ActionKind.WAIT})
_HARMLESS: Final = _CHANGES_NOTHING | {ActionKind.GENERATE}
"""Staging a client secret is none of these: the org has room for one."""


class LastLook:
    """What a run observed last, and what it may be gone by for.

    A test login and a pause change neither store nor org, so between them a run does not look again: what is proven
    counts by the look that comes before the next step is taken. It looks anew after each change of its own, before
    everything that changes an app or takes something from the store, before it ends, and once what it saw is older than
    a login that still counts (FRESHNESS): so a person who changes the app meanwhile is noticed within a minute, and
    before the run acts on it.
    """

    def __init__(self) -> None:
        self._seen: Observation | None = None
        self._at: datetime | None = None
        self._is_fresh = False

    def keep(self, seen: Observation, at: datetime) -> None:
        """It was observed at this time."""
        self._seen, self._at, self._is_fresh = seen, at, True

    def forget(self) -> None:
        """It may not be so any more."""
        self._seen = None

    def still(self, now: datetime) -> Observation | None:
        """What was observed, where test logins may go by it still."""
        return self._seen if self._at and timedelta(0) <= now - self._at <= FRESHNESS else None

    def serves(self, action: Action, *, is_end: bool) -> bool:
        """Whether the action may follow from it. An end follows from what is so just now, as most actions do."""
        return self._is_fresh or (action.kind in _HARMLESS and not is_end)

    def begins(self, action: Action) -> None:
        """The action is about to be carried out."""
        self._is_fresh = False
        if action.kind not in _CHANGES_NOTHING:
            self.forget()


class Recheck:
    """Whether to observe once more before a person is called for a certificate that nobody knows.

    An observation is not of one instant: the store is read first, then the apps. Where another installation works on
    the same credential, by mistake, a certificate that it uploaded in between is of a version that the store shows only
    now, and no person changed anything by hand. So two observations in a row must show the same.
    """

    def __init__(self) -> None:
        self._seen: list[Observation] = []

    def is_needed(self, action: Action, seen: Observation) -> bool:
        """Whether the action calls a person for what may be gone at the next observation.

        Or gives up a client secret that the org does not show: it may show it at the next look.
        """
        is_lost = action.kind is ActionKind.DISCARD and seen.strategy is Strategy.STAGED
        is_passing = is_lost or (action.halt is not None and action.halt.is_looked_at_twice)
        if not is_passing or len(self._seen) >= MOST_OBSERVATIONS:
            return False
        shown = replace(seen, probes={}, promoted_at=None)
        is_the_same = self._seen[-1:] == [shown]
        self._seen.append(shown)
        return not is_the_same
