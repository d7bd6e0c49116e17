"""Orgs and adapters of which a test says what the checks meet."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.acceptance import Acceptance
from rotator.salesforce.apps.admission import Admission
from rotator.salesforce.apps.app import App
from rotator.salesforce.rest import DailyCalls
from rotator.services.inventory.status import CredentialStatus, StatusReader
from rotator.services.preflight import checks
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.crypto.certificates import Certificate
    from rotator.services.checked import Check
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.stores.files.store import FilesStore


class Org:
    """An org that says what a test wants: its session and its apps in one."""

    org_id = "00D000000000001EAA"

    def __init__(self) -> None:
        self.server_time: datetime | None = MOMENT
        self.refuses: OrgError | None = None
        self.closed: OrgError | None = None
        self.tells_no_limits: OrgError | None = None
        self.reads = 0
        self.hidden: tuple[Kind, ...] = ()

        self.validations = 0
        self.validated: list[str] = []
        self.accepts: dict[str, Acceptance] = {}
        self.client_ids: dict[str, str] = {}
        self.kinds: dict[str, Kind] = {}
        self.live: dict[str, Certificate | None] = {}

    @property
    def instance_url(self) -> str:
        if self.refuses:
            raise self.refuses
        return "https://example.my.salesforce.com"

    def daily_calls(self) -> DailyCalls:
        if self.tells_no_limits:
            raise self.tells_no_limits
        return DailyCalls(15_000, 14_990)

    def check_version(self) -> str:
        if self.closed:
            raise self.closed
        return "67.0"

    def check_access(self) -> tuple[Kind, ...]:
        if self.closed:
            raise self.closed
        return self.hidden

    def absent(self, *names: str) -> OrgError:
        return OrgError(f"There is no {', '.join(names)}.", hint="Look it up.")

    def acceptances(self, apps: Sequence[App], _now: datetime) -> dict[str, Acceptance]:
        self.validations += 1
        self.validated = [app.full_name for app in apps]
        return {app.full_name: self.accepts.get(app.full_name, Acceptance(app.full_name)) for app in apps}

    def admission(self, app: App) -> Admission:
        return Admission(app.full_name)

    def read_each(self, names: Sequence[str]) -> list[Any]:
        self.reads += 1
        return [self._read(name) if name in self.live else None for name in names]

    def _read(self, name: str) -> Any:
        certificate = self.live[name]
        client_id = self.client_ids.get(name, f"consumer-key-of-{name}")
        kind = self.kinds.get(name, Kind.APP)
        hides = kind is Kind.EXTERNAL_APP and certificate is None
        return App(kind, name, client_id, certificate, None, hides_certificate=hides)


class World:
    """Adapters that a test can break."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.files = store
        self.orgs = {"production": Org(), "sandbox": Org()}
        self.orgs["production"].live = dict.fromkeys(["Billing", "Warehouse_A", "Warehouse_B"])
        self.orgs["sandbox"].live = {"Rotator": None}
        no_rows = SimpleNamespace(execute=lambda *_, **__: nullcontext(()))
        self.database: Any = SimpleNamespace(
            stands_in_for="",
            prove_sessions=lambda: None,
            signer=None,
            name="sqlite:///rotator.db",
            version="0001",
            reading=lambda: nullcontext(no_rows),
        )
        self.channels: dict[str, Any] = {}
        self.hooks: dict[str, Any] = {}
        self.environ = {"GUESSED": "1", "DRAWN": "4e" + "Zq7Lw1vXb9Rk3TfGm5YcPd8HjNs2" * 2}
        self.now: Callable[[], datetime] = lambda: MOMENT
        self.histories: dict[str, CredentialHistory] = {}
        self.answer = LoginAnswer(LoginOutcome.ACCEPTED)

    def beside(self, _orgs: object) -> Any:
        return lambda: nullcontext(self)

    def statuses(self, names: Sequence[str], now: datetime, *, read_app: Any = None) -> list[CredentialStatus]:
        histories = dict(self.histories)
        reader = StatusReader(self.settings, read_app=read_app, store=self.store, histories=lambda: histories, now=now)
        return reader.all(names)

    def store(self, _: str) -> FilesStore:
        return self.files

    def org_session(self, name: str) -> Any:
        return self.orgs[name]

    apps = org_session
    metadata = org_session

    def credential_context(self, _name: str) -> Any:
        return SimpleNamespace(prove=lambda _version: self.answer)

    def channel(self, name: str) -> Any:
        return self.channels[name]

    def hook(self, name: str) -> Any:
        return self.hooks[name]

    def check(self, name: str) -> Check:
        return self.all()[name]

    def all(self) -> dict[str, Check]:
        return {check.name: check for check in checks(self)}
