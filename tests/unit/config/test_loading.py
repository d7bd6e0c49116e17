import errno
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rotator.config.loading import load, locate, parse
from rotator.config.settings import LoginByCredential, LoginWithKey, Settings
from rotator.core.crypto.names import RETIRED_COMMON_NAME
from rotator.core.decision.policies import Strategy
from rotator.errors import ConfigurationError
from rotator.stores.files.settings import FilesStoreSettings
from tests.tiers import longer, of_tier

Read = Callable[..., Settings]
Refusal = Callable[..., str]
SOUND = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {env: KEY}}
stores: {keys: {type: files, path: store}}
credentials:
  billing: {org: production, store: keys, username: billing@example.com, apps: [Billing]}
"""
EXAMPLE = Path(__file__).parents[3] / "config.yaml.example"


def path_of(settings: Settings) -> Path:
    """Where the files store of the sound configuration is."""
    store = settings.stores["keys"]
    assert isinstance(store, FilesStoreSettings)
    return store.path


def test_a_sound_configuration_is_read(settings: Read) -> None:
    read = settings()
    assert list(read.orgs) == ["production", "sandbox"]
    assert read.credentials["billing"].strategy is Strategy.IN_PLACE
    assert read.credentials["warehouse"].strategy is Strategy.ALTERNATING
    assert read.credentials["warehouse"].apps == ("Warehouse_A", "Warehouse_B")
    assert read.credentials["billing"].rotate_before == timedelta(days=30)
    assert isinstance(read.orgs["sandbox"].login, LoginByCredential)


def test_paths_start_from_the_folder_of_the_configuration(settings: Read) -> None:
    read = settings()
    login = read.orgs["production"].login
    assert read.database.url == "sqlite:////etc/rotator/rotator.db"
    assert path_of(read) == Path("/etc/rotator/store")
    assert isinstance(login, LoginWithKey)
    assert login.private_key.file == Path("/etc/rotator/keys/management.pem")


def test_an_absolute_path_stays_what_it_is(settings: Read) -> None:
    read = settings({"sqlite:///rotator.db": "sqlite:////var/lib/rotator.db", "path: store": "path: /srv/keys"})
    assert read.database.url == "sqlite:////var/lib/rotator.db"
    assert path_of(read) == Path("/srv/keys")


def test_a_tilde_is_the_home_directory(settings: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    assert path_of(settings({"path: store": "path: ~/keys"})) == Path("/home/operator/keys")


def test_the_audience_is_the_login_url_unless_said_otherwise(settings: Read) -> None:
    assert settings().orgs["production"].audience == "https://example.my.salesforce.com"
    said = settings({"    login:\n": "    audience: https://login.salesforce.com\n    login:\n"})
    assert said.orgs["production"].audience == "https://login.salesforce.com"


def test_defaults_are_overridden_field_by_field(settings: Read) -> None:
    own = "    apps: [Billing]\n    grace: 1d\n    verification: {hold: 10s}\n    subject: {country: DE}\n"
    more = "rotation:\n  grace: 3d\n  verification: {hold: 20s, interval: 1s}\n  subject: {organization: Example}\n"
    read = settings({"    apps: [Billing]\n": own}, more)
    billing, warehouse = read.credentials["billing"], read.credentials["warehouse"]
    assert (billing.grace, warehouse.grace) == (timedelta(days=1), timedelta(days=3))
    assert (billing.verification.hold, billing.verification.interval) == (timedelta(seconds=10), timedelta(seconds=1))
    assert (billing.subject.country, billing.subject.organization) == ("DE", "Example")
    assert warehouse.subject.country is None


def test_the_common_name_is_credential_and_org_unless_given(settings: Read) -> None:
    assert settings().credentials["billing"].subject.common_name == "billing production"
    named = settings({"apps: [Billing]": "apps: [Billing]\n    subject: {common_name: Bills}"})
    assert named.credentials["billing"].subject.common_name == "Bills"


def test_the_common_name_of_throwaway_certificates_is_reserved(refusal: Refusal) -> None:
    told = refusal({"apps: [Billing]": f"apps: [Billing]\n    subject: {{common_name: {RETIRED_COMMON_NAME}}}"})
    assert "marks certificates that end an old key" in told


def test_an_empty_section_is_no_section(settings: Read) -> None:
    assert settings(more="rotation:\n").rotation.grace == timedelta(days=7)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("login_url", "logn_url", 4, "orgs.production.logn_url: unknown key; did you mean `login_url`?"),
        ("stores:", "store:", 12, "store: unknown key; did you mean `stores`?"),
        ("username: billing", "user: billing", 18, "credentials.billing.user: unknown key; did you mean `username`?"),
        ("{file: ", "{fil: ", 8, "orgs.production.login.private_key.fil: unknown key; did you mean `file`?"),
        ("type: files", "type: flies", 13, "stores.keys.type: there is no type of store `flies`; did you mean `files`"),
        ("type: files", "type: 12", 13, "stores.keys.type: must be text"),
        ("type: files, ", "", 13, "stores.keys.type: it is missing"),
        ("{type: files, path: store}", "store", 13, "stores.keys: must be a group of indented keys"),
        ("path: store", "pth: store", 13, "stores.keys.pth: unknown key; did you mean `path`?"),
        ("    store: keys\n", "", 15, "credentials.billing.store: it is missing"),
        ("store: keys", "store: kees", 17, "credentials.billing.store: there is no store `kees`; did you mean `keys`?"),
        ("org: production", "org: prod", 16, "there is no org `prod`; there is production, sandbox"),
        ("credential: management", "credential: manager", 11, "did you mean `management`?"),
        ("credential: management", "credential: billing", 11, "`billing` is of the org `production`, not of `sandbox`"),
        ("[Billing]", "[Warehouse_B]", 24, "apps[1]: the app Warehouse_B belongs to the credential `billing` already"),
        ("[Billing]", "[]", 19, "credentials.billing.apps: must be one app, or two that take turns"),
        ("[Billing]", "[A, B, C]", 19, "credentials.billing.apps: must be one app, or two that take turns"),
        ("[Billing]", "Billing", 19, "credentials.billing.apps: must be a list in square brackets"),
        ("[Billing]", "[My App]", 19, "credentials.billing.apps[0]: an app's full name has letters, digits and `_`"),
        ("[Warehouse_A, Warehouse_B]", "[A, A]", 20, "alternating needs two apps of different names"),
        ("apps: [Billing]", "apps: [B]\n    strategy: alternating", 15, "in_place needs one app, alternating two"),
        ("apps: [Billing]", "apps: [B]\n    rotate_before: 30", 20, "must be a duration such as 30d"),
        ("apps: [Billing]", "apps: [B]\n    rotate_before: 400d", 15, "must be shorter than lifetime (365d)"),
        ("apps: [Billing]", "apps: [B]\n    key_bits: 1024", 20, "must be 2048, 3072 or 4096"),
        ("apps: [Billing]", "apps: [B]\n    verification: {hold: 1h}", 20, "hold must be shorter than timeout (15m)"),
        ("apps: [Billing]", "apps: [B]\n    verification: {confirmations: yes}", 20, "must be a whole number"),
        ("apps: [Billing]", "apps: [B]\n    verification: {interval: 0s}", 20, "interval: must be more than 0s"),
        ("apps: [Billing]", "apps: [B]\n    verification: {interval: 1m}", 20, "not be longer than max_interval (10s)"),
        ("apps: [Billing]", "apps: [B]\n    verification: {confirmations: 900}", 20, "no rotation could succeed"),
        ("apps: [Billing]", "apps: [B]\n    subject: {country: Germany}", 20, "two capital letters"),
        ("apps: [Billing]", f"apps: [B]\n    subject: {{state: {'x' * 65}}}", 20, "at most 64 characters"),
        ("orgs:", "history: {trusted_keys: [AAAA]}\norgs:", 2, "a public key as `rotator history verify` prints it"),
        ("username: billing@example.com", "username: 12", 18, "must be text; put it in quotes if it is meant to be"),
        ("billing:", ".billing:", 15, "no dot in front"),
        ("billing:", "verify:", 15, "the name is taken by `rotator history verify`"),
        ("billing:", "rebuild:", 15, "the name is taken by `rotator history rebuild`"),
        ("https://example.my", "http://example.my", 4, "must be an address such as https://"),
        ("https://example.my", "https://me:pw@example.my", 4, "must be an address such as https://"),
        ("sqlite:///rotator.db", "mysql://localhost/db", 1, "database: must be sqlite:///rotator.db, "),
        ("sqlite:///rotator.db", "sqlite://", 1, "database: must be sqlite:///rotator.db, "),
        ("{file: keys/management.pem}", "hunter2", 8, "a secret is not written into config.yaml"),
        ("    login: {credential: management}\n", "", 9, "orgs.sandbox.login: it is missing"),
        ("    login: {credential: management}\n", "    login: {}\n", 11, "orgs.sandbox.login.client_id: it is missing"),
        ("  keys: {type: files", "  keys: {type: files, type: files", 13, "it is here twice, first on line 13"),
        ("  keys: {", "\tkeys: {", 13, "a tab; indent with spaces"),
        ("login_url: https", "login_url: *anchor\n    x: https", 4, "aliases (*name) are not supported"),
        ("login_url: https", "login_url: !!python/object:os.system x\n    x: https", 4, "is not supported"),
        ("path: store", "path: ''", 13, "stores.keys.path: must not be empty"),
        ("path: store", 'path: "a\\0b"', 13, "a character that cannot be printed"),
        ("    login_url", "    proxy: http://u:p@proxy:1\n    login_url", 4, "HTTPS_PROXY"),
        ("apps: [Billing]", "apps: [B]\n    notify: [nobody]", 20, "there is no channel `nobody`"),
        ("    login_url", "    notify: [nobody]\n    login_url", 4, "there is no channel `nobody`"),
        ("orgs:", "http: {names: [a b]}\norgs:", 2, "must be the name or address of a host, such as"),
        ("orgs:", "http: {names: ['https://a.example']}\norgs:", 2, "without https:// and without a port"),
        ("orgs:", "http: {names: ['a.example:443']}\norgs:", 2, "without https:// and without a port"),
        (
            "orgs:",
            "alerts: {channels: {s: {type: slack, api_url: slack.com}}}\norgs:",
            2,
            "such as https://slack.com/api",
        ),
        ("orgs:", "alerts: {runbook_url: 'https://wiki.example.com/x'}\norgs:", 2, "an address with {kind} in it"),
        ("orgs:", "alerts: {runbook_url: 'https://wiki.example.com/{kind}/{org}'}\norgs:", 2, "with {kind} in it"),
        ("orgs:", "http: {public_url: 'ftp://rotator.example.com'}\norgs:", 2, "an address such as https://rotator"),
        ("    login_url", "    proxy: proxy.example\n    login_url", 4, "must be an address such as http://proxy"),
        ("    login_url", "    read_timeout: 0s\n    login_url", 4, "must be more than 0s"),
    ],
)
def test_a_mistake_is_told_with_its_line(refusal: Refusal, old: str, new: str, line: int, said: str) -> None:
    told = refusal({old: new})
    assert said in told
    assert f"/etc/rotator/config.yaml:{line}: " in told


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(refusal: Refusal) -> None:
    told = refusal(
        {
            "sqlite:///rotator.db": "mysql://host/db",
            "login_url": "logn_url",
            "type: files": "type: flies",
            "org: production": "org: prod",
            "[Warehouse_A, Warehouse_B]": "[]",
        },
        "foo: 1\nrotation: {grace: 1, holt: 2}\n",
    )
    lines = [int(line) for line in re.findall(r"config\.yaml:(\d+):", told)]
    assert told.startswith("The configuration has 9 mistakes:")
    assert len(lines) == 9
    assert lines == sorted(lines)


def test_a_mistake_in_the_defaults_is_told_once(refusal: Refusal) -> None:
    assert refusal(more="rotation: {rotate_before: 1y}\n").count("rotate_before") == 1
    assert refusal(more="rotation: {rotate_before: 400d}\n").count("rotate_before") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# nothing but a comment\n", "is empty"),
        ("- a\n- b\n", "must be keys and values"),
        ("just text", "must be keys and values"),
        ("a: [b\n", "config.yaml:2"),
        ("a: 1\n---\nb: 2\n", "config.yaml:2"),
        ("\x07", "does not allow"),
        ("[" * 500, "nested too deeply"),
        ("? [a, b]\n: c\n", "a key must be a word"),
        ("database: !!int x\n", "it is no int"),
        ("key: &a [*a]\n", "aliases"),
    ],
)
def test_a_text_that_is_no_configuration_says_why(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, Path("config.yaml"))
    assert said in caught.value.message


def test_no_mistake_repeats_a_value(refusal: Refusal) -> None:
    told = refusal({"{file: keys/management.pem}": "{file: hunter2, env: hunter2, password: hunter2, x: hunter2}"})
    assert "hunter2" not in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"database: \xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load(tmp_path / "config.yaml")


def test_a_relative_configuration_still_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(sound)
    assert path_of(load(Path("config.yaml"))) == tmp_path / "store"


def test_reading_settings_reads_no_secret(settings: Read) -> None:
    assert settings({"{file: keys/management.pem}": "{env: NOT_SET_ANYWHERE}"})


def test_the_example_shows_every_option_and_is_sound() -> None:
    read = load(EXAMPLE)
    text = EXAMPLE.read_text()
    assert read.credentials["billing"].key_bits == 3072
    for section in (read, read.rotation, read.rotation.subject, read.rotation.verification, read.stores["keys"]):
        for option in type(section).model_fields:
            assert re.search(rf"\b{option}:", text), option
    for option in (*type(read.orgs["production"]).model_fields, *type(read.credentials["billing"]).model_fields):
        assert re.search(rf"\b{option}:", text), option


def test_the_defaults_that_the_example_shows_are_the_defaults(settings: Read) -> None:
    shown, usual = load(EXAMPLE).rotation, settings().rotation
    assert shown.model_dump(exclude={"subject"}) == usual.model_dump(exclude={"subject"})


def test_a_configuration_is_given_or_named_by_the_environment_or_in_a_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given, named = Path("given.yaml"), {"ROTATOR_CONFIG": "named.yaml"}
    (tmp_path / "config.yaml").touch()
    assert locate(given, named) == given
    assert locate(None, named) == Path("named.yaml")
    assert locate(None, {}) == Path("config.yaml")


def test_a_folder_that_may_not_be_looked_into_holds_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another user than the one whose folder this is types `sudo -u`."""
    usual = tmp_path / "usual.yaml"
    usual.touch()
    there = Path.exists

    def exists(path: Path) -> bool:
        if path == Path("config.yaml"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return there(path)

    monkeypatch.setattr("rotator.config.loading.USUAL_PLACES", (Path("config.yaml"), usual))
    monkeypatch.setattr(Path, "exists", exists)
    assert locate(None, {}) == usual


def test_without_any_configuration_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rotator.config.loading.USUAL_PLACES", (Path("config.yaml"), tmp_path / "etc.yaml"))
    with pytest.raises(ConfigurationError, match="There is no configuration") as caught:
        locate(None, {})
    assert "--config" in caught.value.hint


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.binary(max_size=4),
    st.sampled_from(["30d", "https://a.example", "keys", "production", "files", "sqlite:///x", "Billing", "NAME"]),
)  # fmt: skip
keys = st.one_of(st.text(max_size=5), st.sampled_from(sorted(Settings.model_fields)), st.integers()) | st.sampled_from(
    ["login", "login_url", "type", "path", "apps", "org", "store", "env", "file", "private_key", "verification", "hold"]
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=20
)


@longer
@given(documents)
@hypothesis_settings(max_examples=of_tier(30, thorough=200), deadline=None)
def test_any_document_gives_settings_or_a_configuration_error(document: object) -> None:
    _reads_or_refuses(yaml.safe_dump(document, allow_unicode=True))


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>%@`'\"#? \n\t\\0~.<="), max_size=40) | st.text(max_size=40))
@hypothesis_settings(deadline=None)
def test_any_text_gives_settings_or_a_configuration_error(text: str) -> None:
    _reads_or_refuses(text)


@longer
@given(
    documents, st.sampled_from([("orgs", "production"), ("stores", "keys"), ("credentials", "billing"), ("rotation",)])
)
@hypothesis_settings(max_examples=of_tier(30, thorough=200), deadline=None)
def test_any_part_of_a_sound_configuration_may_be_anything(document: object, place: tuple[str, ...]) -> None:
    whole = yaml.safe_load(SOUND)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = document
    _reads_or_refuses(yaml.safe_dump(whole))


def _reads_or_refuses(text: str) -> None:
    try:
        assert isinstance(parse(text, Path("/etc/rotator/config.yaml")), Settings)
    except ConfigurationError as error:
        assert error.message.count("config.yaml")  # noqa: PT017 - either end is right
