import logging

from rotator.cli.logs import LineFormatter


def test_an_event_is_one_line_with_its_time_and_its_values() -> None:
    record = logging.makeLogRecord(
        {
            "name": "rotator.stores.files",
            "levelno": logging.DEBUG,
            "levelname": "DEBUG",
            "msg": "promoted %s\nin two lines",
            "args": ("billing",),
            "created": 1795428000.5,
            "fingerprint": "ab12",
        }
    )
    line = LineFormatter().format(record)
    assert line == (
        '2026-11-23T10:00:00.500Z DEBUG rotator.stores.files promoted billing\\nin two lines fingerprint="ab12"'
    )
