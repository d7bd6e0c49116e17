"""Deployments in one org: begun, asked about, taken back, waited for (Metadata API Developer Guide, deploy)."""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.retry import BackOff
from rotator.errors import OrgError, OrgUnavailable
from rotator.net.limits import MEGABYTE
from rotator.salesforce.record_values import is_id
from rotator.salesforce.soap import children, element, id_of, result_with, text_of
from rotator.salesforce.writing.outcomes import Problem, Progress
from rotator.salesforce.writing.package import package_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

LOG: Final = logging.getLogger(__name__)

RESULT_SIZE: Final = 8 * MEGABYTE
"""Bytes of what is told of one deployment: with an org's tests, their traces and the coverage of each class."""

_PAUSES: Final = BackOff(timedelta(seconds=1), timedelta(seconds=10))
_TRUE: Final = frozenset({"true", "1"})
_ENDED: Final = "('Succeeded', 'SucceededPartial', 'Failed', 'FinalizingFailed', 'FinalizingDeployFailed', 'Canceled')"


@dataclass(frozen=True)
class Deployments:
    """What the program does with deployments. All raise OrgError, OrgUnavailable and LoginRefused."""

    metadata: MetadataService

    def begin(self, components: Sequence[Component], *, check_only: bool) -> str:
        """Has the org write these components, or only check them; gives the id under which it goes on.

        All of them or none. Raises AnswerLost when it may have begun.
        """
        archive = base64.b64encode(package_of(components)).decode()
        asked = [element("ZipFile", archive), _options(check_only=check_only)]
        begun = self.metadata.change("deploy", asked, partial(id_of, what="deployment"))
        LOG.debug("deploy", extra={"org": self.metadata.org, "deployment": begun, "check_only": check_only})
        return begun

    def checked(self, components: Sequence[Component], patience: float) -> Progress:
        """How the org checks these components, or how far it is after so many seconds; then it is taken back.

        Nothing is changed, whatever comes.
        """
        deployment = self.begin(components, check_only=True)
        progress = self.end_of(deployment, patience)
        if not progress.is_over:
            # One that cannot be taken back does no harm, and why not is no matter to who waits.
            with suppress(OrgError):
                self.take_back(deployment)
        return replace(progress, changes_nothing=True)

    def progress(self, deployment: str) -> Progress:
        """How far one is."""
        asked = [element("asyncProcessId", deployment), element("includeDetails", "true")]
        return self.metadata.ask("checkDeployStatus", asked, partial(_progress, deployment), size=RESULT_SIZE)

    def take_back(self, deployment: str) -> None:
        """Has the org drop one that waits. One at work may go on to its end, or be dropped with part of it done."""
        asked = [element("String", deployment)]
        self.metadata.ask("cancelDeploy", asked, lambda _results: None, size=RESULT_SIZE, changes=True)

    def under_way(self) -> tuple[str, ...]:
        """The ids of those of the program's user that will still change something."""
        user = self.metadata.user_id
        whose = f" AND CreatedById = '{user}'" if is_id(user) else ""
        rows = self.metadata.query(
            f"SELECT Id FROM DeployRequest WHERE CheckOnly = false AND Status NOT IN {_ENDED}{whose}"  # noqa: S608 - an id
        )
        return tuple(found for found in (row.text("Id") for row in rows) if is_id(found))

    def end_of(self, deployment: str, patience: float) -> Progress:
        """How it ended, or how far it is after so many seconds."""
        progress: Progress | None = None
        for _ in replace(self.metadata.waiting, patience=patience).turns(_PAUSES):
            progress = self.progress(deployment)
            if progress.is_over:
                break
        return progress or self.progress(deployment)

    def taken_back(self, deployment: str, grace: float) -> Progress:
        """Takes one back, and says how it ended, or how far it is after `grace` seconds."""
        try:
            self.take_back(deployment)
        except OrgUnavailable:
            raise
        except OrgError as refused:
            # It has ended meanwhile, or cannot be stopped any more: how it goes on is asked below.
            LOG.debug("cancelDeploy was refused", extra={"org": self.metadata.org, "said": refused.message})
        return self.end_of(deployment, grace)


def _options(*, check_only: bool) -> etree._Element:
    """All or nothing, and a warning is a refusal: what may be ignored, a change of a certificate does not need.

    `testLevel` is left to the org, as the official command line does: then nothing runs for a package without Apex,
    and production orgs refuse to be told so (`testLevel of NoTestRun cannot be used in production organizations`).
    """
    options = {
        "allowMissingFiles": False,
        "autoUpdatePackage": False,
        "checkOnly": check_only,
        "ignoreWarnings": False,
        "performRetrieve": False,
        "purgeOnDelete": False,
        "rollbackOnError": True,
        "singlePackage": True,
    }
    return element("DeployOptions", *(element(name, str(value).lower()) for name, value in options.items()))


def _progress(deployment: str, results: list[etree._Element]) -> Progress:
    """What checkDeployStatus tells of one that was asked about. Raises WrongShape."""
    result = result_with(results, "status", "it does not tell how far it is")
    text = partial(text_of, result)
    details = children(result, "details")[:1]
    tests = [each for part in details for each in children(part, "runTestResult")]
    return Progress(
        id=deployment,
        status=text("status"),
        is_over=text("done") in _TRUE,
        changes_nothing=text("checkOnly") in _TRUE,
        has_succeeded=text("success") in _TRUE,
        code=text("errorStatusCode"),
        message=text("errorMessage"),
        canceled_by=text("canceledByName"),
        problems=tuple(_problem(each) for part in details for each in children(part, "componentFailures")),
        failed_tests=tuple(_test(each) for part in tests for each in children(part, "failures")),
        coverage=tuple(text_of(each, "message") for part in tests for each in children(part, "codeCoverageWarnings")),
    )


def _test(failure: etree._Element) -> str:
    return f"{text_of(failure, 'name')}.{text_of(failure, 'methodName')}"


def _problem(failure: etree._Element) -> Problem:
    return Problem(text_of(failure, "componentType"), text_of(failure, "fullName"), text_of(failure, "problem"))
