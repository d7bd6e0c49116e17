"""What an org sent comes back to it as it came, with what nobody here knows; only the certificate is another."""

from __future__ import annotations

import copy
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rotator.core.secret import Secret
from rotator.errors import OrgUnavailable
from rotator.net.shapes import WrongShape
from rotator.salesforce import soap
from rotator.salesforce.component import Component
from rotator.simulator.wire.soap import ENVELOPE, INSTANCE, METADATA
from tests.tiers import longer

WRITTEN: Final = ("certificate", "consumerKey")
BEFORE: Final = ("assetTokenConfig", "callbackUrl")

# As the org writes it, and with prefixes for everything.
PLAIN: Final = (
    f'<records xmlns="{METADATA}" xmlns:xsi="{INSTANCE}" xsi:type="ConnectedApp"><fullName>Billing</fullName>'
    "<contactEmail>a@acme.example</contactEmail><newest><deeper>1</deeper><deeper/></newest>"
    "<label>B &amp; &#13;x</label><oauthConfig><callbackUrl>https://acme.example</callbackUrl>"
    '<certificate>OLD</certificate><brandNew xsi:nil="true"/>'
    "<consumerKey>3MVG9</consumerKey><scopes>Web</scopes><scopes>Api</scopes></oauthConfig></records>"
)
PREFIXED: Final = (
    f'<m:records xmlns:m="{METADATA}" xmlns:i="{INSTANCE}" i:type="m:ConnectedApp"><m:fullName>Billing</m:fullName>'
    "<!-- of no meaning --><m:contactEmail>a@acme.example</m:contactEmail>"
    "<m:newest><m:deeper>1</m:deeper><m:deeper/></m:newest><m:label>B &amp; &#13;x</m:label>"
    "<m:oauthConfig><m:callbackUrl>https://acme.example</m:callbackUrl><m:certificate><![CDATA[OLD]]></m:certificate>"
    '<m:brandNew i:nil="true"/><m:consumerKey>3MVG9</m:consumerKey><m:scopes>Web</m:scopes><m:scopes>Api</m:scopes>'
    "</m:oauthConfig></m:records>"
)
SENT: Final = (
    '<metadata xsi:type="ConnectedApp"><fullName>Billing</fullName><contactEmail>a@acme.example</contactEmail><newest>'
    "<deeper>1</deeper><deeper/></newest><label>B &amp; &#13;x</label><oauthConfig>"
    '<callbackUrl>https://acme.example</callbackUrl><certificate>NEW</certificate><brandNew xsi:nil="true"/>'
    "<scopes>Web</scopes><scopes>Api</scopes></oauthConfig></metadata>"
)


def component(text: str) -> Component:
    envelope = f'<e:Envelope xmlns:e="{ENVELOPE}">{text}</e:Envelope>'
    return Component("production", soap._parsed(envelope.encode())[0])


def changed(text: str, certificate: str = "NEW") -> Component:
    found = component(text).copy()
    found.put(certificate, "oauthConfig", "certificate", after=BEFORE)
    found.drop("oauthConfig", "consumerKey")
    return found


def sent(found: Component) -> str:
    return soap._envelope(Secret("t"), "updateMetadata", [found.sent_as("metadata")]).decode()


@pytest.mark.parametrize("text", [PLAIN, PREFIXED])
def test_all_that_was_read_is_sent_back_in_its_order(text: str) -> None:
    assert f"<updateMetadata>{SENT}</updateMetadata>" in sent(changed(text))


def test_what_was_read_stays_as_it_was() -> None:
    found = component(PLAIN)
    changed(PLAIN)
    found.copy().drop("oauthConfig")
    found.sent_as("metadata").clear()
    assert found.text("oauthConfig", "certificate") == "OLD"


@pytest.mark.parametrize(
    ("there", "then"),
    [
        (
            "<callbackUrl>u</callbackUrl><isAdminApproved>true</isAdminApproved>",
            "callbackUrl certificate isAdminApproved",
        ),
        ("<assetTokenConfig/><callbackUrl>u</callbackUrl>", "assetTokenConfig callbackUrl certificate"),
        ("<scopes>Api</scopes>", "certificate scopes"),
        (
            '<callbackUrl>u</callbackUrl><certificate xsi:nil="true"/><scopes>Api</scopes>',
            "callbackUrl certificate scopes",
        ),
        ("<certificate><odd/></certificate><callbackUrl>u</callbackUrl>", "certificate callbackUrl"),
    ],
)
def test_a_certificate_stands_where_the_wsdl_has_it(there: str, then: str) -> None:
    head = f'<records xmlns="{METADATA}" xmlns:xsi="{INSTANCE}" xsi:type="ConnectedApp"><fullName>B</fullName>'
    found = changed(f"{head}<oauthConfig>{there}</oauthConfig></records>")
    element = found.sent_as("metadata").find(soap.qualified("oauthConfig"))
    assert element is not None
    assert [etree.QName(child).localname for child in element] == then.split()
    assert found.text("oauthConfig", "certificate") == "NEW"


