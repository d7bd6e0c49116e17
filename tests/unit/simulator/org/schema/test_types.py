"""The types of metadata make sense in themselves; that they are Salesforce's, tests/contract/simulator shows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from rotator.simulator.org.schema import (
    certificate,
    connected_app,
    external_client_app,
    feature_switches,
    permission_set,
    profile_session_setting,
    saml_sso_config,
)
from rotator.simulator.org.schema.field import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    *(certificate, connected_app, external_client_app, feature_switches),
    *(permission_set, profile_session_setting, saml_sso_config),
)


def groups_in(field: Field) -> Iterator[Field]:
    if field.kind == "group":
        yield field
        for each in field.fields:
            yield from groups_in(each)


GROUPS = [
    pytest.param(group, id=f"{kind.name}.{group.name}")
    for kind in (each for module in MODULES for each in vars(module).values() if isinstance(each, Field))
    if kind.name == kind.type_name
    for group in groups_in(kind)
]


@pytest.mark.parametrize("group", GROUPS)
def test_a_name_stands_once_in_a_group_at_each_version(group: Field) -> None:
    by_name = sorted(group.fields, key=lambda each: (each.name, each.since))
    assert [
        one.name for one, next_one in pairwise(by_name) if one.name == next_one.name and next_one.since <= one.until
    ] == []


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_left_out_becomes_something_that_may_stand_there(group: Field) -> None:
    wrong = [
        each.name
        for each in group.fields
        if each.default is not None
        and (
            (each.kind == "enum" and each.default not in each.values)
            or (each.kind == "flag" and each.default not in {"true", "false"})
        )
    ]
    assert wrong == []


@pytest.mark.parametrize("group", GROUPS)
def test_each_element_is_in_some_version_that_has_its_group(group: Field) -> None:
    found = [each.name for each in group.fields if each.until < max(each.since, group.since)]
    assert found == []
