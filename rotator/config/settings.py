"""config.yaml as data: orgs, stores, credentials, and how credentials are rotated.

Nothing here reads a secret or opens a file. `rotator.config.loading` makes these from config.yaml and adds the checks
across sections (`rotator.config.consistency`).
"""

from collections.abc import Collection, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from rotator.config.alerts import AlertSettings
from rotator.config.audit import AuditSettings
from rotator.config.daemon import DaemonSettings, HttpSettings, LimitSettings
from rotator.config.database import DatabaseSettings, HistorySettings
from rotator.config.durations import Period
from rotator.config.paths import ConfiguredPath, DomainName, OrgUrl, ProxyUrl
from rotator.config.plugins import Channel, Store
from rotator.config.rotation.hooks import HooksSettings
from rotator.config.rotation.rotation_settings import RotationSettings
from rotator.config.secrets import KeyReference
from rotator.config.section import Name, Section, Words, when_left_out, written_as
from rotator.core import words
from rotator.core.decision.policies import Strategy
from rotator.core.hook import Calls
from rotator.core.usage.retirement import Retire

_PAGES: Final = "http"
"""The section that may be left out on purpose, and is not what it is unless said otherwise then."""

_NESTED: Final = ("subject", "verification")
_LONGEST_COMMON_NAME: Final = 64


def with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of the whole document with complete credentials; what has the wrong shape is left for validation.

    What a credential does not say of its rotation its org does, and what that does not `rotation:`.
    """
    sections = {key: value for key, value in document.items() if value is not None or key == _PAGES}
    rotation, orgs, credentials = (sections.get(key, {}) for key in ("rotation", "orgs", "credentials"))
    if not isinstance(rotation, dict):
        return sections
    if "orgs" in sections and isinstance(orgs, dict):
        sections["orgs"] = orgs = {name: _with_rotation(own, rotation) for name, own in orgs.items()}
    if "credentials" in sections and isinstance(credentials, dict):
        sections["credentials"] = {name: _complete(name, own, rotation, orgs) for name, own in credentials.items()}
    return sections


def _with_rotation(org: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(org, dict) or not isinstance(org.get("rotation"), dict):
        return org
    return {**org, "rotation": _over(defaults, org["rotation"])}


def _complete(name: str, own: Any, defaults: dict[str, Any], orgs: Any) -> Any:
    if not isinstance(own, dict):
        return own
    org = orgs.get(own.get("org")) if isinstance(orgs, dict) and isinstance(own.get("org"), str) else None
    of_org = org.get("rotation") if isinstance(org, dict) else None
    merged = _over(of_org if isinstance(of_org, dict) else defaults, own)
    subject = merged.setdefault("subject", {})
    if isinstance(subject, dict) and isinstance(own.get("org"), str):
        common_name = f"{name} {own['org']}"[:_LONGEST_COMMON_NAME]
        merged["subject"] = {"common_name": common_name, **subject}
    return merged


def _over(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What is said itself, and of the rest the defaults."""
    merged = {**defaults, **own}
    for key in _NESTED:
        if isinstance(defaults.get(key), dict) and isinstance(own.get(key), dict):
            merged[key] = {**defaults[key], **own[key]}
    return merged


OWN_KEY: Final = "login with a key"
BY_CREDENTIAL: Final = "login by a credential"

APP_NAME: Final = "[A-Za-z][A-Za-z0-9_]*"
AppName = Annotated[
    str,
    StringConstraints(max_length=255),
    written_as(APP_NAME, "an app's full name has letters, digits and `_` (its API name in Setup)"),
]
"""Full name of an app: its API name, after a namespace prefix where it has one."""

AppKind = Literal["connected_app", "external_client_app"]
"""Which of Salesforce's two an app is."""

ChannelNames = Annotated[tuple[Name, ...], Field(min_length=1)]
"""Names of channels under `alerts: channels:`."""

BY_NAME: Final = "app by its name"
WITH_KIND: Final = "app with its kind"


class NamedApp(Section):
    """An app whose kind is said, as where there is one of each kind with the name."""

    name: AppName
    kind: AppKind


def _form_of_app(value: Any) -> str:
    return WITH_KIND if isinstance(value, dict | NamedApp) else BY_NAME


App = Annotated[Annotated[AppName, Tag(BY_NAME)] | Annotated[NamedApp, Tag(WITH_KIND)], Discriminator(_form_of_app)]
"""An app by its name, when the kind is found by looking, or with its kind."""


class LoginWithKey(Section):
    """The program's own login to an org: a management app and its key."""

    client_id: Words
    username: Words
    private_key: KeyReference


class LoginByCredential(Section):
    """The program's own login to an org by a credential that it manages itself."""

    credential: Name


def _kind_of_login(value: Any) -> str:
    by_name = "credential" in value if isinstance(value, dict) else isinstance(value, LoginByCredential)
    return BY_CREDENTIAL if by_name else OWN_KEY


