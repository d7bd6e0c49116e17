"""A consumer that keeps an old key, by real processes: named within one look, and brought back to its login."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.end_to_end.strangers import FAST, Folder
from tests.tiers import thorough

BILLING = ("production", "Billing")


def configured(folder: Folder, what: str) -> Folder:
    """A service that waits for nothing, and a channel that is never reached."""
    return folder.configured(
        f"{what}.yaml",
        rotation={"verification": FAST, "left_behind_after": "0s", "on_left_behind": what},
        daemon={"first_rotations_after": "0s"},
    )


def alerts(folder: Folder) -> dict[str, Any]:
    """The open alerts by kind, as a program asks for them."""
    ran = folder.run("rotator", "alerts", "list", "--json")
    assert ran.code == 0, ran
    return {alert["kind"]: alert for alert in ran.json}


def rotated_under_a_consumer(folder: Folder) -> bytes:
    """Rotates in place; gives the key that a consumer keeps, which is refused since."""
    old = (folder.stored("billing") / "private_key.pem").read_bytes()
    assert folder.logs_in(*BILLING, old)
    ran = folder.run("rotate", "now", "billing", "--yes")
    assert ran.code == 0, ran
    # The login history has whole seconds.
    time.sleep(1.1)
    assert [folder.logs_in(*BILLING, old) for _ in range(3)] == [False] * 3
    return old


@thorough
@pytest.mark.usefixtures("org")
def test_it_is_named_within_one_look_and_logs_in_again_by_itself(folder: Folder) -> None:
    told = configured(folder, "tell")
    old = rotated_under_a_consumer(told)
    assert told.run("rotator", "run", "--once").code == 0
    alert = alerts(told)["left-behind"]
    assert (alert["credential"], alert["severity"]) == ("billing", "critical")
    [refused] = [text for name, text in alert["facts"].items() if name.startswith("From 127.0.0.1")]
    assert refused.startswith("3 refused logins")
    shown = told.run("rotator", "status", "billing", "--usage", "--json")
    [line] = [each for each in shown.json[0]["usage"]["sources"] if each["standing"] == "refused"]
    assert (line["refused"], line["client"].partition("/")[0]) == (3, "python-requests")
    assert not told.logs_in(*BILLING, old)

    back = configured(folder, "back")
    assert back.run("rotator", "run", "--once").code == 0
    assert back.logs_in(*BILLING, old)
    assert back.current_logs_in("production", "billing")
    newest = back.run("rotator", "history", "billing", "--json").json
    assert "left-behind" in str(newest)
    assert back.run("rotator", "run", "--once").code == 0
    assert "left-behind" not in alerts(back)
