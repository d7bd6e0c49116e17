"""Components with whatever fields set that an org could have set."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from rotator.simulator.org.components import returned_scopes
from rotator.simulator.org.schema.connected_app import SCOPES

if TYPE_CHECKING:
    from rotator.simulator.org.schema.field import Field

NOT_GENERATED: Final = frozenset(
    {
        *("fullName", "consumerKey", "consumerSecret", "certificate"),
        *("externalClientApplication", "shouldRotateConsumerKey", "shouldRotateConsumerSecret"),
    }
)
"""What says which component it is, what is about its certificate and keys, and what is an order and no state."""


def texts(field: Field) -> st.SearchStrategy[str]:
    if field.name == "applicationBinaryFile":
        return st.binary(min_size=1, max_size=8).map(lambda data: base64.b64encode(data).decode())
    letters = st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\r")
    return st.text(letters, min_size=1, max_size=12).map(str.strip).filter(bool)


def values(field: Field) -> st.SearchStrategy[Any]:
    one: dict[str, st.SearchStrategy[Any]] = {
        "text": texts(field),
        "flag": st.sampled_from(["true", "false"]),
        "number": st.integers(1, 10_000).map(str),
        "enum": st.sampled_from(SCOPES),
    }
    value = groups(field) if field.kind == "group" else one[field.kind]
    if field.kind == "enum" and field.name != "scopes":
        return st.sampled_from(field.values)
    if field.kind == "enum":
        return st.lists(value, max_size=4).map(returned_scopes)
    return st.lists(value, min_size=1, max_size=3) if field.many else value


def every_field(group: Field) -> st.SearchStrategy[dict[str, Any]]:
    """All that the newest version has, each set to something, and some that no version has yet."""
    known = [field for field in group.fields if field.name not in NOT_GENERATED]
    newer = st.dictionaries(st.sampled_from(["brandNew", "brandNewer"]), st.sampled_from(["true", "a text"]))
    named = {
        field.name: every_field(field).map(lambda one: [one, one]) if field.kind == "group" else values(field)
        for field in known
    }
    return st.tuples(st.fixed_dictionaries(named), newer).map(lambda both: {**both[0], **both[1]})


def groups(group: Field) -> st.SearchStrategy[dict[str, Any]]:
    known = [field for field in group.fields if field.since <= 63 and field.name not in NOT_GENERATED]
    return st.fixed_dictionaries(
        {field.name: values(field) for field in known if field.required or field.name == "oauthConfig"},
        optional={field.name: values(field) for field in known if not field.required and field.name != "oauthConfig"},
    ).filter(bool)
