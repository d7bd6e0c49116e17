"""The ways in which a rotation of a client secret ends badly, each from some step of it on, until a person mends it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from rotator.errors import HistoryUnavailable, OrgError, StoreUnavailable
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.rotation.secret_ground import APP

if TYPE_CHECKING:
    from rotator.errors import RotatorError
    from rotator.simulator.org.components import Component
    from tests.rotation.secret_ground import SecretGround

_YEAR: Final = timedelta(days=365)


class SecretEnding:
    """One of them."""

    name: ClassVar[str]
    says: ClassVar[str]
    """What every surface says after it, until something follows."""
    begins_after: ClassVar[str] = "org.rotate"
    """The call after which it begins; empty: it is so before the first."""
    is_refused_by_hand: ClassVar[bool] = False
    """Whether people have ended the logins of consumers, which no rotation would do."""

    def __init__(self) -> None:
        self.has_begun = False

    def begin(self, ground: SecretGround) -> None:
        """What happens once."""

    def meets(self, _call: str) -> RotatorError | None:
        """What a call of store, org or history meets, while the trouble lasts."""
        return None

    def mend(self, ground: SecretGround) -> None:
        """What a person does."""


class NewPairRefused(SecretEnding):
    """The org has put the new pair in force, and no login server takes it."""

    name = "the new pair refused for good"
    says = "halted"

    def begin(self, ground: SecretGround) -> None:
        """None hears of it within the year."""
        ground.consumer.known_from = ground.clock.now() + _YEAR

    def mend(self, ground: SecretGround) -> None:
        """Salesforce's people do."""
        ground.consumer.known_from = None


class FlowOff(SecretEnding):
    """Somebody turns the client credentials flow off."""

    name = "flow turned off"
    says = "halted"
    is_refused_by_hand = True

    def begin(self, ground: SecretGround) -> None:
        """In the policies of the app."""
        _policies(ground)["isClientCredentialsFlowEnabled"] = "false"

    def mend(self, ground: SecretGround) -> None:
        """It is turned on again."""
        _policies(ground)["isClientCredentialsFlowEnabled"] = "true"


class FlowOffBefore(FlowOff):
    """The same before anything was begun."""

    name = "flow off from the start"
    begins_after = ""


class OrgGone(SecretEnding):
    """The whole org is away."""

    name = "org away"
    says = "unknown"

    def begin(self, ground: SecretGround) -> None:
        """For every call."""
        ground.org.faults.add(Fault(Kind.ANY, Effect.FAIL, times=None))

    def mend(self, ground: SecretGround) -> None:
        """It is there again."""
        ground.org.faults.clear()


class SecretsHidden(SecretEnding):
    """An administrator no longer lets the org show secrets over REST."""

    name = "secrets not shown any more"
    says = "halted"

    def begin(self, ground: SecretGround) -> None:
        """The switch is turned off."""
        ground.org.features["ExternalClientAppSettings"] = {"enableClientSecretInRestApiAccess": "false"}

    def mend(self, ground: SecretGround) -> None:
        """It is turned on again."""
        ground.org.features.clear()


class PairNotRotated(SecretEnding):
    """The org does not put the staged pair in force."""

    name = "the staged pair not put in force"
    says = "halted"
    begins_after = "store.put_pending"

    def meets(self, call: str) -> RotatorError | None:
        """In words of its own."""
        return OrgError("The org refuses (INVALID_INPUT).", hint="Look at it.") if call == "org.rotate" else None


class StoreGone(SecretEnding):
    """The folder of the store is not there, as a file system that is not mounted."""

    name = "store away"
    says = "not stored (critical)"

    def begin(self, ground: SecretGround) -> None:
        """It goes away."""
        folder = ground.folder / "store"
        folder.rename(folder.with_suffix(".away"))

    def mend(self, ground: SecretGround) -> None:
        """It is mounted again."""
        folder = ground.folder / "store"
        folder.with_suffix(".away").rename(folder)


class NothingWritten(SecretEnding):
    """Neither the store nor the history can be written, as on a full disk."""

    name = "disk full"
    says = "unfinished"

    def meets(self, call: str) -> RotatorError | None:
        """Whatever writes."""
        where, _, what = call.partition(".")
        if where == "history":
            return HistoryUnavailable("The history cannot be written: no space left.", hint="Make room.")
        if where == "store" and what not in {"stages", "read"}:
            return StoreUnavailable("The store cannot be written: no space left.", hint="Make room.")
        return None


class RotatedByHand(SecretEnding):
    """Somebody rotates another pair in, in Setup: first he deletes the old one, as there is room for one."""

    name = "another pair rotated in by hand"
    says = "drift"
    is_refused_by_hand = True

    def begin(self, ground: SecretGround) -> None:
        """Nobody here has it."""
        with ground.program() as app:
            secrets = app.client_secrets("production")
            pairs = secrets.read(APP)
            assert pairs
            assert pairs.second
            secrets.delete(APP, expecting=pairs.second.pair.fingerprint)
            secrets.rotate(APP, expecting=secrets.stage(APP).fingerprint)

    def mend(self, ground: SecretGround) -> None:
        """It is taken into the store."""
        ground.handle("adopt")


class StagedByHand(SecretEnding):
    """Somebody has staged a pair in Setup, and there is room for one: the run stops, and what is current is well."""

    name = "a pair staged by hand"
    says = "ok"
    begins_after = ""

    def begin(self, ground: SecretGround) -> None:
        """Nobody here has it."""
        with ground.program() as app:
            app.client_secrets("production").stage(APP)

    def mend(self, ground: SecretGround) -> None:
        """He takes it back."""
        with ground.program() as app:
            secrets = app.client_secrets("production")
            pairs = secrets.read(APP)
            assert pairs
            assert pairs.second
            secrets.delete(APP, expecting=pairs.second.pair.fingerprint)


SECRET_ENDINGS: Final[tuple[type[SecretEnding], ...]] = (
    NewPairRefused,
    FlowOff,
    FlowOffBefore,
    OrgGone,
    SecretsHidden,
    PairNotRotated,
    StoreGone,
    NothingWritten,
    RotatedByHand,
    StagedByHand,
)


def _policies(ground: SecretGround) -> Component:
    return ground.org.external_app(APP).satellites["ExtlClntAppOauthConfigurablePolicies"].component
