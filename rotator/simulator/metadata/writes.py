"""Calls of the Metadata API that change: update-, create-, upsert-, delete- and renameMetadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.simulator.metadata.call import COMPONENT_LIMIT, check_limit, limit_message
from rotator.simulator.metadata.types.changes import Outcome
from rotator.simulator.org.components import ComponentError, from_xml, missing
from rotator.simulator.org.snapshot import snapshot
from rotator.simulator.wire.soap import FaultError, append, xsi_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.types.changes import Author, Mode


def update(call: MetadataCall, body: etree._Element) -> None:
    """updateMetadata: each component for itself, unless all-or-none was asked for."""
    _write(call, body, "update")


def create(call: MetadataCall, body: etree._Element) -> None:
    """createMetadata: connected apps are refused in orgs since Spring '26, unless a setting allows them."""
    _write(call, body, "create")


def upsert(call: MetadataCall, body: etree._Element) -> None:
    """upsertMetadata: updates what is there and creates what is not."""
    _write(call, body, "upsert")


def _write(call: MetadataCall, body: etree._Element, mode: Mode) -> None:
    elements = call.call.children("metadata")
    author = call.author()
    if len({xsi_type(element) for element in elements}) > 1:
        # The guide has it so; which words refuse it is not known.
        raise FaultError("INVALID_TYPE_FOR_OPERATION", "All components of one call must be of the same type")
    steps = []
    for element in elements:
        component_type = call.component_type_of(xsi_type(element))
        given = from_xml(element, call.version, component_type.schema, author.order)
        name = given.pop("fullName", "")
        steps.append((name, lambda name=name, kind=component_type, given=given: kind.write(author, name, given, mode)))
    _perform(call, body, author, steps, tells_created=mode == "upsert")


def delete(call: MetadataCall, body: etree._Element) -> None:
    """deleteMetadata: each component for itself."""
    component_type = call.component_type_of(call.text("type"))
    author = call.author()
    steps = [(name, lambda name=name: component_type.delete(author, name)) for name in call.call.texts("fullNames")]
    _perform(call, body, author, steps)


def rename(call: MetadataCall, body: etree._Element) -> None:
    """renameMetadata: one component of one type."""
    component_type = call.component_type_of(call.text("type"))
    author, old, new = call.author(), call.text("oldFullName"), call.text("newFullName")

    def step() -> Outcome:
        component_type.rename(author, old, new)
        return Outcome("")

    _perform(call, body, author, [(new, step)])


def _perform(
    call: MetadataCall,
    body: etree._Element,
    author: Author,
    steps: Iterable[tuple[str, Callable[[], Outcome]]],
    *,
    tells_created: bool = False,
) -> None:
    """Does each step, and takes all back when one is refused and all or none were asked for."""
    steps = _limited(call, list(steps))
    restore = snapshot(call.org)
    try:
        outcomes = [(name, _attempted(name, step)) for name, step in steps]
    except FaultError:
        restore()
        raise
    if call.call.all_or_none and any(isinstance(outcome, ComponentError) for _, outcome in outcomes):
        restore()
        outcomes = [
            (name, outcome if isinstance(outcome, ComponentError) else _rolled_back()) for name, outcome in outcomes
        ]
    else:
        author.finish()
    for name, outcome in outcomes:
        append(body, {"result": _result(name, outcome, tells_created=tells_created)})


def _limited(
    call: MetadataCall, steps: list[tuple[str, Callable[[], Outcome]]]
) -> list[tuple[str, Callable[[], Outcome]]]:
    """Refuses too many components: with one fault, or each for itself."""
    settings = call.org.settings
    if settings.limit_answer == "fault":
        check_limit(call, len(steps), COMPONENT_LIMIT)
        return steps

    def refuse() -> Outcome:
        raise ComponentError(settings.limit_status_code, limit_message(COMPONENT_LIMIT))

    return [(name, refuse) for name, _ in steps] if len(steps) > COMPONENT_LIMIT else steps


def _attempted(name: str, step: Callable[[], Outcome]) -> Outcome | ComponentError:
    if not name:
        return missing("fullName")
    try:
        return step()
    except ComponentError as error:
        return error


def _rolled_back() -> ComponentError:
    return ComponentError(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )


def _result(name: str, outcome: Outcome | ComponentError, *, tells_created: bool) -> dict[str, Any]:
    """SaveResult and DeleteResult have the same shape; UpsertResult says too whether the component is new."""
    error = outcome if isinstance(outcome, ComponentError) else None
    return {
        "created": isinstance(outcome, Outcome) and outcome.created if tells_created else None,
        "errors": error and {"fields": list(error.fields), "message": error.message, "statusCode": error.status_code},
        "fullName": name,
        "success": error is None,
    }
