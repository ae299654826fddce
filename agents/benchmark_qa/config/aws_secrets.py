"""Read settings from AWS Secrets Manager. Terraform's state and Lambda's console do not contain them."""

import json
from collections.abc import MutableMapping
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmark_qa.config.account import SettingsError

SECRET_VARIABLE = "SETTINGS_SECRET_ARN"  # noqa: S105 - the name of a variable
TIMEOUT_SECONDS = 5


def load_secrets(environment: MutableMapping[str, str]) -> None:
    """Add the settings of the secret that `SETTINGS_SECRET_ARN` names.

    Variables that are set already are kept. The secret is a JSON object:
    `{"ENCORD_SSH_KEY": "...", "ROUTE_SECRET": "...", ...}`.

    Raises:
        SettingsError: it cannot be read, or is not such an object.
    """
    arn = environment.get(SECRET_VARIABLE)
    if arn is None:
        return
    for name, value in _parse(_fetch(arn, environment)).items():
        environment.setdefault(name, value)


def _fetch(arn: str, environment: MutableMapping[str, str]) -> str:
    """Fetch the secret with one signed request. A boto3 client would add half a second to the cold start."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "secretsmanager":
        raise SettingsError(f"{SECRET_VARIABLE}: not the ARN of a secret: {arn}")
    region = parts[3]
    suffix = "amazonaws.com.cn" if parts[1] == "aws-cn" else "amazonaws.com"
    url = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://secretsmanager.{region}.{suffix}/")
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    request = AWSRequest("POST", url, data=json.dumps({"SecretId": arn}), headers=headers)
    SigV4Auth(_credentials(environment), "secretsmanager", region).add_auth(request)
    try:
        answer = requests.post(url, data=request.body, headers=dict(request.headers), timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return str(answer.json()["SecretString"])
    except requests.HTTPError as error:
        reason = error.response.headers.get("x-amzn-ErrorType") or error.response.status_code
        raise SettingsError(f"{SECRET_VARIABLE}: Secrets Manager refuses {arn}: {reason}") from None
    except (requests.RequestException, KeyError) as error:
        raise SettingsError(f"{SECRET_VARIABLE}: {type(error).__name__} while reading {arn}") from None


def _credentials(environment: MutableMapping[str, str]) -> Credentials:
    try:
        return Credentials(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN"),
        )
    except KeyError as error:
        raise SettingsError(f"{SECRET_VARIABLE}: there is no {error.args[0]}; Lambda sets it") from None


def _parse(text: str) -> dict[str, str]:
    try:
        content: Any = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SettingsError(f"{SECRET_VARIABLE}: the secret is not a JSON object of strings")
    return content
