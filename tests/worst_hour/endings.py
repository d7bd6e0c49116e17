"""The ways in which a rotation ends badly: what the org, the store, the disk or a person does in the middle of it.

Each begins when the new certificate has just arrived, and lasts until it is mended.
"""

from __future__ import annotations

import resource
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.decision.policies import Strategy
from rotator.simulator.org.schema.external_client_app import OAUTH_POLICIES
from rotator.simulator.org.settings import OrgSettings, Refusal
from rotator.simulator.serving.server import utc_now
from rotator.simulator.wire.answers import json_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.testing.versions import spare_key

if TYPE_CHECKING:
    from tests.worst_hour.lives import Life


class Ending:
    """One of them, for one life."""

    name: ClassVar[str]
    says: ClassVar[tuple[str, str]]
    """What every surface says after it, until something follows: in place, and where two apps take turns."""
    is_mended_before: ClassVar[bool] = False
    """Whether it must be mended before a process begins, to which it would not come otherwise."""
    is_taken_back: ClassVar[bool] = False
    """Whether `rotator` puts the old certificate back by itself, and proves its key."""
    is_of_external_app: ClassVar[bool] = False
    """Where there is one app, whether that is an external client app."""
    is_hidden: ClassVar[bool] = False
    """And that the org does not show what certificate it holds."""
    stops_at_login: ClassVar[bool] = False
    """Whether processes that begin meanwhile come no further than to their login."""

    def __init__(self) -> None:
        self.has_begun = False

    def org_settings(self) -> OrgSettings:
        """How the org behaves from the start."""
        return OrgSettings()

    def largest_file(self, _life: Life) -> int | None:
        """The most bytes that a file may have which a process that begins now writes."""
        return None

    def meets(self, life: Life, kind: Kind, apps: set[str]) -> Fault | None:
        """What a call meets, while the trouble lasts."""
        if not self.has_begun and life.new_seen > 1:
            self.has_begun = True
            self.begin(life)
        return self.answer(life, kind, apps) if self.has_begun else None

    def begin(self, life: Life) -> None:
        """What happens once, when a run looks for the second time at the app with the new certificate."""

    def answer(self, _life: Life, _kind: Kind, _apps: set[str]) -> Fault | None:
        """What a call meets from then on."""
        return None

    def mend(self, life: Life) -> None:
        """What a person does."""


class Mismatch(Ending):
    """The new key never logs in, and the org says so in its usual words."""

    name = "mismatch for good"
    says = ("ok (warning)", "ok")
    is_taken_back = True
    refusal: ClassVar[Refusal] = Refusal("invalid_grant", "invalid assertion")

    def meets(self, life: Life, kind: Kind, apps: set[str]) -> Fault | None:
        """As soon as the certificate is there."""
        is_met = kind is Kind.TOKEN and life.target in apps and life.is_new_live
        return _refused(self.refusal) if is_met else None


class OtherWords(Mismatch):
    """The same, in the words that one external client app was heard to use."""

    name = "other words for a wrong key"
    is_of_external_app = True
    refusal = Refusal("invalid_client", "invalid client credentials", 401)

    def org_settings(self) -> OrgSettings:
        """The org says so of every wrong key."""
        return OrgSettings(refusals={"signature": self.refusal})


class Unapproved(Ending):
    """The app is no longer approved for the user."""

    name = "user not approved"
    says = ("refused", "halted")
    is_of_external_app = True

    def begin(self, life: Life) -> None:
        """The profile is taken off the app."""
        policies, profile = self._policies(life)
        self._profiles = policies.pop(profile)

    def mend(self, life: Life) -> None:
        """It is given back; and where consumers are refused, the old certificate."""
        if self.has_begun:
            policies, profile = self._policies(life)
            policies[profile] = self._profiles
        if life.strategy is Strategy.IN_PLACE:
            life.org.put_certificate(life.target, life.old.certificate)

    @staticmethod
    def _policies(life: Life) -> tuple[dict[str, Any], str]:
        """Where the profile stands, and what it is called there."""
        if life.target in life.external:
            policies = life.org.external_app(life.target).satellites[OAUTH_POLICIES.name].component
            return policies, "commaSeparatedProfile"
        return life.org.app(life.target).component, "profileName"


class OrgAway(Ending):
    """The whole org is away."""

    name = "org away"
    says = ("refused", "unknown")
    stops_at_login = True

    def answer(self, _life: Life, kind: Kind, _apps: set[str]) -> Fault | None:
        """For every call."""
        return Fault(kind, Effect.FAIL)


class StoreAway(Ending):
    """The folder of the store is not there, as a file system that is not mounted."""

    name = "store away"
    says = ("refused", "not stored (critical)")
    is_mended_before = True

    def begin(self, life: Life) -> None:
        """It goes away."""
        life.store_folder.rename(life.store_folder.with_suffix(".away"))

    def mend(self, life: Life) -> None:
        """It is mounted again."""
        if self.has_begun:
            life.store_folder.with_suffix(".away").rename(life.store_folder)


class DiskFull(Ending):
    """Neither the store nor the history can be written."""

    name = "disk full"
    says = ("unfinished", "unfinished")
    is_of_external_app = True
    is_hidden = True
    is_mended_before = True

    def largest_file(self, life: Life) -> int | None:
        """Processes that begin meanwhile find it full, too."""
        return 0 if self.has_begun and life.is_in_trouble else None

    def begin(self, life: Life) -> None:
        """The process may write nothing any more."""
        if life.process:
            resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, (0, 0))


class ChangedByHand(Ending):
    """Somebody puts a third certificate on the app after the upload: the run halts."""

    name = "halt after the upload"
    says = ("refused", "halted")
    is_of_external_app = True

    def begin(self, life: Life) -> None:
        """A certificate whose key nobody here has."""
        made: Any = {"now": utc_now(), "lifetime": timedelta(days=90)}
        life.org.put_certificate(life.target, self_signed(spare_key(2), SubjectName("by hand"), **made))

    def mend(self, life: Life) -> None:
        """It is put back as it was before the rotation."""
        life.org.put_certificate(life.target, life.before[life.target])


class WayBackHalts(Ending):
    """No key logs in any more; where two apps take turns, the standby does not take another certificate either."""

    name = "halt of the way back"
    says = ("refused", "unfinished")

    def meets(self, life: Life, kind: Kind, apps: set[str]) -> Fault | None:
        """From the first login with the new key on."""
        self.has_begun = self.has_begun or life.is_new_live
        if not self.has_begun or life.target not in apps:
            return None
        if kind is Kind.TOKEN:
            return _refused(Mismatch.refusal)
        is_way_back = kind is Kind.SOAP_UPDATE and life.strategy is Strategy.ALTERNATING
        return Fault(kind, Effect.FAIL, answer="unknown_exception") if is_way_back else None


ENDINGS: Final[tuple[type[Ending], ...]] = (
    Mismatch,
    OtherWords,
    Unapproved,
    OrgAway,
    StoreAway,
    DiskFull,
    ChangedByHand,
    WayBackHalts,
)


def _refused(refusal: Refusal) -> Fault:
    fields = {"error": refusal.error, "error_description": refusal.description}
    return Fault(Kind.TOKEN, Effect.FAIL, answer=json_answer(refusal.status, fields))
