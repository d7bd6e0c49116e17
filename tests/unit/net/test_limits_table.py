"""The table of limits in docs/security.md says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator import consumer
from rotator.alerts import heartbeat
from rotator.alerts.mail import smtp
from rotator.config.daemon import HeartbeatSettings
from rotator.config.section import ChannelSettings
from rotator.config.settings import OrgSettings
from rotator.history.engine import postgres
from rotator.net.client import MOST_REDIRECTS
from rotator.net.limits import KILOBYTE, MEGABYTE, Limits
from rotator.salesforce import login, metadata, rest, soap
from rotator.salesforce.writing import deployments
from rotator.stores.aws.settings import AwsStoreSettings
from rotator.stores.vault.settings import VaultStoreSettings

if TYPE_CHECKING:
    from datetime import timedelta

    from pydantic import BaseModel

PAGE: Final = Path(__file__).parents[3] / "docs" / "security.md"


def rows() -> dict[str, list[str]]:
    """The cells of each call."""
    table = PAGE.read_text("utf-8").partition("| call | silence |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]
    return {call: rest_of_row for call, *rest_of_row in cells}


def default(model: type[BaseModel], name: str) -> timedelta:
    found: timedelta = model.model_fields[name].default
    return found


def seconds(model: type[BaseModel], name: str) -> str:
    value = round(default(model, name).total_seconds())
    return f"`{name}`, {value // 60} min" if value > 60 and value % 60 == 0 else f"`{name}`, {value} s"


def bytes_of(size: int) -> str:
    return f"{size // MEGABYTE} MB" if size % MEGABYTE == 0 else f"{size // KILOBYTE} kB"


REPEATED: Final = f"up to {metadata.ATTEMPTS} times in {round(metadata.PATIENCE) // 60} min"
SOME_PATIENCE: Final = Limits.for_patience(0), Limits.for_patience(3600)

SAYS: Final[dict[str, list[str]]] = {
    "token endpoint, `userinfo`": [
        seconds(OrgSettings, "read_timeout"), seconds(OrgSettings, "total_timeout"), bytes_of(login.SIZE), "once",
    ],
    "versions of the API (`check`)": ["the same", "the same", bytes_of(rest.VERSIONS_SIZE), REPEATED],
    "limits (`check`)": ["the same", "the same", bytes_of(rest.LIMITS_SIZE), REPEATED],
    "describeMetadata": ["the same", "the same", bytes_of(metadata.DESCRIBE_SIZE), REPEATED],
    "listMetadata": ["the same", "the same", bytes_of(metadata.LIST_SIZE), REPEATED],
    "readMetadata": [
        "the same", "the same", f"{bytes_of(soap.SMALL)} and {bytes_of(metadata.COMPONENT_SIZE)} for each component",
        REPEATED,
    ],
    "updateMetadata": ["the same", "the same", bytes_of(soap.SMALL), REPEATED],
    "deploy": ["the same", "the same", bytes_of(soap.SMALL), REPEATED],
    "checkDeployStatus, cancelDeploy": ["the same", "the same", bytes_of(deployments.RESULT_SIZE), REPEATED],
    "Tooling API query": [
        "the same", "the same, for each page",
        f"{bytes_of(rest.PAGE_SIZE)} a page, {rest.MOST_PAGES} pages, {rest.MOST_ROWS:,} rows", REPEATED,
    ],
    "a consumer's login": [
        f"its patience, {SOME_PATIENCE[0].silence:.0f} to {SOME_PATIENCE[1].silence:.0f} s", "the same",
        bytes_of(login.SIZE), "by its patience",
    ],
    "a consumer's look into Vault or AWS": [
        f"{Limits.for_patience(consumer.STORE_PATIENCE).silence:.0f} s",
        f"{Limits.for_patience(consumer.STORE_PATIENCE).total:.0f} s", bytes_of(Limits().size),
        f"for up to {consumer.STORE_PATIENCE:.0f} s",
    ],
    "Vault": [
        seconds(VaultStoreSettings, "read_timeout"),
        f"{seconds(VaultStoreSettings, 'total_timeout')}; up to {MOST_REDIRECTS} redirects among `nodes`",
        bytes_of(Limits().size), "by `patience`",
    ],
    "AWS Secrets Manager, STS, SSO": [
        seconds(AwsStoreSettings, "read_timeout"), seconds(AwsStoreSettings, "total_timeout"),
        bytes_of(Limits().size), "`attempts` by AWS's library, then for 30 s",
    ],
    "Slack": [seconds(ChannelSettings, "timeout"), "the same", "1 MB", "once"],
    "what Apprise calls over requests": [
        seconds(ChannelSettings, "timeout"), "the same", bytes_of(Limits().size), "once",
    ],
    "mail server (SMTP)": [
        seconds(ChannelSettings, "timeout"), f"{smtp._TURNS} times that", bytes_of(smtp.SIZE), "once",
    ],
    "heartbeat": [seconds(HeartbeatSettings, "timeout"), "the same", bytes_of(heartbeat.SIZE), "once"],
    "Postgres": [
        f"{postgres._KEEPALIVES['tcp_user_timeout'] // 1000} s",
        postgres._SESSION["statement_timeout"].replace("s", " s a statement"), "none",
        "a broken connection is replaced",
    ],
}  # fmt: skip
NOT_OURS: Final = "AWS's own addresses of a machine or a container, for credentials"


@pytest.mark.parametrize("call", sorted(SAYS))
def test_the_table_says_the_limits_that_the_code_has(call: str) -> None:
    cells = rows()[call]
    for said, is_so in zip(cells, SAYS[call], strict=True):
        assert said.startswith(is_so), (said, is_so)


def test_each_row_is_held_against_the_code() -> None:
    assert set(rows()) == {*SAYS, NOT_OURS}


def test_what_one_text_may_hold_is_in_the_page() -> None:
    page: Any = " ".join(PAGE.read_text("utf-8").split())
    assert f"{soap.MOST_TAGS:,} tags and {soap.MOST_ATTRIBUTES:,} attributes" in page
