"""Components as files of an archive with its package.xml (Metadata API Developer Guide, package.xml)."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final, NamedTuple

from lxml import etree

from rotator.errors import NOTHING_CHANGED, OrgError
from rotator.salesforce.soap import API_VERSION, METADATA, element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.salesforce.component import Component


class Place(NamedTuple):
    """Where the files of a type are in an archive, and how they end."""

    folder: str
    suffix: str


PLACES: Final = {
    "ConnectedApp": Place("connectedApps", "connectedApp"),
    "ExtlClntAppGlobalOauthSettings": Place("extlClntAppGlobalOauthSets", "ecaGlblOauth"),
    "ExtlClntAppOauthConfigurablePolicies": Place("extlClntAppOauthPolicies", "ecaOauthPlcy"),
}
"""By type, as the registry of the official command line has them."""

_NO_FILE: Final = frozenset('/\\:*?"<>|')
_MADE: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file, so that the same components make the same archive."""


def package_of(components: Sequence[Component]) -> bytes:
    """An archive that holds these components and nothing else, each whole and in its own order.

    Raises OrgError for a name that no file can have, and KeyError for a type that is not in PLACES.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("package.xml", _MADE), _document(_manifest(components)))
        for component in components:
            archive.writestr(zipfile.ZipInfo(_path(component), _MADE), _document(component.in_file()))
    return buffer.getvalue()


def _manifest(components: Sequence[Component]) -> etree._Element:
    package = etree.Element(f"{{{METADATA}}}Package", nsmap={None: METADATA})  # type: ignore[dict-item] # see `soap`
    names: dict[str, list[str]] = {}
    for component in components:
        names.setdefault(component.metadata_type, []).append(component.full_name)
    for metadata_type, members in names.items():
        package.append(
            element("types", *(element("members", name) for name in members), element("name", metadata_type))
        )
    package.append(element("version", API_VERSION))
    etree.cleanup_namespaces(package)
    return package


def _path(component: Component) -> str:
    name, place = component.full_name, PLACES[component.metadata_type]
    if _NO_FILE.intersection(name) or not name.isprintable():
        raise OrgError(
            f"The {component.metadata_type} {name} in the org {component.org} cannot be deployed: no file can have its"
            " name.",
            effect=NOTHING_CHANGED,
            hint="Set `write: update` for the org.",
        )
    return f"{place.folder}/{name}.{place.suffix}"


def _document(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
