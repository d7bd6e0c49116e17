from __future__ import annotations

from collections.abc import Callable

import pytest

from rotator.config.settings import Settings

Read = Callable[..., Settings]
Refusal = Callable[..., str]

FILE = "database: sqlite:///rotator.db\n"


def database(text: str) -> dict[str, str]:
    return {FILE: f"database: {text}\n"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://rotator@db.example/rotator?sslmode=verify-full",
        "postgresql://rotator@127.0.0.1:5433/rotator",
        "postgresql://rotator@[::1]:5433/rotator?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
        "postgresql://rotator@/rotator?host=/var/run/postgresql",
        "postgresql://rotator@/rotator?host=127.0.0.1:5432&host=localhost:5433&host=::1&target_session_attrs=primary",
        "postgresql:///rotator",
    ],
)
def test_a_server_is_named_by_its_url(settings: Read, url: str) -> None:
    for written in (url, f"{{url: '{url}'}}"):
        read = settings(database(written)).database
        assert (read.url, read.password) == (url, None)


def test_a_servers_password_is_where_the_reference_says(settings: Read) -> None:
    for reference, place in (("{env: PW}", "variable PW"), ("{file: pw}", "file /etc/rotator/pw")):
        read = settings(database(f"{{url: postgresql://rotator@localhost/rotator, password: {reference}}}")).database
        assert read.password
        assert place in read.password.place


def test_a_file_may_be_written_as_a_section_too(settings: Read) -> None:
    assert settings(database("{url: 'sqlite:///x.db'}")).database.url == "sqlite:////etc/rotator/x.db"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("postgresql://rotator:hunter2@db/rotator", "database: a password is not written into config.yaml"),
        ("postgresql://rotator:@db/rotator", "database: a password is not written into config.yaml"),
        ("postgresql://db/rotator?password=hunter2", "database: a password is not written into config.yaml"),
        ("postgresql://db/rotator?sslpassword=hunter2", "database: a password is not written into config.yaml"),
        ("{url: 'postgresql://a:hunter2@db/rotator'}", "database.url: a password is not written into config.yaml"),
        ("{url: 'postgresql://a@db/r', password: hunter2}", "database.password: a secret is not written"),
        ("{url: 'sqlite:///x.db', password: {env: A}}", "database: a SQLite file has no password"),
        ("{password: {env: A}}", "database.url: it is missing"),
        ("{ulr: 'sqlite:///x.db'}", "database.ulr: unknown key; did you mean `url`?"),
        ("postgresql://rotator@db", "the URL must name the database"),
        ("postgresql://rotator@db/", "the URL must name the database"),
        ("postgresql://rotator@db:port/rotator", "database: must be sqlite:///"),
        ("postgresql+psycopg2://rotator@db/rotator", "database: must be sqlite:///"),
        ("postgres://rotator@db/rotator", "database: must be sqlite:///"),
        ("postgresql:rotator", "database: must be sqlite:///"),
        ("sqlite:///x.db?mode=ro", "must not contain a question mark"),
        ("12", "database: must be a URL, or `url` and `password`"),
        ("[a]", "database: must be a URL, or `url` and `password`"),
    ],
)
def test_what_names_no_database_is_refused_without_a_secret(refusal: Refusal, written: str, said: str) -> None:
    told = refusal(database(written))
    assert said in told
    assert "config.yaml:1: " in told
    assert "hunter2" not in told


UNPROVEN = [
    "postgresql://rotator@db.example/rotator",
    "postgresql://rotator@db.example/rotator?sslmode=require",
    "postgresql://rotator@db.example/rotator?sslmode=verify-ca",
    "postgresql://rotator@192.0.2.7/rotator?sslmode=prefer",
    "postgresql://rotator@localhost/rotator?host=db.example",
    "postgresql://rotator@/rotator?host=127.0.0.1:5432&host=db.example:5432",
    "postgresql://rotator@/rotator?host=/run/postgresql,db.example",
    "postgresql://rotator@localhost/rotator?hostaddr=192.0.2.7",
    "postgresql:///rotator?service=production",
]


@pytest.mark.parametrize("url", UNPROVEN)
def test_a_server_beyond_this_machine_has_to_prove_itself_or_the_file_says_why_not(
    settings: Callable[..., Settings], refusal: Callable[..., str], url: str
) -> None:
    assert "sslmode=verify-full" in refusal(database(f"{{url: '{url}'}}"))
    assert "sslmode=verify-full" in refusal(database(f"'{url}'"))
    read = settings(database(f"{{url: '{url}', insecure: a tunnel proves it}}")).database
    assert (read.is_proven, read.insecure) == (False, "a tunnel proves it")
