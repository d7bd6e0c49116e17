"""The apps of a credential: by their names, or with the kind that is meant where there is one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.policies import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings

ONE = "[Billing]"
TWO = "[Warehouse_A, Warehouse_B]"


def test_an_app_may_be_said_with_its_kind_and_the_number_decides_the_strategy(
    settings: Callable[..., Settings],
) -> None:
    read = settings({ONE: "[{name: Billing, kind: external_client_app}]"}).credentials["billing"]
    assert (read.app_names, read.kinds_of_apps) == (("Billing",), {"billing": "external_client_app"})
    assert read.strategy is Strategy.IN_PLACE


def test_two_apps_may_be_of_different_kinds_and_one_of_them_of_whichever_it_is(
    settings: Callable[..., Settings],
) -> None:
    read = settings({TWO: "[Warehouse_A, {name: Warehouse_B, kind: connected_app}]"})
    warehouse = read.credentials["warehouse"]
    assert warehouse.app_names == ("Warehouse_A", "Warehouse_B")
    assert warehouse.strategy is Strategy.ALTERNATING
    assert read.kinds_of_apps("production") == {"warehouse_b": "connected_app"}
    assert read.kinds_of_apps("sandbox") == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ONE, "[{name: Billing, kind: eca}]", "apps[0].kind: must be 'connected_app' or 'external_client_app'"),
        (ONE, "[{name: Billing, knd: connected_app}]", "apps[0].knd: unknown key; did you mean `kind`?"),
        (ONE, "[{name: Billing}]", "apps[0].kind: it is missing"),
        (ONE, "[{name: My App, kind: connected_app}]", "apps[0].name: an app's full name has letters, digits and `_`"),
        (ONE, "[[Billing]]", "apps[0]: must be text"),
        (
            TWO,
            "[{name: Both, kind: connected_app}, {name: Both, kind: external_client_app}]",
            "alternating needs two apps of different names, even where one is a connected app and the other an",
        ),
        (TWO, "[Both, both]", "alternating needs two apps of different names"),
        (
            ONE,
            "[{name: Warehouse_B, kind: external_client_app}]",
            "apps[1]: the app Warehouse_B belongs to the credential `billing` already",
        ),
        (
            TWO,
            "[Warehouse_A, {name: Billing, kind: external_client_app}]",
            "belongs to the credential `billing` already; apps of credentials of one org have different names, those of"
            " different kinds as well",
        ),
    ],
)
def test_a_mistake_in_an_app_is_told(refusal: Callable[..., str], old: str, new: str, said: str) -> None:
    assert said in refusal({old: new})


@pytest.mark.parametrize("app", ["7", "", "'My App'", "[Billing]", "{name: Billing}", "{name: Billing, kind: eca}"])
def test_an_app_that_is_mistaken_is_the_only_mistake(refusal: Callable[..., str], app: str) -> None:
    assert "mistakes" not in refusal({ONE: f"[{app or repr('')}]"})
