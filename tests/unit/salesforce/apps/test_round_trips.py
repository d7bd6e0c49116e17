"""A component of each kind with whatever an org may have in it, newer fields too, goes back as it came, but for one.

The org is a component in memory: no simulated org knows fields that are of no version yet.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from rotator.core.credentials import Fingerprint
from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.core.observed import Kind
from rotator.salesforce.apps.directory import SETTINGS_TYPE
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.salesforce.component import Component
from rotator.salesforce.metadata import Listing
from rotator.simulator.org.schema.connected_app import CONNECTED_APP
from rotator.simulator.org.schema.external_client_app import GLOBAL_OAUTH_SETTINGS
from rotator.simulator.wire.soap import INSTANCE, METADATA
from rotator.testing.versions import MOMENT, spare_key
from tests.tiers import longer, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.schema.field import Field

pytestmark = longer

NIL: Final = f"{{{INSTANCE}}}nil"
OURS: Final = frozenset({"fullName", "certificate", "consumerKey", "consumerSecret", "externalClientApplication"})
NOT_SENT: Final = frozenset({"consumerKey", "consumerSecret"})
FIXED: Final = {f"{{{METADATA}}}{name}" for name in ("callbackUrl", "contactEmail", "label", "oauthConfig")}
ORDERS: Final = frozenset({"shouldRotateConsumerKey", "shouldRotateConsumerSecret"})


def tag(name: str) -> str:
    return f"{{{METADATA}}}{name}"


def certificate(number: int) -> Certificate:
    subject = SubjectName(f"round trip {number}")
    return self_signed(spare_key(number), subject, now=MOMENT, lifetime=timedelta(days=90))


@pytest.fixture(scope="module")
def old() -> Certificate:
    return certificate(1)


@pytest.fixture(scope="module")
def new() -> Certificate:
    return certificate(2)


def leaf(name: str, text: str | None) -> etree._Element:
    element = etree.Element(tag(name))
    if text is None:
        element.set(NIL, "true")
    else:
        element.text = text
    return element


def branch(name: str, inner: list[etree._Element]) -> etree._Element:
    element = etree.Element(tag(name))
    element.extend(inner)
    return element


class Draw:
    """Elements by the numbers of one seed."""

    def __init__(self, seed: int) -> None:
        self._random: Final = Random(seed)

    def group(self, group: Field) -> list[etree._Element]:
        """The fields of a group in the WSDL's order, each there or not, and between them some that nobody knows."""
        known = [each for field in group.fields if field.name not in OURS for each in self._elements(field)]
        for _ in range(self._random.choice([0, 0, 1, 3])):
            known.insert(self._random.randint(0, len(known)), self._unknown(depth=2))
        return known

    def _elements(self, field: Field) -> list[etree._Element]:
        number = self._random.randint(0, 3 if field.many else 1)
        return [self._element(field) for _ in range(number)]

    def _element(self, field: Field) -> etree._Element:
        if field.kind == "group":
            return branch(field.name, self.group(field))
        if field.kind == "flag":
            return leaf(field.name, self._random.choice(["true", "false"]))
        return leaf(field.name, self._text())

    def _unknown(self, depth: int) -> etree._Element:
        name = f"brandNew{self._random.randint(0, 99)}"
        if depth and self._random.random() < 0.5:
            return branch(name, [self._unknown(depth - 1) for _ in range(self._random.randint(0, 3))])
        return leaf(name, self._text())

    def _text(self) -> str | None:
        drawn = "".join(self._random.choices("aZ9_,;& <>\"'\u00e9\u4e16", k=self._random.randint(1, 8)))
        return self._random.choice([None, "", drawn, drawn, drawn])


