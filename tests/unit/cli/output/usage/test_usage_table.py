"""`rotator status --usage` says that something is not visible where it is, and not where there is nothing to see."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.cli.output.usage.usage_table import print_usage
from rotator.salesforce.access.login_history import LoginsHidden
from rotator.services.inventory.status import last_known_statuses
from rotator.services.usage.shown import usage_of
from tests.tiers import longer
from tests.unit.services.bench import NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    import pytest

    from rotator.history.engine.database import Database

HOUR: Final = timedelta(hours=1)


def shown(bench: CycleBench, capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed, in one line."""
    context, now = bench.context, bench.bench.time
    [status] = last_known_statuses(context.settings, context.database, ["billing"], now)
    print_usage(usage_of(status, now), now)
    return " ".join(capsys.readouterr().out.split())


@longer
def test_only_what_is_hidden_is_called_not_visible(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    made = cycle_bench(database)
    made.bench.use("Billing")
    made.work()
    assert shown(made, capsys).startswith("billing: No previous version is in grace")
    made.bench.rotation_service().handle(NOW)
    made.outside.logins.fails = LoginsHidden("The org does not show who logs in.", hint="Give it the permission.")
    made.bench.time += HOUR
    made.cycle.take_inventory("production")
    said = shown(made, capsys)
    assert said.startswith("billing: not visible: The org does not show who logs in. Give it")
    made.outside.logins.fails = None
    made.bench.time += HOUR
    made.cycle.take_inventory("production")
    assert shown(made, capsys).startswith("billing: nobody was seen to log in")
