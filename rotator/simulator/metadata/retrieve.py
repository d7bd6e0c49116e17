"""retrieve and checkRetrieveStatus: components as files of an archive (Metadata API Developer Guide)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from rotator.simulator.metadata.deployment import is_true
from rotator.simulator.metadata.package import (
    ALL,
    MANIFEST,
    META,
    ArchiveError,
    Manifest,
    component_file,
    manifest_file,
    pack,
)
from rotator.simulator.metadata.reads import file_properties
from rotator.simulator.metadata.types.metadata_type import ListedLine
from rotator.simulator.metadata.types.registry import type_of
from rotator.simulator.org.schema.certificate import CONTENT
from rotator.simulator.wire.soap import FaultError, add, append, child_texts, children
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.types.metadata_type import Listed, MetadataType
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.jobs import Job
    from rotator.simulator.org.org import Org

_FOLDER: Final = "unpackaged/"


@dataclass
class Retrieval:
    """What a retrieve brought."""

    files: dict[str, bytes] = field(default_factory=dict)
    found: list[tuple[MetadataType, Listed]] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)
    error: str = ""
    was_sent: bool = False
    """An archive is sent once, and deleted then (checkRetrieveStatus)."""


def retrieve(call: MetadataCall, body: etree._Element) -> None:
    """retrieve: queues a job that packs what package.xml names."""
    # By its place: the official command line gives the argument another name than the WSDL, and Salesforce takes it.
    request = next(call.call.payload.iterchildren(tag=etree.Element), None)
    package = next(iter(children(request, "unpackaged")), None) if request is not None else None
    if request is None or package is None or any(child_texts(request, "packageNames")):
        raise unsupported_fault("A retrieve of anything but unpackaged components")
    manifest, org = Manifest.of(package), call.org
    if not manifest.version:
        manifest = replace(manifest, version=next(iter(child_texts(request, "apiVersion")), ""))
    is_single = is_true(next(iter(child_texts(request, "singlePackage")), ""))
    files = child_texts(request, "specificFiles")

    def work(job: Job) -> None:
        job.result = _retrieved(org, manifest, "" if is_single else _FOLDER, files)
        job.status = "Failed" if job.result.error else "Succeeded"

    job = org.jobs.start(org.next_id("09S"), call.user, org.clock(), org.settings.retrieve_seconds, work)
    append(add(body, "result"), {"done": False, "id": job.id, "state": "Queued"})
    org.jobs.settle(org.clock())


def check_status(call: MetadataCall, body: etree._Element) -> None:
    """checkRetrieveStatus: how far it is, and the archive unless the client does not want it yet."""
    job = call.org.jobs.find(call.text("asyncProcessId"))
    if job is None or not job.id.startswith("09S"):
        raise FaultError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    retrieval = job.result or Retrieval()
    if retrieval.was_sent:
        raise FaultError("INVALID_LOCATOR", "Retrieve result has been deleted.")
    wants_archive = call.text("includeZip").lower() not in {"false", "0"}
    archive = pack(retrieval.files) if job.is_done and wants_archive and retrieval.files else b""
    retrieval.was_sent = bool(archive)
    told = {
        "done": job.is_done,
        "errorMessage": retrieval.error or None,
        "errorStatusCode": "UNKNOWN_EXCEPTION" if retrieval.error else None,
        "fileProperties": _properties(call.org, job, retrieval),
        "id": job.id,
        "messages": retrieval.messages,
        "status": job.status,
        "success": job.status == "Succeeded",
        "zipFile": base64.b64encode(archive).decode(),
    }
    append(body, {"result": told})


def check_async_status(call: MetadataCall, body: etree._Element) -> None:
    """checkStatus: how far a deployment or a retrieve is."""
    job = call.org.jobs.find(call.text("asyncProcessId"))
    if job is None:
        raise FaultError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    state = "Completed" if job.is_done else "Queued"
    append(add(body, "result"), {"done": job.is_done, "id": job.id, "state": state})


def _properties(org: Org, job: Job, retrieval: Retrieval) -> list[dict[str, str]]:
    """What is told of each file of the archive, package.xml the last."""
    if not retrieval.files:
        return []
    folder = _FOLDER if any(name.startswith(_FOLDER) for name in retrieval.files) else ""
    manifest = ListedLine(f"{folder}{MANIFEST}", "", job.created_at, job.created_at, job.user.username)
    return [
        *(
            file_properties(org, kind.name, f"{folder}{kind.path(component.name)}", component)
            for kind, component in retrieval.found
        ),
        file_properties(org, "Package", manifest.name, manifest),
    ]


def _retrieved(org: Org, manifest: Manifest, folder: str, only: list[str]) -> Retrieval:
    retrieval = Retrieval()
    try:
        version = manifest.api_version
        if version > org.settings.latest_api_version:
            raise ArchiveError(f"Invalid version specified:{manifest.version}")
    except ArchiveError as error:
        retrieval.error = str(error)
        return retrieval
    for type_name, members in manifest.members.items():
        try:
            kind = type_of(org, version, type_name)
        except FaultError as error:
            _say(retrieval, folder, error.text)
        else:
            _retrieve_type(org, retrieval, kind, members, version, folder)
    if only:
        wanted = {name if name.startswith(folder) else f"{folder}{name}" for name in only}
        retrieval.files = {name: data for name, data in retrieval.files.items() if name in wanted}
    retrieval.files[f"{folder}{MANIFEST}"] = manifest_file(retrieval.members, f"{version}.0")
    return retrieval


def _retrieve_type(
    org: Org, retrieval: Retrieval, kind: MetadataType, members: list[str] | Any, version: int, folder: str
) -> None:
    listed = {each.name: each for each in kind.listed(org) if kind.first_version_of(each.name) <= version}
    names = [*listed, *(name for name in members if name not in {ALL, *listed})] if ALL in members else list(members)
    for name in names:
        component: Component | None = kind.read(org, name)
        if component is None or name not in listed:
            _say(retrieval, folder, f"Entity of type '{kind.name}' named '{name}' cannot be found")
            continue
        path = f"{folder}{kind.path(name)}"
        if kind.is_file:
            retrieval.files[path] = component[CONTENT].encode()
            path += META
        retrieval.files[path] = component_file(kind, component, version)
        retrieval.found.append((kind, listed[name]))
        retrieval.members.setdefault(kind.name, []).append(name)


def _say(retrieval: Retrieval, folder: str, problem: str) -> None:
    retrieval.messages.append({"fileName": f"{folder}{MANIFEST}", "problem": problem})
