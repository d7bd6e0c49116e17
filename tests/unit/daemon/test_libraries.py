"""What a service has in its memory: no library that only its pages need, where it serves none, and no Alembic."""

from __future__ import annotations

import subprocess
import sys

from tests.tiers import thorough

NOT_NEEDED = ("starlette", "uvicorn", "jinja2", "prometheus_client", "alembic", "sqlalchemy.dialects.postgresql")

START = """
import sys
import rotator.application, rotator.daemon.start, rotator.history.engine.database
import rotator.salesforce.inventory.org_inventory, rotator.services.rotation.run
print(*sys.modules)
"""


@thorough
def test_a_service_without_pages_on_a_file_imports_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", START], check=True, capture_output=True, text=True)
    assert set(NOT_NEEDED) & set(done.stdout.split()) == set()
