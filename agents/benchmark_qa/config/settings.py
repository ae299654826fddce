"""The settings of one instance from the environment, validated at start-up.

An error names the setting.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from benchmark_qa.config.account import Account, SettingsError, require_encrypted
from benchmark_qa.config.deployment import Deployment
from benchmark_qa.config.explain import explain
from benchmark_qa.config.hosting import Hosting

MIN_TOKEN_LENGTH = 24
MIN_SECRET_LENGTH = 16
"""Characters; Encord's own secrets are longer."""
FOREIGN_ORIGINS = (
    *("https://qz7.invalid", "http://qz7.invalid:8080", "https://app.encord.com.qz7.invalid", "null"),
    *("https://qz7encord.com", "https://qz7-encord.com", "https://appqencord.com"),
    *(
        f"https://{qz7}.{ending}"
        for qz7 in ("qz7", "www.qz7")
        for ending in ("com", "net", "org", "io", "ai", "app", "dev", "co", "co.uk", "de", "eu", "ch")
    ),
    *(f"https://qz7.{host}" for host in ("github.io", "vercel.app", "netlify.app", "pages.dev", "web.app")),
)
"""Origins that no deployment wants to allow: of anybody's domain, of names like Encord's, of free hosts."""


SHORTEST_PUT_OUT = 8
"""Characters of the shortest database password that is removed from log lines."""
FEWEST_LETTERS = 6
"""Different characters that a secret must have."""


Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(Account, Hosting):
    """The settings of one instance, from the environment."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True)

    config: Annotated[Deployment, NoDecode] = Field(validation_alias="BENCHMARK_QA_CONFIG")
    """Path of a JSON file, or the JSON itself."""
    route_secrets: Secrets = Field(default=(), validation_alias="ROUTE_SECRET")
    """Signing secret of the routing agent's endpoint; two, separated by a comma, during a rotation."""
    score_secrets: Secrets = Field(default=(), validation_alias="SCORE_SECRET")
    notification_secrets: Secrets = Field(default=(), validation_alias="NOTIFICATION_SECRET")
    """Secrets of the *Advanced* stages that send notifications, one per stage, separated by commas."""
    submitted_secrets: Secrets = Field(default=(), validation_alias="TASK_SUBMITTED_SECRET")
    completed_secrets: Secrets = Field(default=(), validation_alias="TASK_COMPLETED_SECRET")
    route_editor_token: SecretStr | None = Field(default=None, validation_alias="ROUTE_EDITOR_TOKEN")
    """Last part of the URL `/agents/route/TOKEN` for the label editor; None: the editor may not call it."""
    score_editor_token: SecretStr | None = Field(default=None, validation_alias="SCORE_EDITOR_TOKEN")
    editor_origin_regex: str | None = Field(default=None, validation_alias="EDITOR_ORIGIN_REGEX")
    """Origins of the label editor besides Encord's own: a regular expression that must match completely."""
    allow_any_origin: bool = Field(default=False, validation_alias="ALLOW_ANY_ORIGIN")
    """Accept an `EDITOR_ORIGIN_REGEX` that allows every web page."""
    api_docs: bool = Field(default=False, validation_alias="API_DOCS")
    """Serve `/docs` and `/openapi.json`."""
    metrics_token: SecretStr | None = Field(default=None, validation_alias="METRICS_TOKEN")
    """Bearer token of `GET /metrics`; None: the endpoint does not exist."""
    report_token: SecretStr | None = Field(default=None, validation_alias="REPORT_TOKEN")
    """The operators' token for `GET /reports/PROJECT`; None: the endpoint does not exist."""
    alert_webhook_url: str | None = Field(
        default=None, validation_alias="ALERT_WEBHOOK_URL", pattern=r"^https?://", repr=False
    )
    alert_webhook_secret: SecretStr | None = Field(default=None, validation_alias="ALERT_WEBHOOK_SECRET", min_length=16)
    """Signs the requests to the alert webhook."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", validation_alias="LOG_LEVEL")
    signature_tolerance_seconds: int = Field(default=300, ge=1, le=3600, validation_alias="SIGNATURE_TOLERANCE_SECONDS")

    @field_validator("config", mode="before")
    @classmethod
    def _read_document(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not text.startswith("{"):
            try:
                text = Path(text).expanduser().read_text(encoding="utf-8-sig")
            except (OSError, RuntimeError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise ValueError(f"{text[:200]!r}: {why}; give the path of a file, or the JSON itself") from None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error}") from None
        except RecursionError:
            raise ValueError("not JSON of a configuration: nested too deeply") from None

    @field_validator(
        "route_secrets",
        "score_secrets",
        "notification_secrets",
        "submitted_secrets",
        "completed_secrets",
        mode="before",
    )
    @classmethod
    def _split_secrets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        secrets = [part.strip() for part in value.split(",")]
        if not all(secrets):
            raise ValueError("holds an empty secret")
        if any(len(secret) < MIN_SECRET_LENGTH or _is_easily_guessed(secret) for secret in secrets):
            raise ValueError(
                f"too easily guessed: take the secret that Encord shows, {MIN_SECRET_LENGTH} letters or more"
            )
        return secrets

    @field_validator("route_editor_token", "score_editor_token", "metrics_token", "report_token")
    @classmethod
    def _cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(
            rf"[A-Za-z0-9_-]{{{MIN_TOKEN_LENGTH},128}}", value.get_secret_value()
        ):
            raise ValueError(f"must be {MIN_TOKEN_LENGTH} to 128 letters, digits, '-' or '_'")
        return value

    @field_validator(
        "route_editor_token", "score_editor_token", "metrics_token", "report_token", "alert_webhook_secret"
    )
    @classmethod
    def _is_random(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _is_easily_guessed(value.get_secret_value()):
            raise ValueError("too easily guessed: take a random one")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _alerts_are_encrypted(cls, value: str | None) -> str | None:
        because = "names and verdicts would cross the network readable"
        return None if value is None else require_encrypted(value, because)

    @field_validator("editor_origin_regex")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _a_secret_per_endpoint(self) -> Self:
        owners: dict[str, str] = {}
        for key, secrets in {**self.signing_secrets(), **self._tokens()}.items():
            for secret in secrets:
                other = owners.setdefault(secret.get_secret_value(), key)
                if other != key:
                    raise ValueError(f"{other} and {key} must differ: who knows one would know the other")
        return self

    @model_validator(mode="after")
    def _origins_are_chosen(self) -> Self:
        pattern = self.editor_origin_regex
        lets_all_in = pattern is not None and any(re.fullmatch(pattern, origin) for origin in FOREIGN_ORIGINS)
        if lets_all_in and not self.allow_any_origin:
            raise ValueError(
                "EDITOR_ORIGIN_REGEX: lets every web page call the agents: name your editor's origin, "
                "or set ALLOW_ANY_ORIGIN=true if this is meant"
            )
        return self

    def _tokens(self) -> Mapping[str, tuple[SecretStr, ...]]:
        """Tokens and secrets besides the signing secrets of Encord, by variable."""
        tokens = {
            "ROUTE_EDITOR_TOKEN": self.route_editor_token,
            "SCORE_EDITOR_TOKEN": self.score_editor_token,
            "METRICS_TOKEN": self.metrics_token,
            "REPORT_TOKEN": self.report_token,
            "ALERT_WEBHOOK_SECRET": self.alert_webhook_secret,
        }
        return {name: (token,) for name, token in tokens.items() if token is not None}

    def secret_values(self) -> list[str]:
        """Every secret that logs must not contain: keys, secrets, tokens, the database's password."""
        secrets = [
            each for some in (self.signing_secrets(), self._tokens()) for values in some.values() for each in values
        ]
        found = [secret.get_secret_value() for secret in secrets]
        if self.ssh_key is not None:
            found += [line for line in self.ssh_key.get_secret_value().splitlines() if len(line) >= MIN_SECRET_LENGTH]
        if self.alert_webhook_url is not None:  # chat services have the credential in the path
            found.append(self.alert_webhook_url)
            found += [
                part for part in urlsplit(self.alert_webhook_url).path.split("/") if len(part) >= MIN_TOKEN_LENGTH
            ]
        # A password of a few characters is in many log lines by chance.
        passwords = _passwords_in(self.database_url, self.service_database_url or "")
        return found + [password for password in passwords if len(password) >= SHORTEST_PUT_OUT]

    def signing_secrets(self) -> Mapping[str, tuple[SecretStr, ...]]:
        """Encord's signing secrets, by variable."""
        return {
            "ROUTE_SECRET": self.route_secrets,
            "SCORE_SECRET": self.score_secrets,
            "NOTIFICATION_SECRET": self.notification_secrets,
            "TASK_SUBMITTED_SECRET": self.submitted_secrets,
            "TASK_COMPLETED_SECRET": self.completed_secrets,
        }


