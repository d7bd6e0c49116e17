"""Components as files: packages, and what retrieves and deploys them."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

from lxml import etree

from rotator.simulator.metadata.types.registry import TYPES
from rotator.simulator.wire.soap import METADATA
from tests.unit.simulator.helpers import call, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.org import Org


VERSION = "67.0"


def manifest(version: str = VERSION, **members: str) -> str:
    types = "".join(
        f"<types>{''.join(f'<members>{each}</members>' for each in names.split())}<name>{name}</name></types>"
        for name, names in members.items()
    )
    return f'<Package xmlns="{METADATA}">{types}<version>{version}</version></Package>'


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def packaged(project: Mapping[str, str], directory: str = "force-app") -> dict[str, str]:
    """The files of a directory of a project as Salesforce's command line packs them for a deployment."""
    source, meta = f"{directory}/main/default/", "-meta.xml"
    files = {
        path.removeprefix(source).removesuffix(meta): text for path, text in project.items() if path.startswith(source)
    }
    members: dict[str, str] = {}
    for path in files:
        folder, _, file = path.partition("/")
        [name] = [each.name for each in TYPES.values() if each.directory == folder]
        members[name] = f"{members.get(name, '')} {file.partition('.')[0]}"
    return {**files, "package.xml": manifest("66.0", **members)}


def retrieve(org: Org, package: str, *, more: str = "") -> tuple[etree._Element, dict[str, str]]:
    """Retrieves; gives the answer and the files."""
    inner = package.replace(f'<Package xmlns="{METADATA}">', "").replace("</Package>", "")
    request = f"<apiVersion>{VERSION}</apiVersion>{more}<unpackaged>{inner}</unpackaged>"
    [job] = texts(
        call(org, f"<retrieve><retrieveRequest>{request}</retrieveRequest></retrieve>", version=VERSION), "id"
    )
    inner = f"<asyncProcessId>{job}</asyncProcessId><includeZip>true</includeZip>"
    answer = call(org, f"<checkRetrieveStatus>{inner}</checkRetrieveStatus>", version=VERSION)
    [data] = texts(answer, "zipFile")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data or ""))) as archive:
        return answer, {name: archive.read(name).decode() for name in archive.namelist()}


def deploy(org: Org, files: dict[str, str], **options: bool) -> str:
    """Queues a deployment; gives its id."""
    told = {"rollbackOnError": True, "singlePackage": True, **options}
    wanted = "".join(f"<{name}>{str(value).lower()}</{name}>" for name, value in told.items())
    data = base64.b64encode(zipped(files)).decode()
    body = f"<deploy><ZipFile>{data}</ZipFile><DeployOptions>{wanted}</DeployOptions></deploy>"
    [job] = texts(call(org, body, version=VERSION), "id")
    return str(job)


def status_of(org: Org, job: str) -> etree._Element:
    inner = f"<asyncProcessId>{job}</asyncProcessId><includeDetails>true</includeDetails>"
    return call(org, f"<checkDeployStatus>{inner}</checkDeployStatus>", version=VERSION)


def deployed(org: Org, files: dict[str, str], **options: bool) -> tuple[str | None, list[str | None]]:
    """Deploys; gives the status and the problems."""
    answer = status_of(org, deploy(org, files, **options))
    [status] = texts(answer, "status")
    return status, texts(answer, "problem")


def app_file(org: Org, name: str = "Billing", **changes: str) -> str:
    """The app as a retrieve brings it, without its consumer key; `changes` replace texts."""
    _, files = retrieve(org, manifest(ConnectedApp=name))
    root = etree.fromstring(files[f"unpackaged/connectedApps/{name}.connectedApp"].encode())
    for element in list(root.iter(f"{{{METADATA}}}consumerKey")):
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    for tag, text in changes.items():
        for element in root.iter(f"{{{METADATA}}}{tag}"):
            element.text = text
    return etree.tostring(root, encoding="unicode")
