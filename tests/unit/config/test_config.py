"""Settings fail at start-up, naming the key and never a secret."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmark_qa.config.account import SettingsError
from benchmark_qa.config.settings import load_settings

PRODUCTION = "7a000000-0000-4000-8000-000000000001"
BENCHMARK = "7a000000-0000-4000-8000-000000000002"
DOCUMENT = {
    "production_project": PRODUCTION,
    "benchmark_projects": [BENCHMARK],
    "stages": {"routing": {"name": "Routing"}, "scoring": [{"name": "Score"}]},
}
KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for key in ("ENCORD_SSH_KEY_FILE", "ENCORD_DOMAIN", "DATABASE_URL", "LOG_LEVEL"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("BENCHMARK_QA_CONFIG", json.dumps(DOCUMENT))
    monkeypatch.setenv("ENCORD_SSH_KEY", KEY)
    monkeypatch.setenv("ROUTE_SECRET", "the-secret-of-route")
    monkeypatch.setenv("SCORE_SECRET", "the-old-secret-of-score,the-new-secret-of-score")
    return monkeypatch


def test_a_complete_environment_is_read_with_two_secrets_while_one_is_rotated(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings(endpoints=True)
    assert str(settings.config.production_project) == PRODUCTION
    assert [secret.get_secret_value() for secret in settings.score_secrets] == [
        "the-old-secret-of-score",
        "the-new-secret-of-score",
    ]
    assert settings.private_key() == KEY


def test_the_configuration_may_be_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "benchmark-qa.json"
    environment.setenv("BENCHMARK_QA_CONFIG", str(path))
    for mark in (b"", b"\xef\xbb\xbf"):  # Windows tools begin a file with a byte order mark
        path.write_bytes(mark + json.dumps(DOCUMENT).encode())
        assert load_settings(endpoints=True).config.stages.scoring[0].name == "Score"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"production_project": "not-a-hash"}, "BENCHMARK_QA_CONFIG.production_project"),
        ({"benchmark_projects": []}, "BENCHMARK_QA_CONFIG.benchmark_projects"),
        ({"benchmark_projects": [PRODUCTION]}, "'production_project' is also listed in 'benchmark_projects'"),
        ({"stages": {"routing": {}}}, "BENCHMARK_QA_CONFIG.stages.routing"),
        ({"stages": {"routing": {"name": "R", "benchmark_pathway": "x" * 257}}}, "routing.benchmark_pathway"),
        ({"scoring": {"iou_threshold": 0}}, "BENCHMARK_QA_CONFIG.scoring.iou_threshold"),
        ({"verdict": {"threshold": 2}}, "BENCHMARK_QA_CONFIG.verdict.threshold"),
        ({"tresholds": {}}, "BENCHMARK_QA_CONFIG.tresholds"),
        ({"branches": {"ignore": ["predictions-*", "*"]}}, "'ignore' has '*', which leaves no branch"),
        ({"branches": {"ignore": ["encord-*"]}}, "'ignore' has 'encord-*', which leaves no branch"),
    ],
)
def test_a_faulty_document_is_refused_with_the_name_of_the_key(
    environment: pytest.MonkeyPatch, change: dict[str, object], named: str
) -> None:
    environment.setenv("BENCHMARK_QA_CONFIG", json.dumps(DOCUMENT | change))
    with pytest.raises(SettingsError) as refused:
        load_settings(endpoints=True)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("BENCHMARK_QA_CONFIG", "{not json", "BENCHMARK_QA_CONFIG: not JSON"),
        ("BENCHMARK_QA_CONFIG", '{"a":' * 100_000, "BENCHMARK_QA_CONFIG: not JSON"),
        (
            "BENCHMARK_QA_CONFIG",
            "/nowhere/at/all.json",
            "BENCHMARK_QA_CONFIG: '/nowhere/at/all.json': No such file",
        ),
        ("BENCHMARK_QA_CONFIG", None, "BENCHMARK_QA_CONFIG"),
        ("ENCORD_SSH_KEY", None, "exactly one of ENCORD_SSH_KEY and ENCORD_SSH_KEY_FILE"),
        ("ENCORD_DOMAIN", "api.encord.com", "ENCORD_DOMAIN"),
        ("ROUTE_SECRET", None, "ROUTE_SECRET: missing"),
        ("TASK_SUBMITTED_SECRET", "the-secret-of-route", "must differ"),
        ("SCORE_EDITOR_TOKEN", "short", "SCORE_EDITOR_TOKEN"),
        ("EDITOR_ORIGIN_REGEX", "(", "EDITOR_ORIGIN_REGEX: is no regular expression"),
        ("ROUTE_SECRET", "", "ROUTE_SECRET"),
        ("ROUTE_SECRET", "the-new-secret-of-score", "ROUTE_SECRET and SCORE_SECRET must differ"),
        ("ROUTE_SECRET", "fifteen-letters", "ROUTE_SECRET: too easily guessed"),
        ("SCORE_SECRET", "the-new-secret-of-score,x", "SCORE_SECRET: too easily guessed"),
        ("NOTIFICATION_SECRET", "s" * 40, "NOTIFICATION_SECRET: too easily guessed"),
        ("REPORT_TOKEN", "a" * 40, "REPORT_TOKEN: too easily guessed"),
        ("REPORT_TOKEN", "the-old-secret-of-score1", None),
        ("SCORE_EDITOR_TOKEN", "the-new-secret-of-score-", None),
        ("ENCORD_DOMAIN", "http://api.encord.example", "ENCORD_DOMAIN: must begin with https://"),
        ("ENCORD_DOMAIN", "http://10.0.0.7:8000", "ENCORD_DOMAIN: must begin with https://"),
        ("ENCORD_DOMAIN", "http://127.0.0.1.example.com", "ENCORD_DOMAIN: must begin with https://"),
        ("ENCORD_DOMAIN", "http://127.0.0.1:8000", None),
        ("ENCORD_DOMAIN", "http://localhost:8000", None),
        ("ENCORD_DOMAIN", "http://[::1]:8000", None),
        ("EDITOR_ORIGIN_REGEX", ".*", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", "https?://.+", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", "https://app\\.encord\\.com.*", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", r"https://.*\.(com|org)", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", r".+encord\.com", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", r"https://app.encord.com", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", r"https://[a-z0-9-]+\.vercel\.app", "EDITOR_ORIGIN_REGEX: lets every web page"),
        ("EDITOR_ORIGIN_REGEX", r"https://[a-z-]+\.encord\.com", None),
        ("ROUTE_SECRET", "changeme" * 3, "ROUTE_SECRET: too easily guessed"),
        ("REPORT_TOKEN", "abcdef123" * 4, "REPORT_TOKEN: too easily guessed"),
        ("ALERT_WEBHOOK_SECRET", "x" * 40, "ALERT_WEBHOOK_SECRET: too easily guessed"),
        ("ALERT_WEBHOOK_URL", "http://hooks.example.com/qa", "ALERT_WEBHOOK_URL: must begin with https://"),
        ("ALERT_WEBHOOK_URL", "http://127.0.0.1:8000/qa", None),
        ("JOBS_URL", "http://qa.example.com/jobs", "JOBS_URL: must begin with https://"),
        ("JOBS_CERTIFICATES_URL", "http://keys.example.com", "JOBS_CERTIFICATES_URL: must begin with https://"),
        ("JOBS_CERTIFICATES_URL", "file:///keys", "JOBS_CERTIFICATES_URL: must have the form"),
        ("EDITOR_ORIGIN_REGEX", r"https://[a-z]+\.customer\.example", None),
        ("SCORE_SECRET", "one,,two", "SCORE_SECRET: holds an empty secret"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL"),
        ("REQUEST_SECONDS", "400", "REQUEST_SECONDS"),
    ],
)
def test_a_faulty_or_weak_variable_is_refused_by_name_and_no_secret_is_shown(
    environment: pytest.MonkeyPatch, key: str, value: str | None, named: str | None
) -> None:
    if value is None:
        environment.delenv(key)
    else:
        environment.setenv(key, value)
    if named is None:
        load_settings(endpoints=True)
        return
    with pytest.raises(SettingsError) as refused:
        load_settings(endpoints=True)
    assert named in str(refused.value)
    for secret in ("the-secret-of-route", "old-secret", "new-secret", "fifteen-letters", "PRIVATE KEY"):
        assert secret not in str(refused.value)


TOKENS = ("ROUTE_EDITOR_TOKEN", "SCORE_EDITOR_TOKEN", "METRICS_TOKEN", "REPORT_TOKEN", "ALERT_WEBHOOK_SECRET")
SIGNING = ("ROUTE_SECRET", "SCORE_SECRET", "NOTIFICATION_SECRET", "TASK_SUBMITTED_SECRET", "TASK_COMPLETED_SECRET")


@pytest.mark.parametrize("other", [*TOKENS, *SIGNING])
@pytest.mark.parametrize("one", TOKENS)
def test_no_two_variables_hold_the_same_secret(environment: pytest.MonkeyPatch, one: str, other: str) -> None:
    for key in {one, other}:
        environment.setenv(key, "the-same-secret-0123456789")
    if one == other:
        load_settings(endpoints=True)
        return
    with pytest.raises(SettingsError, match=f"({one} and {other}|{other} and {one}) must differ"):
        load_settings(endpoints=True)


def test_every_web_page_may_call_where_this_is_said_on_purpose(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EDITOR_ORIGIN_REGEX", ".*")
    environment.setenv("ALLOW_ANY_ORIGIN", "true")
    assert load_settings(endpoints=True).editor_origin_regex == ".*"


def test_every_secret_of_the_settings_is_kept_out_of_the_log(environment: pytest.MonkeyPatch) -> None:
    for key in (*TOKENS, *SIGNING):
        environment.setenv(key, f"the-value-of-{key}")
    environment.setenv("DATABASE_URL", "postgresql+psycopg://qa:the-password@127.0.0.1/qa")
    secrets = load_settings(endpoints=True).secret_values()
    assert {f"the-value-of-{key}" for key in (*TOKENS, *SIGNING)} | {"the-password"} <= set(secrets)
    assert set(KEY.splitlines()[1:-2]) <= set(secrets)


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("DATABASE_URL", "postgresql+psycopg://qa:the%40password@127.0.0.1/qa", "the@password"),
        ("DATABASE_URL", "postgresql+psycopg://127.0.0.1/qa?user=qa&password=the%40password", "the@password"),
        ("SERVICE_DATABASE_URL", "postgresql+psycopg://qa:the-password@127.0.0.1/qa", "the-password"),
        ("ALERT_WEBHOOK_URL", "https://chat.example.com/hooks/T0/ABCDEFGHIJKLMNOPQRSTUVWX", "ABCDEFGHIJKLMNOPQRSTUVWX"),
    ],
)
def test_a_secret_within_an_address_is_kept_out_of_the_log(
    environment: pytest.MonkeyPatch, key: str, value: str, secret: str
) -> None:
    environment.setenv(key, value)
    assert secret in load_settings(endpoints=True).secret_values()


def test_commands_that_serve_no_endpoint_need_no_signing_secret(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("ROUTE_SECRET")
    environment.delenv("SCORE_SECRET")
    assert load_settings(endpoints=False).config.stages.routing is not None


def test_a_configuration_that_is_neither_document_nor_file_is_said_to_be_so(environment: pytest.MonkeyPatch) -> None:
    for nonsense in ("[" + "x" * 300 + "]", "/no/such/file.json", "/"):
        environment.setenv("BENCHMARK_QA_CONFIG", nonsense)
        with pytest.raises(SettingsError, match=r"BENCHMARK_QA_CONFIG: .*; give the path of a file, or the JSON"):
            load_settings(endpoints=False)


def test_settings_that_are_printed_show_no_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql+psycopg://qa:hunter2@db/scores")
    environment.setenv("ALERT_WEBHOOK_URL", "https://chat.example.com/hooks/hunter2")
    assert "hunter2" not in repr(load_settings(endpoints=True))