Login = Annotated[
    Annotated[LoginWithKey, Tag(OWN_KEY)] | Annotated[LoginByCredential, Tag(BY_CREDENTIAL)],
    Discriminator(_kind_of_login),
]


class WriteMode(StrEnum):
    """How the apps of an org are written."""

    UPDATE = "update"
    DEPLOY = "deploy"
    AUTO = "auto"
    """By an update, and by a deployment where the org refuses that and takes the same as a file."""


class OrgSettings(Section):
    """One Salesforce organisation and how the program logs in to it."""

    login_url: OrgUrl
    audience: OrgUrl = Field(default_factory=lambda fields: str(fields.get("login_url", "")))
    """Claim `aud` of every assertion (RFC 7523 section 3); the login URL unless said otherwise."""
    ca: ConfiguredPath | None = None
    """PEM file of the authorities to trust instead of the public ones."""
    proxy: ProxyUrl | None = None
    connect_timeout: Period = timedelta(seconds=10)
    read_timeout: Period = timedelta(seconds=60)
    total_timeout: Period = timedelta(minutes=2)
    """For the whole of one call; `read_timeout` is for silence."""
    instance_domains: tuple[DomainName, ...] = ()
    """Where the org may say that its API is, beside the host of `login_url` and what is below it."""
    write: WriteMode = WriteMode.AUTO
    """How its apps are written."""
    deploy_timeout: Period = timedelta(minutes=10)
    """How long a deployment may wait for its turn and take, before it is taken back."""
    limits: LimitSettings = when_left_out()
    signature_refusals: tuple[Words, ...] = ()
    """Further words by which its login history says that the signature of a login was wrong."""
    owner: Words | None = None
    """Who sees to its credentials, in words for people."""
    notify: ChannelNames | None = None
    """The channels that hear of it; those that hear of everything, unless it says otherwise."""
    login: Login
    rotation: RotationSettings | None = None
    """How its credentials are rotated, where that is not as `rotation:` has it for all."""

    @property
    def logs_in_by_credential(self) -> bool:
        """Whether the program logs in with a credential that it manages, as consumers may as well."""
        return isinstance(self.login, LoginByCredential)


class CredentialSettings(RotationSettings):
    """One managed credential: where consumers log in with it, and where it is kept."""

    kind: Literal["key_pair", "client_secret"] = "key_pair"
    """What its consumers log in with: a key whose certificate the app holds, or consumer key and consumer secret."""
    org: Name
    store: Name
    username: Words
    """Whom its logins are for; of a client secret the user whom the app's policies name."""
    apps: Annotated[tuple[App, ...], Field(min_length=1, max_length=2)]
    """One app is rotated in place, two take turns. They may be of different kinds. A client secret has one app."""
    strategy: Strategy = Field(
        default_factory=lambda fields: _strategy_of(fields.get("kind", ""), fields.get("apps", ()))
    )
    audience: OrgUrl | None = None
    """Claim `aud` of its assertions; the org's unless said otherwise."""
    consumers: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    """The programs that log in with it, by the names by which they say so (`retire`, `require_confirmation`)."""
    owner: Words | None = None
    """Who sees to it, in words for people; the org's unless said otherwise."""
    notify: ChannelNames | None = None
    """The channels that hear of it; those of its org, unless it says otherwise."""

    @model_validator(mode="after")
    def _apps_agree(self) -> Self:
        if len(set(map(str.casefold, self.app_names))) != len(self.apps):
            raise ValueError(_SAME_NAME)
        self._confirmation_is_possible()
        if self.has_secret:
            self._secret_is_possible()
        elif self.strategy is not _strategy_of(self.kind, self.apps):
            raise ValueError(f"strategy is {self.strategy}: in_place needs one app, alternating two")
        return self

    def _confirmation_is_possible(self) -> None:
        if len(set(self.consumers)) != len(self.consumers):
            raise ValueError("consumers names one twice")
        if self.consumers:
            return
        if self.require_confirmation:
            raise ValueError("require_confirmation needs `consumers`: the names of those that say they have moved")
        if self.retire is Retire.WHEN_CONFIRMED:
            raise ValueError("retire: when_confirmed needs `consumers`: the names of those that say they have moved")

    def _secret_is_possible(self) -> None:
        if self.require_confirmation:
            raise ValueError("require_confirmation is of key pairs: Salesforce ends a rotated client secret by itself")
        if len(self.apps) > 1:
            raise ValueError("a client secret is of one app, which has room for a second one beside it")
        if "connected_app" in self.kinds_of_apps.values():
            raise ValueError("a client secret is rotated of an external client app, and of no connected app")
        if self.strategy is not Strategy.STAGED:
            raise ValueError(f"strategy is {self.strategy}: a client secret is rotated by staged")
        if self.grace > _LONGEST_GRACE:
            raise ValueError(
                f"grace must be at most {words.exact(_LONGEST_GRACE)}: a client secret that was rotated away is taken"
                " no longer"
            )

    @property
    def has_secret(self) -> bool:
        """Whether its versions are client secrets."""
        return self.kind == "client_secret"

    @property
    def span(self) -> tuple[str, timedelta]:
        """See there."""
        return ("max_age", self.max_age) if self.has_secret else ("lifetime", self.lifetime)

    @property
    def app_names(self) -> tuple[str, ...]:
        """Full names of its apps."""
        return tuple(app if isinstance(app, str) else app.name for app in self.apps)

    def addresses(self, org: OrgSettings) -> dict[str, str]:
        """Where its logins are asked for, and whom they are for, by their names in config.yaml."""
        return {"login_url": org.login_url, "audience": self.audience or org.audience}

    @property
    def kinds_of_apps(self) -> dict[str, AppKind]:
        """The kinds that are said, by the folded name of the app."""
        return {app.name.casefold(): app.kind for app in self.apps if isinstance(app, NamedApp)}


