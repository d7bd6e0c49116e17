"""deploy and the calls about it (Metadata API Developer Guide, file-based calls)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.metadata.deployment import Deployment, Options
from rotator.simulator.org.jobs import DEPLOYMENT
from rotator.simulator.wire.soap import FaultError, add, append, child_texts, date_time
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.deployment import Message
    from rotator.simulator.org.jobs import Job
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

VALIDATION_LIFETIME: Final = timedelta(days=10)
"""How long a validation can be deployed without being checked again."""
LARGEST_REQUEST: Final = 52_428_800
"""Bytes of a request."""
_TOO_LARGE: Final = "Maximum size of request reached. Maximum size of request is {} bytes."
SIZES_SINCE: Final = 66
"""The API version in whose WSDL a DeployResult tells numbers of files and sizes; that of 63.0 does not."""


def deploy(call: MetadataCall, body: etree._Element) -> None:
    """deploy: queues a job that writes the files of an archive."""
    try:
        archive = base64.b64decode(call.text("ZipFile"), validate=False)
    except (binascii.Error, ValueError):
        raise FaultError("soapenv:Client", "ZipFile is not a valid value for the type xsd:base64Binary") from None
    options = Options.of(_options(call))
    job = start(call.org, call.user, archive, options, lose_certificate=call.lose_certificate)
    append(add(body, "result"), {"done": False, "id": job.id, "state": "Queued"})
    call.org.jobs.settle(call.org.clock())


def _options(call: MetadataCall) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    for options in call.call.children("DeployOptions"):
        for name in vars(Options()):
            found = child_texts(options, name)
            sent[name] = found if name == "runTests" else next(iter(found), None)
    return sent


def start(org: Org, user: User, archive: bytes, options: Options, *, lose_certificate: bool = False) -> Job:
    """Queues a deployment. Raises FaultError for an option that is not simulated, or an archive that is too large."""
    if options.performRetrieve:
        raise unsupported_fault("The option performRetrieve of a deployment")
    if options.testLevel == "NoTestRun" and org.settings.deploy_without_tests == "refuse":
        raise FaultError("INVALID_OPERATION", "testLevel of NoTestRun cannot be used in production organizations")
    if len(archive) > LARGEST_REQUEST:
        raise FaultError("LIMIT_EXCEEDED", _TOO_LARGE.format(LARGEST_REQUEST))
    deployment = Deployment(org, archive, options, lose_certificate)
    job = org.jobs.start(
        org.next_id(DEPLOYMENT),
        user,
        org.clock(),
        org.settings.deploy_seconds,
        deployment.perform,
        at_work=org.settings.deploy_work_seconds,
        checkOnly=options.checkOnly,
    )
    job.result = deployment
    return job


def find(org: Org, job_id: str) -> Job:
    """A deployment by its id. Raises FaultError when there is none."""
    job = org.jobs.find(job_id)
    if job is None or not isinstance(job.result, Deployment):
        raise FaultError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    return job


def start_validated(org: Org, user: User, validation_id: str) -> Job:
    """Queues what was validated not long ago. Raises FaultError when that is not so."""
    job = find(org, validation_id)
    is_recent = org.clock() - job.due <= VALIDATION_LIFETIME
    if job.status != "Succeeded" or not job.result.options.checkOnly or not is_recent:
        raise FaultError("INVALID_ID_FIELD", "the deployment is no recent and successful validation")
    options = Options.of({**asdict(job.result.options), "checkOnly": False})
    return start(org, user, job.result.archive, options)


def check_status(call: MetadataCall, body: etree._Element) -> None:
    """checkDeployStatus: how far it is, with every file where the client asks for details."""
    job = find(call.org, call.text("asyncProcessId"))
    details = call.text("includeDetails") in {"true", "1"}
    append(add(body, "result"), deploy_result(job, call.version, with_details=details))


def cancel(call: MetadataCall, body: etree._Element) -> None:
    """cancelDeploy: takes a deployment back that has not begun; one at work goes on to its end."""
    # jsforce names the argument otherwise than the WSDL.
    job = call.org.jobs.find(call.text("String") or call.text("id"))
    if job is None or not isinstance(job.result, Deployment):
        raise FaultError("INVALID_ID_FIELD", "Invalid deploy ID")
    if job.is_done:
        raise FaultError("INVALID_ID_FIELD", "Deployment already completed")
    call.org.jobs.cancel(job, call.user)
    append(add(body, "result"), {"done": job.is_done, "id": job.id})


def deploy_recent_validation(call: MetadataCall, body: etree._Element) -> None:
    """deployRecentValidation: the answer is the new id alone."""
    add(body, "result", start_validated(call.org, call.user, call.text("validationId")).id)
    call.org.jobs.settle(call.org.clock())


def deploy_result(job: Job, version: int, *, with_details: bool) -> dict[str, Any]:
    """DeployResult, in the WSDL's order of elements."""
    deployment, options = job.result, job.result.options
    components = [message for message in deployment.messages if message.type]
    failed = len(deployment.failures)
    done = date_time(job.due) if job.is_done and job.status != "Canceled" else None
    tells_sizes = version >= SIZES_SINCE
    return {
        "canceledBy": job.canceled_by.id if job.canceled_by else None,
        "canceledByName": job.canceled_by.name if job.canceled_by else None,
        "checkOnly": options.checkOnly,
        "completedDate": done,
        "createdBy": job.user.id,
        "createdByName": job.user.name,
        "createdDate": date_time(job.created_at),
        "details": _details(job) if with_details else {},
        "done": job.is_done,
        "errorMessage": deployment.error or None,
        "errorStatusCode": "UNKNOWN_EXCEPTION" if deployment.error else None,
        "id": job.id,
        "ignoreWarnings": options.ignoreWarnings,
        "lastModifiedDate": done or date_time(job.created_at),
        "numberComponentErrors": failed,
        "numberComponentsDeployed": len(components) - failed,
        "numberComponentsTotal": len(components),
        **({"numberFiles": len(deployment.messages)} if tells_sizes else {}),
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "rollbackOnError": options.rollbackOnError,
        "runTestsEnabled": options.testLevel not in {"", "NoTestRun"},
        "startDate": done,
        "status": job.status,
        "success": job.status in {"Succeeded", "SucceededPartial"},
        **({"zipSize": len(deployment.archive)} if tells_sizes else {}),
    }


def _details(job: Job) -> dict[str, Any]:
    told = [_message(job, message) for message in job.result.messages]
    return {
        "componentFailures": [message for message in told if not message["success"]],
        "componentSuccesses": [message for message in told if message["success"]],
        # The simulated org has no Apex, so there is no test that could run.
        "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0},
    }


def _message(job: Job, message: Message) -> dict[str, Any]:
    outcome, is_written = message.outcome, message.outcome is not None and not message.deleted
    is_refused = bool(message.problem)
    return {
        "changed": bool(outcome and outcome.changed),
        "columnNumber": 1 if is_refused else None,
        "componentType": message.type,
        "created": bool(is_written and outcome and outcome.created),
        "createdDate": date_time(job.due),
        "deleted": message.deleted and not is_refused,
        "fileName": message.file,
        "fullName": message.name,
        "id": (outcome.id or None) if outcome else None,
        "lineNumber": 1 if is_refused else None,
        "problem": message.problem or None,
        "problemType": message.problem_type if is_refused else None,
        "success": not is_refused,
    }
