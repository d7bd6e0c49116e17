"""The way a component is written, for both kinds of apps: by an update, or by a deployment where the org wants that.

An update has happened when it is answered. A deployment waits for its turn, and happens at some time after it was
begun, whatever has become of the process that began it. So a run could put an old certificate back by an update, and a
deployment that was begun before it would then take it away. This is kept from happening so:

- A deployment is only checked first (`checkOnly`). What an org would refuse, or does not come to for a long time, is
  known before anything is begun that changes something.
- What is begun is written down (`DeploymentLog`) before the call and after it, with the id that the org gave, and that
  it has ended. While it waits it is asked about; when its turn does not come in time it is taken back.
- Before a run goes by what it observes, `settle` sees to it that nothing of this kind is still to come: a deployment
  that is written down without an end, and those of the program's user that the org lists. The first is taken back while
  it waits, the others are waited for, and the run observes again. Nothing is concluded from how one ended: an org may
  have committed what it says it dropped (Metadata API Developer Guide, cancelDeploy).
- Where the answer to the call that began one was lost, and the org does not list deployments, a check is sent after it,
  as an org works off one deployment at a time: what was before the check has most likely ended with it. For certain it
  is where they are listed, which takes no permission that a deployment does not take (Tooling API, DeployRequest): an
  org does not promise to keep to the order (Metadata API Developer Guide, deploy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from rotator.config.settings import WriteMode
from rotator.errors import LoginRefused, OrgError, OrgUnavailable, WriteUncertain, before_a_write
from rotator.salesforce.component import nothing_to_note
from rotator.salesforce.faults import NotThere
from rotator.salesforce.transport import AnswerLost
from rotator.salesforce.writing.deployments import Deployments
from rotator.salesforce.writing.outcomes import TIMEOUT, never_began, not_in_time, refusal, still_under_way, taken_back
from rotator.salesforce.writing.package import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from rotator.config.settings import OrgSettings
    from rotator.core.kept import Kept
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.writing.outcomes import Progress

GRACE: Final = 60.0
"""Seconds that a deployment is waited for that was to be taken back."""

UPDATED: Final = frozenset({"ConnectedApp"})
"""Types that orgs are known to update; of the others no public source shows it."""

_MAY_COME: Final = "The change may have been made, or be made later."


class DeploymentLog(Protocol):
    """Where it is written down what was begun, so that a run after a crash knows.

    Only `unended` raises HistoryError.
    """

    def begins(self, component: str) -> None:
        """The call that begins a deployment is about to be made."""
        ...

    def begun(self, component: str, deployment: str) -> None:
        """The org gave it an id."""
        ...

    def ended(self) -> None:
        """Nothing of what was begun is still to come."""
        ...

    def unended(self) -> str | None:
        """The id of what was begun and has not ended, empty where it has none; None where there is nothing."""
        ...


class ComponentWriter:
    """Writes components of one credential's apps. All raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(
        self, metadata: MetadataService, mode: WriteMode, log: DeploymentLog, learnt: Kept[str], *, patience: float
    ) -> None:
        """`learnt` keeps which types an org refuses to update; `patience`: how many seconds a deployment may wait."""
        self._deployments: Final = Deployments(metadata)
        self._metadata: Final = metadata
        self._org: Final = metadata.org
        self._mode: Final = mode
        self._log: Final = log
        self._learnt: Final = learnt
        self._patience: Final = patience

    @classmethod
    def of(cls, metadata: MetadataService, org: OrgSettings, log: DeploymentLog, learnt: Kept[str]) -> Self:
        """As the configuration of the org has it."""
        return cls(metadata, org.write, log, learnt, patience=org.deploy_timeout.total_seconds())

    def write(self, component: Component, sends: Callable[[], None] = nothing_to_note) -> None:
        """Writes a whole component; what it leaves out is reset.

        `sends` is called just before what may change the org, so after a check, and once more where an update was
        refused and a deployment follows.

        Raises WriteUncertain when it may or may not have taken effect, or may do so later (then `settle` is due). An
        error after which it is certain that nothing was written says so (`wrote_nothing`).
        """
        if self._is_deployed(component.metadata_type):
            self._deploy(component, sends)
            return
        sends()
        try:
            self._metadata.update(component)
        except (LoginRefused, OrgUnavailable):
            raise
        except OrgError:
            if self._mode is not WriteMode.AUTO or not self._takes_as_file(component):
                raise
            self._learnt.put(self._name_of(component.metadata_type), component.metadata_type)
            self._deploy(component, sends, is_checked=True)

    def settle(self, components: Sequence[Component]) -> bool:
        """Sees to it that no deployment of ours is still to change these components.

        Whether there was one, so that they have to be read again. Raises OrgUnavailable where one goes on.
        """
        known = self._log.unended()
        if known is None and not any(self._may_be_deployed(each.metadata_type) for each in components):
            return False
        listed = self._listed()
        for deployment in dict.fromkeys([*([known] if known else []), *(listed or ())]):
            self._see_out(deployment, is_ours=deployment == known)
        if known == "" and listed is None:
            self._pass_behind(components)
        if known is not None:
            self._log.ended()
        return known is not None or bool(listed)

    def _is_deployed(self, metadata_type: str) -> bool:
        if self._mode is WriteMode.AUTO:
            return self._learnt.get(self._name_of(metadata_type)) is not None
        return self._mode is WriteMode.DEPLOY

    def _may_be_deployed(self, metadata_type: str) -> bool:
        return self._is_deployed(metadata_type) or (self._mode is WriteMode.AUTO and metadata_type not in UPDATED)

    def _name_of(self, metadata_type: str) -> str:
        return f"{self._org} {metadata_type}"

    def _takes_as_file(self, component: Component) -> bool:
        """Whether the org would take a component by a deployment that it has just refused to update."""
        if component.metadata_type not in PLACES:
            return False
        try:
            self._check(component)
        except OrgError:
            # What the update was refused with says more.
            return False
        return True

    def _deploy(self, component: Component, sends: Callable[[], None], *, is_checked: bool = False) -> None:
        name = component.full_name
        if not is_checked:
            self._check(component)
        sends()
        self._log.begins(name)
        try:
            deployment = self._deployments.begin([component], check_only=False)
        except AnswerLost as lost:
            raise self._uncertain(name, lost) from None
        except OrgError as error:
            self._log.ended()
            error.wrote_nothing = True
            raise
        self._log.begun(name, deployment)
        try:
            ended = self._deployments.end_of(deployment, self._patience)
            is_late = not ended.is_over
            if is_late:
                ended = self._deployments.taken_back(deployment, GRACE)
        except LoginRefused as refused:
            refused.effect = _MAY_COME
            raise
        except OrgError as lost:
            raise self._uncertain(name, lost) from None
        if not ended.is_over:
            raise not_in_time(self._org, ended, name)
        self._log.ended()
        if not ended.has_succeeded:
            raise taken_back(self._org, name, self._patience) if is_late else self._refusal(ended, name)

    def _check(self, component: Component) -> None:
        """Has the org check a component as a file. Raises what it would be refused with, and changes nothing."""
        with before_a_write():
            ended = self._deployments.checked([component], self._patience)
            if not ended.is_over:
                raise never_began(self._org, component.full_name, TIMEOUT)
            if not ended.has_succeeded:
                raise refusal(self._org, ended, component.full_name)

    def _refusal(self, ended: Progress, name: str) -> OrgError:
        """The error for a deployment that was to write something."""
        error = refusal(self._org, ended, name)
        error.wrote_nothing = not isinstance(error, WriteUncertain)
        return error

    def _listed(self) -> tuple[str, ...] | None:
        """What the org lists; None where it does not let the program's user see it."""
        try:
            return self._deployments.under_way()
        except (LoginRefused, OrgUnavailable):
            raise
        except OrgError:
            return None

    def _see_out(self, deployment: str, *, is_ours: bool) -> None:
        """Waits until a deployment has ended; one of ours that waits for its turn is taken back."""
        try:
            progress = self._deployments.progress(deployment)
            if not progress.is_over:
                progress = self._ended(progress, is_ours=is_ours)
        except NotThere:
            # It is so old that the org has forgotten it.
            return
        if not progress.is_over:
            raise still_under_way(self._org, progress)

    def _ended(self, progress: Progress, *, is_ours: bool) -> Progress:
        if is_ours and progress.is_waiting:
            progress = self._deployments.taken_back(progress.id, GRACE)
        return progress if progress.is_over else self._deployments.end_of(progress.id, self._patience)

    def _pass_behind(self, components: Sequence[Component]) -> None:
        """Has the org check something after what may have been begun: how that goes is no matter."""
        checked = [each for each in components if each.metadata_type in PLACES]
        ended = self._deployments.checked(_without_keys(checked), self._patience)
        if not ended.is_over:
            raise still_under_way(self._org, ended)

    def _uncertain(self, name: str, lost: OrgError) -> WriteUncertain:
        return WriteUncertain(
            f"The org {self._org} was asked to deploy {name}, and its answer was lost.",
            effect=_MAY_COME,
            hint=lost.hint,
            rerun=lost.rerun,
        )


def _without_keys(components: Collection[Component]) -> list[Component]:
    copies = [each.copy() for each in components]
    for each in copies:
        each.drop("consumerKey")
        each.drop("oauthConfig", "consumerKey")
    return copies
