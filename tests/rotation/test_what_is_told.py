"""Why nothing can be done is told alike, whatever somebody asks: the cause, that nothing was changed, what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.cli.exit_codes import ExitCode, of_error
from rotator.errors import RotatorError
from rotator.history.journal.queries import events
from rotator.services.rotation.plan import plans_of
from rotator.services.rotation.report import Outcome
from tests.rotation.lineups import CONNECTED, EXTERNAL
from tests.rotation.scenarios import COMPROMISED, KEEP_KEY, REPLACE
from tests.rotation.secret_ground import NAME
from tests.rotation.watching import handle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.application import Application
    from tests.rotation.ground import Ground
    from tests.rotation.secret_ground import SecretGround

ENROLL: Final = replace(REPLACE, goal="enroll")


def told(app: Application, name: str = "billing") -> Iterator[tuple[str, str, str]]:
    """What is told by the status, by a plan, and by a run that has a first version made."""
    [status] = app.statuses([name], app.now())
    assert status.problem
    yield status.problem.message, status.problem.effect, status.problem.hint
    for request in (REPLACE, ENROLL):
        plan = plans_of([name], app.credential_context, request, app.now())[name]
        assert isinstance(plan, RotatorError)
        assert of_error(plan) is ExitCode.PERSON_NEEDED
        yield plan.message, plan.effect, plan.hint
    try:
        report = handle(name, ENROLL)(app)
    except RotatorError as error:
        yield error.message, error.effect, error.hint
    else:
        assert report.outcome is Outcome.HALTED
        yield report.why, report.effect, report.hint


HIDDEN: Final = ("ExternalClientApplication", "ExtlClntAppGlobalOauthSettings")
VIEW: Final = "View all External Client Apps, view their settings, and edit their policies"


@pytest.mark.parametrize(
    ("hidden", "cause", "hint"),
    [
        ((), "The org production has no app Billing", "Did you mean `Billings`?"),
        (HIDDEN, "does not list external client apps to the program's user", VIEW),
        (HIDDEN[1:], "does not list to the program's user the settings of external client apps", VIEW),
    ],
    ids=["a wrong name", "hidden types", "hidden settings"],
)
def test_an_app_that_is_not_shown(ground: Ground, hidden: tuple[str, ...], cause: str, hint: str) -> None:
    ground.begin(lineup=EXTERNAL)
    if not hidden:
        app = ground.org.external_apps.pop("Billing")
        app.rename("Billings")
        ground.org.external_apps["Billings"] = app
    ground.org.settings = replace(ground.org.settings, hidden_types=hidden)
    with ground.program() as program:
        found = [*told(program)]
    assert len(set(found)) == 1
    [(message, effect, advice)] = set(found)
    assert cause in message
    assert effect == "Nothing was changed."
    assert hint in advice


def test_an_org_is_named_once_for_all_of_its_apps(ground: Ground) -> None:
    ground.begin(lineup=EXTERNAL)
    for hidden in (HIDDEN, HIDDEN[1:]):
        ground.org.settings = replace(ground.org.settings, hidden_types=hidden)
        with ground.program() as program:
            assert len({str(each.problem) for each in program.statuses(["billing", "warehouse"], program.now())}) == 1


def test_a_client_secret_whose_app_is_not_listed(secret_ground: SecretGround) -> None:
    secret_ground.org.external_apps.clear()
    with secret_ground.program() as program:
        found = [*told(program, NAME)]
    assert len(set(found)) == 1
    assert "lists no external client app Shipping with a consumer key" in found[0][0]
    assert "View Client Secret" in found[0][2]


def test_a_client_secret_whose_app_has_nearly_that_name(secret_ground: SecretGround) -> None:
    app = secret_ground.org.external_apps.pop("Shipping")
    app.rename("Shippings")
    secret_ground.org.external_apps["Shippings"] = app
    with secret_ground.program() as program:
        assert {hint.partition("? ")[0] for _, _, hint in told(program, NAME)} == {"Did you mean `Shippings`"}


def test_what_makes_no_sense_of_a_client_secret_is_wrong_input(secret_ground: SecretGround) -> None:
    with (
        secret_ground.program() as program,
        pytest.raises(RotatorError, match="is a client secret, which has no") as refused,
    ):
        handle(NAME, KEEP_KEY)(program)
    assert of_error(refused.value) is ExitCode.WRONG_INPUT


@pytest.mark.parametrize("name", ["billing", "warehouse"])
def test_a_key_in_wrong_hands_is_not_said_to_have_had_its_grace(ground: Ground, name: str) -> None:
    ground.begin(lineup=CONNECTED)
    ground.in_use(name, *{"billing": ["Billing"], "warehouse": ["Warehouse_A", "Warehouse_B"]}[name])
    with ground.program() as program:
        assert handle(name, COMPROMISED)(program).outcome is Outcome.ROTATED
    written = [event for event in events(ground.database, credential=name) if event.kind in {"disable", "retire"}]
    assert {str(event.details["why"]).rpartition("and ")[2] for event in written} == {"it is in wrong hands"}
    assert [event.kind for event in written][-1] == "retire"


@pytest.mark.parametrize(
    ("hidden", "cause"),
    [
        ((), "The org production has no app Billing, connected app or external client app."),
        (HIDDEN, "The org production does not show its external client apps"),
        (HIDDEN[1:], "The org production does not show its external client apps"),
    ],
    ids=["a wrong name", "hidden types", "hidden settings"],
)
def test_the_service_names_the_cause_as_well(ground: Ground, hidden: tuple[str, ...], cause: str) -> None:
    """Of an inventory, by which the pages go, and of a rotation that is due."""
    ground.begin(lineup=EXTERNAL)
    if not hidden:
        ground.org.external_apps.pop("Billing")
    ground.org.settings = replace(ground.org.settings, hidden_types=hidden)
    with ground.program() as program:
        [found] = program.scan(program.now())
        [status] = [each for each in found.credentials if each.credential == "billing"]
    assert status.why_unknown.startswith(cause)