_SAME_NAME: Final = (
    "alternating needs two apps of different names, even where one is a connected app and the other an external client"
    " app: a stored key says by its app's name where it logs in, so give one of the two another API name"
)


_LONGEST_GRACE: Final = timedelta(days=30)
"""Salesforce takes a consumer key and secret that were rotated away for so long (staged credentials)."""


def _strategy_of(kind: str, apps: Collection[object]) -> Strategy:
    if kind == "client_secret":
        return Strategy.STAGED
    return Strategy.ALTERNATING if len(apps) == 2 else Strategy.IN_PLACE


class Settings(Section):
    """All of config.yaml, with absolute paths and every credential complete."""

    database: DatabaseSettings
    orgs: Annotated[dict[Name, OrgSettings], Field(min_length=1)]
    stores: dict[Name, Store] = Field(default_factory=dict)
    credentials: dict[Name, CredentialSettings] = Field(default_factory=dict)
    rotation: RotationSettings = when_left_out()
    daemon: DaemonSettings = when_left_out()
    alerts: AlertSettings = when_left_out()
    http: HttpSettings | None = when_left_out()
    """None where config.yaml says `http: null`: then there are no pages."""
    history: HistorySettings = when_left_out()
    audit: AuditSettings = when_left_out()
    hooks: HooksSettings = when_left_out()

    @property
    def hook_calls(self) -> list[Calls]:
        """Every hook with every credential that it may be called for."""
        return [
            Calls(name, credential)
            for name, hook in self.hooks.after_rotation.items()
            for credential in hook.credentials or self.credentials
        ]

    def orgs_as_in(self, other: Self) -> set[str]:
        """The orgs that are here as they are there, with their credentials and what these are kept in."""
        theirs = other._by_org()
        return {name for name, sections in self._by_org().items() if theirs.get(name) == sections}

    def _by_org(self) -> dict[str, list[object]]:
        sections: dict[str, list[object]] = {name: [org] for name, org in self.orgs.items()}
        for name, credential in self.credentials.items():
            sections[credential.org] += [name, credential, self.stores[credential.store]]
        return sections

    def kinds_of_apps(self, org: str) -> dict[str, AppKind]:
        """The kinds that are said of the apps of an org, by the folded name of the app."""
        mine = (each for each in self.credentials.values() if each.org == org)
        return {app: kind for each in mine for app, kind in each.kinds_of_apps.items()}

    def own_apps(self, org: str) -> tuple[str, ...]:
        """The apps of the credential that the program itself logs in to an org by; none where it has a key apart."""
        login = self.orgs[org].login
        return self.credentials[login.credential].app_names if isinstance(login, LoginByCredential) else ()

    def siblings(self, credential: str) -> dict[str, tuple[str, ...]]:
        """The other key pairs by which the same user logs in to the same org, with their apps."""
        own = self.credentials[credential]
        return {
            name: tuple(each.app_names)
            for name, each in self.credentials.items()
            if (name != credential and not each.has_secret)
            and (each.org, each.username.casefold()) == (own.org, own.username.casefold())
        }

    def owner_of(self, credential: str | None, org: str | None) -> str | None:
        """Who sees to a credential, or to what is in an org; None where nobody is named."""
        owners = (section.owner for section in self._about(credential, org))
        return next((owner for owner in owners if owner), None)

    def channels_for(self, credential: str | None, org: str | None) -> dict[str, Channel]:
        """The channels that hear of a credential, of what is in an org, or of what concerns none.

        Who is named for it hears of it, whatever `orgs` of the channel says.
        """
        channels = self.alerts.channels
        named = next((section.notify for section in self._about(credential, org) if section.notify), None)
        if named is not None:
            return {name: channels[name] for name in named}
        return {name: each for name, each in channels.items() if org is None or each.orgs is None or org in each.orgs}

    def _about(self, credential: str | None, org: str | None) -> Iterator[CredentialSettings | OrgSettings]:
        if credential in self.credentials:
            yield self.credentials[credential]
        if org in self.orgs:
            yield self.orgs[org]

    @model_validator(mode="before")
    @classmethod
    def _complete_credentials(cls, value: object) -> object:
        return with_defaults(value) if isinstance(value, dict) else value
