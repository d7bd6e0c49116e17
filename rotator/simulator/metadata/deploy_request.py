"""metadata/deployRequest: deployments over REST (Metadata API Developer Guide, REST resources)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.metadata.deploy import deploy_result, find, start, start_validated
from rotator.simulator.metadata.deployment import Options
from rotator.simulator.wire.answers import Answer, json_answer, not_found, rest_error
from rotator.simulator.wire.soap import FaultError

if TYPE_CHECKING:
    from rotator.simulator.org.jobs import Job
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.request import Request

_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME: Final = re.compile(rb'\bname="?([^";\r\n]+)"?', re.IGNORECASE)


def answer_deploy_request(org: Org, user: User, request: Request, version: int, rest: list[str]) -> Answer:
    """Answers one call below `metadata/deployRequest`; `rest` is what follows in the path."""
    if not user.may_use_metadata:
        return rest_error(403, "INSUFFICIENT_ACCESS", org.settings.metadata_permission_message)
    try:
        match (request.method, rest):
            case ("POST", []):
                job = _start(org, user, request)
                answer = json_answer(201, _shown(job, version, with_details=False))
                org.jobs.settle(org.clock())
                return answer
            case ("GET", [job_id]):
                details = request.query.get("includeDetails") == "true"
                return json_answer(200, _shown(find(org, job_id), version, with_details=details))
            case ("PATCH", [job_id]):
                job = find(org, job_id)
                org.jobs.cancel(job, user)
                return json_answer(202, _shown(job, version, with_details=False))
    except FaultError as fault:
        return rest_error(400, fault.code.removeprefix("sf:"), fault.text.partition(": ")[2])
    return not_found()


def _start(org: Org, user: User, request: Request) -> Job:
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/json"):
        return start_validated(org, user, str(_json(request.body).get("validatedDeployRequestId", "")))
    parts = _parts(request.body, content_type)
    # The documents call the part json, the official command line calls it entity_content.
    options = _json(parts.get("json") or parts.get("entity_content", b"")).get("deployOptions")
    if not isinstance(options, dict) or "file" not in parts:
        raise FaultError("INVALID_MULTIPART_REQUEST", "the parts json and file are required")
    return start(org, user, parts["file"], Options.of(options))


def _parts(body: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a multipart body, by name (RFC 7578)."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return {}
    parts = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        headers, blank, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(headers)
        if blank and name:
            parts[name[1].decode("utf-8", "replace")] = content
    return parts


def _json(data: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(data)
    except ValueError:
        sent = None
    return sent if isinstance(sent, dict) else {}


def _shown(job: Job, version: int, *, with_details: bool) -> dict[str, Any]:
    return {
        "id": job.id,
        "validatedDeployRequestId": None,
        "deployOptions": asdict(job.result.options),
        "deployResult": deploy_result(job, version, with_details=with_details),
    }