def _is_easily_guessed(secret: str) -> bool:
    """Whether a secret has few different characters, or repeats one shorter part."""
    return len(set(secret)) < FEWEST_LETTERS or secret in (secret + secret)[1:-1]


def _passwords_in(*urls: str) -> Iterator[str]:
    """The passwords in database URLs, as written and decoded."""
    for url in urls:
        address = urlsplit(url)
        if address.password:
            yield from {address.password, unquote(address.password)}
        yield from parse_qs(address.query).get("password", ())


def load_settings(*, endpoints: bool) -> Settings:
    """Read and check the environment.

    Args:
        endpoints: True if the caller serves HTTP; then the signing secrets are required.

    Raises:
        SettingsError: the message names each key that is missing or wrong.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(explain(error, Settings)) from None
    missing = _unverifiable_stages(settings) if endpoints else []
    if missing:
        raise SettingsError("\n".join(missing))
    return settings


def _unverifiable_stages(settings: Settings) -> list[str]:
    """Messages about configured stages whose calls could not be verified."""
    if settings.notification_secrets:
        return []
    stages = settings.config.stages
    needed = {
        "ROUTE_SECRET": stages.routing and not settings.route_secrets,
        "SCORE_SECRET": stages.scoring and not settings.score_secrets,
    }
    return [
        f"{key}: missing, the secret that Encord shows with the agent (or NOTIFICATION_SECRET for a stage on Advanced)"
        for key, is_missing in needed.items()
        if is_missing
    ]