def test_a_type_inside_is_told_by_the_names_of_the_request() -> None:
    text = PREFIXED.replace("<m:newest>", '<m:newest i:type="m:Newest">')
    assert '<newest xsi:type="Newest">' in sent(changed(text))


def test_a_type_of_another_schema_is_told_by_a_name_that_means_the_same() -> None:
    """As values of custom metadata are (Metadata API Developer Guide, CustomMetadataValue)."""
    schema = "http://www.w3.org/2001/XMLSchema"
    head = f'<answer xmlns="{METADATA}" xmlns:xsi="{INSTANCE}" xmlns:xsd="{schema}"><records xsi:type="ConnectedApp">'
    value = '<fullName>B</fullName><value xsi:type="xsd:string">x</value></records></answer>'
    [record] = etree.fromstring(head + value)
    found = Component("production", record)
    for root in (found.sent_as("metadata"), found.in_file()):
        [value_sent] = etree.fromstring(etree.tostring(root)).findall(soap.qualified("value"))
        assert value_sent.get(f"{{{INSTANCE}}}type") == "xsd:string"
        assert value_sent.nsmap["xsd"] == schema


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace('xsi:type="ConnectedApp"', ""),
        PLAIN.replace('xsi:type="ConnectedApp"', 'xsi:type="x:ConnectedApp"'),
        PLAIN.replace("<fullName>Billing</fullName>", ""),
        PLAIN.replace("<fullName>Billing</fullName>", "<fullName/>"),
        PLAIN.replace("Billing", "<b/>"),
        PLAIN.replace("<fullName>", "<fullName>A</fullName><fullName>"),
    ],
)
def test_what_says_neither_type_nor_name_is_no_component(text: str) -> None:
    with pytest.raises(WrongShape):
        component(text)


@pytest.mark.parametrize("old", ["<odd/>", "OLD</certificate><certificate>OLDER", "<certificate>OLD</certificate>"])
def test_a_certificate_that_is_no_text_or_not_the_only_one_is_no_answer(old: str) -> None:
    found = component(PLAIN.replace("OLD", old))
    with pytest.raises(OrgUnavailable, match="does not answer like the Metadata API: of Billing, certificate is"):
        found.text("oauthConfig", "certificate")


def test_a_second_certificate_is_not_written_beside() -> None:
    with pytest.raises(OrgUnavailable, match="certificate is there 2 times"):
        changed(PLAIN.replace("OLD", "OLD</certificate><certificate>OLDER"))


def test_fields_are_what_has_a_value() -> None:
    assert component(PLAIN).fields() == {
        "fullName": "Billing",
        "contactEmail": "a@acme.example",
        "newest": {"deeper": "1"},
        "label": "B & \rx",
        "oauthConfig": {
            "callbackUrl": "https://acme.example",
            "certificate": "OLD",
            "consumerKey": "3MVG9",
            "scopes": ["Web", "Api"],
        },
    }


letters = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\r\t<&]>'\""), max_size=8)
names = st.sampled_from(["a", "b", "c", "callbackUrl", "isAdminApproved", "certificate", "consumerKey"])


def elements(children: st.SearchStrategy[list[etree._Element]]) -> st.SearchStrategy[etree._Element]:
    def made(name: str, text: str, nil: bool, inside: list[etree._Element]) -> etree._Element:
        element = etree.Element(soap.qualified(name))
        element.text = text or None
        if nil:
            element.set(f"{{{INSTANCE}}}nil", "true")
        element.extend([] if nil or text else [copy.deepcopy(each) for each in inside])
        return element

    return st.builds(made, names, letters, st.booleans(), children)


trees = st.recursive(elements(st.just([])), lambda inner: elements(st.lists(inner, max_size=4)), max_leaves=12)


@longer
@given(before=st.lists(trees, max_size=4), config=st.lists(trees, max_size=6), after=st.lists(trees, max_size=4))
def test_whatever_a_component_holds_comes_back(
    before: list[etree._Element], config: list[etree._Element], after: list[etree._Element]
) -> None:
    record = etree.fromstring(PLAIN)
    here = soap.qualified("oauthConfig")
    group = record.find(here)
    assert group is not None
    group[:] = [copy.deepcopy(each) for each in config if etree.QName(each).localname != "certificate"]
    at = list(record).index(group)
    record[at + 1 :] = [copy.deepcopy(each) for each in after if each.tag != here]
    record[at:at] = [copy.deepcopy(each) for each in before if each.tag not in {here, soap.qualified("fullName")}]
    answer = etree.tostring(record).decode()
    back = etree.fromstring(sent(changed(answer)).encode()).find(f".//{soap.qualified('metadata')}")
    assert back is not None
    assert without(back) == without(etree.fromstring(answer))


def without(element: etree._Element) -> bytes:
    """All of it but its own name and what a change of the certificate is about, in its canonical form."""
    left = copy.deepcopy(element)
    left.tag, left.tail = "all", None
    group = left.find(soap.qualified("oauthConfig"))
    assert group is not None
    for name in WRITTEN:
        for child in group.findall(soap.qualified(name)):
            group.remove(child)
    canonical: bytes = etree.tostring(left, method="c14n", exclusive=True)
    return canonical