class Held:
    """An org that holds one component (`rotator.salesforce.metadata.MetadataService`)."""

    org = "production"

    def __init__(self, type_: str, name: str, kind: Kind, elements: list[etree._Element]) -> None:
        self.type, self.name, self.kind = type_, name, kind
        self.element = etree.Element(tag("records"))
        self.element.append(leaf("fullName", name))
        self.element.extend(elements)
        self.sent: list[etree._Element] = []

    def list_components(self, *_types: str) -> list[Listing]:
        listed = {self.kind: "Billing", self.type: self.name}
        return [Listing(type_, name, "", None) for type_, name in listed.items()]

    def read(self, type_: str, _names: object, **_: object) -> list[Component | None]:
        assert type_ == self.type
        # Through text, as over a wire: nobody holds a part of it.
        element = etree.fromstring(etree.tostring(self.element))
        element.set(f"{{{INSTANCE}}}type", f"m:{type_}")
        wrapped = etree.fromstring(f'<a xmlns:m="{METADATA}"/>')
        wrapped.append(element)
        return [Component(self.org, etree.fromstring(etree.tostring(wrapped))[0])]

    def update(self, component: Component) -> None:
        sent = component.sent_as("metadata")
        self.sent.append(sent)
        [there] = sent.iter(tag("certificate"))
        self._holder.extend(() if self._slot is not None else [etree.Element(tag("certificate"))])
        assert self._slot is not None
        self._slot.text = there.text

    @property
    def _holder(self) -> etree._Element:
        """Where the certificate is."""
        found = self.element.find(tag("oauthConfig"))
        return self.element if found is None else found

    @property
    def _slot(self) -> etree._Element | None:
        return self._holder.find(tag("certificate"))


def told(element: etree._Element, drop: frozenset[str] = frozenset()) -> list[object]:
    """Each part of a component in its order, whatever its prefixes are."""
    return [
        (part.tag, part.get(NIL), part.text or "", told(part, drop))
        for part in element
        if etree.QName(part).localname not in drop
    ]


def rotated(held: Held, new: Certificate, old: Certificate | None) -> None:
    apps = OrgApps(SimpleNamespace(org="production"), held)  # type: ignore[arg-type] # all that is asked of them
    seen = apps.read("Billing")
    assert seen
    assert seen.certificate == old
    apps.replace_certificate("Billing", new, expecting=Fingerprint(old.fingerprint) if old else None)


FORMS: Final[dict[str, Callable[[Certificate], str]]] = {
    "bare": lambda certificate: certificate.base64,
    "lines": lambda certificate: certificate.pem.split("-----")[2],
    "pem": lambda certificate: certificate.pem,
}


@settings(max_examples=of_tier(26, thorough=80), deadline=None)
@given(seed=st.integers(0, 2**32), form=st.sampled_from([*FORMS]))
def test_settings_of_an_external_client_app(old: Certificate, new: Certificate, seed: int, form: str) -> None:
    has_certificate, has_key = seed % 2 == 0, seed % 3 > 0
    ours = [leaf("certificate", FORMS[form](old))] if has_certificate else []
    ours += [leaf("consumerKey", "3MVG9"), leaf("consumerSecret", "SECRET")] if has_key else []
    elements = [*ours, leaf("externalClientApplication", "Billing"), *Draw(seed).group(GLOBAL_OAUTH_SETTINGS)]
    held = Held(SETTINGS_TYPE, "any_name", Kind.EXTERNAL_APP, elements)
    was = told(held.element, frozenset({"certificate"}) | NOT_SENT | ORDERS)
    rotated(held, new, old if has_certificate else None)
    [sent] = held.sent
    assert told(sent, frozenset({"certificate"}) | ORDERS) == was
    assert [each.text for each in sent.iterchildren(tag("certificate"))] == [new.base64]
    assert {each.text for name in ORDERS for each in sent.iterchildren(tag(name)) if not each.get(NIL)} <= {"false"}
    assert b"SECRET" not in etree.tostring(sent)


@settings(max_examples=of_tier(13, thorough=40), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_connected_app(old: Certificate, new: Certificate, seed: int) -> None:
    [oauth] = (each for each in CONNECTED_APP.fields if each.name == "oauthConfig")
    draw, has_certificate = Draw(seed), seed % 2 == 0
    inner = [leaf("callbackUrl", "https://acme.example")]
    inner += [leaf("certificate", old.base64)] if has_certificate else []
    inner += [leaf("consumerKey", "3MVG9"), *(each for each in draw.group(oauth) if each.tag not in FIXED)]
    rest = [each for each in draw.group(CONNECTED_APP) if each.tag not in FIXED]
    fixed = [leaf("contactEmail", "a@acme.example"), leaf("label", "Billing"), branch("oauthConfig", inner)]
    held = Held(Kind.APP, "Billing", Kind.APP, [*fixed, *rest])
    was = told(held.element, frozenset({"certificate"}) | NOT_SENT)
    rotated(held, new, old if has_certificate else None)
    [sent] = held.sent
    assert told(sent, frozenset({"certificate"})) == was
    assert [each.text for each in sent.iter(tag("certificate"))].count(new.base64) == 1
