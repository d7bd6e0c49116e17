"""What config.yaml says of who begins rotations, and of the times in which none begin."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rotator.config.settings import Settings
from rotator.core.schedule import Mode, Standstill, Why
from rotator.errors import ConfigurationError
from rotator.services.inventory.schedules import Schedules

Read = Callable[..., Settings]

YEAR_END = "{from: 2026-12-18T18:00, until: 2027-01-04, zone: Europe/Berlin, reason: year-end}"


def test_the_schedule_begins_rotations_unless_it_is_said_otherwise(settings: Read) -> None:
    assert {each.mode for each in settings().credentials.values()} == {Mode.AUTOMATIC}


def test_an_org_says_it_for_its_credentials_and_each_of_them_for_itself(settings: Read) -> None:
    read = settings(
        {
            "login_url: https://example.my.salesforce.com": (
                "login_url: https://example.my.salesforce.com\n    rotation: {mode: manual, grace: 3d}"
            ),
            "apps: [Billing]": "apps: [Billing]\n    mode: automatic",
        }
    )
    assert (read.credentials["billing"].mode, read.credentials["warehouse"].mode) == (Mode.AUTOMATIC, Mode.MANUAL)
    assert read.credentials["billing"].grace.days == 3


def test_what_an_org_does_not_say_is_as_for_all(settings: Read) -> None:
    read = settings(
        {
            "login_url: https://example.my.salesforce.com": (
                "login_url: https://example.my.salesforce.com\n    rotation: {verification: {timeout: 20m}}"
            ),
        },
        "rotation: {mode: manual, rotate_before: 20d, verification: {hold: 10s}}\n",
    )
    warehouse = read.credentials["warehouse"]
    assert (warehouse.mode, warehouse.rotate_before.days) == (Mode.MANUAL, 20)
    assert (warehouse.verification.timeout.seconds, warehouse.verification.hold.seconds) == (1200, 10)


def test_a_freeze_is_by_the_clock_of_its_zone(settings: Read) -> None:
    read = settings(more=f"rotation: {{freezes: [{YEAR_END}]}}\n")
    assert Schedules(read).of("billing").standstills == [
        Standstill(
            why=Why.FREEZE,
            since=datetime(2026, 12, 18, 17, tzinfo=UTC),
            until=datetime(2027, 1, 3, 23, tzinfo=UTC),
            reason="year-end",
        )
    ]


def test_a_credential_may_be_left_out_of_a_freeze(settings: Read) -> None:
    read = settings({"apps: [Billing]": "apps: [Billing]\n    freezes: []"}, f"rotation: {{freezes: [{YEAR_END}]}}\n")
    assert (read.credentials["billing"].freezes, len(read.credentials["warehouse"].freezes)) == ((), 1)


@pytest.mark.parametrize(
    ("freezes", "sentence"),
    [
        ("{from: 2027-01-04, until: 2026-12-18, reason: x}", "freezes[0]: from must be before until"),
        ("{from: 2027-01-04, until: 2027-01-04, reason: x}", "freezes[0]: from must be before until"),
        (
            "{from: 2027-01-04, until: '9999-12-31T23:59', zone: America/New_York, reason: x}",
            "times that there are in UTC",
        ),
        ("{from: 0001-01-01, until: 2027-02-01, zone: Asia/Tokyo, reason: x}", "times that there are in UTC"),
        ("{from: 2027-01-04, until: 2027-02-30, reason: x}", "freezes[0].until: must be a day or a time in `zone`"),
        ("{from: 2027-01-04, until: soon, reason: x}", "freezes[0].until: must be a day or a time in `zone`"),
        (
            "{from: '2027-01-04T08:00Z', until: 2027-02-01, reason: x}",
            "freezes[0].from: must be a day or",
        ),
        ("{from: 2027-01-04, until: 2027-02-01, zone: CET/X, reason: x}", "there is no time zone 'CET/X'"),
        ("{from: 2027-01-04, until: 2027-02-01}", "freezes[0].reason: it is missing"),
        ("{until: 2027-02-01, reason: x}", "freezes[0].from: it is missing"),
        ("{form: 2027-01-04, until: 2027-02-01, reason: x}", "freezes[0].form: unknown key; did you mean `from`?"),
        (
            f"{YEAR_END}, {{from: 2027-01-03T23:30, until: 2027-02-01, zone: Europe/Berlin, reason: x}}",
            "freezes: the freeze from 2026-12-18T18:00 to 2027-01-04 overlaps the one from 2027-01-03T23:30: join them",
        ),
    ],
)
def test_a_freeze_that_cannot_be_meant_is_told_once(settings: Read, freezes: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(more=f"rotation: {{freezes: [{freezes}]}}\n")
    assert sentence in str(refused.value)
    assert "credentials." not in str(refused.value), "of what takes the defaults over it is not told again"


def test_freezes_that_follow_each_other_do_not_overlap(settings: Read) -> None:
    next_one = "{from: 2027-01-04, until: 2027-01-06, zone: Europe/Berlin, reason: stocktaking}"
    assert len(settings(more=f"rotation: {{freezes: [{next_one}, {YEAR_END}]}}\n").rotation.freezes) == 2


def test_a_mistake_in_what_an_org_says_is_told_once(settings: Read) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(
            {
                "login_url: https://example.my.salesforce.com": (
                    "login_url: https://example.my.salesforce.com\n    rotation: {mode: sometimes}"
                ),
            }
        )
    assert "orgs.production.rotation.mode: must be 'automatic' or 'manual'" in str(refused.value)
    assert "credentials." not in str(refused.value)
