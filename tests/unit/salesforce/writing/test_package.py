"""Components as files: in their place, in their order, with nothing left out but their name and what is nil."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.errors import OrgError
from rotator.salesforce.component import Component
from rotator.salesforce.soap import API_VERSION, METADATA
from rotator.salesforce.writing.package import PLACES, package_of
from rotator.simulator.metadata.types.registry import TYPES
from tests.unit.salesforce.writing.conftest import APP, SETTINGS

if TYPE_CHECKING:
    from tests.unit.salesforce.writing.conftest import World

XSI = "http://www.w3.org/2001/XMLSchema-instance"


def files(*components: Component) -> dict[str, bytes]:
    """What is in the archive."""
    with zipfile.ZipFile(io.BytesIO(package_of(components))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def record(inner: str, metadata_type: str = APP, name: str = "Billing") -> Component:
    """A component as an org sends it."""
    text = (
        f'<records xmlns="{METADATA}" xmlns:xsi="{XSI}" xsi:type="{metadata_type}">'
        f"<fullName>{name}</fullName>{inner}</records>"
    )
    return Component("production", etree.fromstring(text))


def test_a_package_names_what_is_in_it(world: World) -> None:
    found = files(world.component(APP), world.component(SETTINGS))
    manifest = etree.fromstring(found.pop("package.xml"))
    assert [etree.QName(each).localname for each in manifest] == ["types", "types", "version"]
    told = [
        [(etree.QName(each).localname, each.text) for each in types]
        for types in manifest.iterfind(f"{{{METADATA}}}types")
    ]
    assert told == [
        [("members", "Billing"), ("name", APP)],
        [("members", "Shipping_glbloauth"), ("name", SETTINGS)],
    ]
    assert manifest[2].text == API_VERSION
    assert [*found] == [
        "connectedApps/Billing.connectedApp",
        "extlClntAppGlobalOauthSets/Shipping_glbloauth.ecaGlblOauth",
    ]


def test_files_are_where_an_org_looks_for_them() -> None:
    for name, place in PLACES.items():
        assert (TYPES[name].directory, TYPES[name].suffix) == place


def test_a_file_has_all_elements_in_their_order_and_no_name(world: World) -> None:
    component = world.component(SETTINGS)
    root = etree.fromstring(files(component)["extlClntAppGlobalOauthSets/Shipping_glbloauth.ecaGlblOauth"])
    assert root.tag == f"{{{METADATA}}}{SETTINGS}"
    assert [etree.QName(each).localname for each in root] == [name for name in component.fields() if name != "fullName"]
    assert not root.attrib


def test_what_this_program_does_not_know_is_in_the_file_as_it_came() -> None:
    newer = "<newer><inner> text &amp; more </inner><inner/></newer><label>Billing</label>"
    root = etree.fromstring(files(record(newer))["connectedApps/Billing.connectedApp"])
    assert [each.text for each in root.iter(f"{{{METADATA}}}inner")] == [" text & more ", None]
    assert root[-1].text == "Billing"


def test_of_what_is_nil_a_file_tells_nothing() -> None:
    nil = '<label xsi:nil="true"/><oauthConfig><scopes>Api</scopes><scopes xsi:nil="1"/></oauthConfig>'
    text = files(record(nil))["connectedApps/Billing.connectedApp"].decode()
    assert "nil" not in text
    assert text.count("scopes") == 2


def test_the_same_components_make_the_same_archive(world: World) -> None:
    component = world.component()
    assert package_of([component]) == package_of([component.copy()])


@pytest.mark.parametrize("name", ["../Billing", "a/b", "C:Billing", "Bil\tling"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(OrgError, match="no file can have its name"):
        package_of([record("<label>x</label>", name=name)])
