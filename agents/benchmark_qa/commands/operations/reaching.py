"""Check that the service answers at the address that Encord calls."""

from urllib.parse import urlsplit

import requests

from benchmark_qa.config.account import is_loopback
from benchmark_qa.tasks.checks import Finding

SECONDS = 10
"""Seconds to wait for one answer; a cold start takes less"""
_REMEDY = "check the address, its certificate, and that 'benchmark-qa serve' runs behind it"


def check_service(url: str) -> Finding:
    """Request `/healthz` of the service from this machine. 1 request, none to Encord."""
    address = urlsplit(url)
    check = f"service at {url}"
    if address.scheme not in {"http", "https"} or not address.hostname:
        return Finding(check, False, "this is no address", "write it whole, such as https://qa.example.com")
    if address.scheme == "http" and not is_loopback(address.hostname):
        return Finding(check, False, "Encord calls addresses with https:// alone", "put TLS in front of the service")
    try:
        answer = requests.get(f"{url.rstrip('/')}/healthz", timeout=SECONDS, allow_redirects=False)
    except requests.exceptions.SSLError:
        return Finding(check, False, "its certificate is not trusted", _REMEDY)
    except requests.RequestException as error:
        kind = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        return Finding(check, False, kind, _REMEDY)
    if answer.status_code == 200 and b'"alive"' in answer.content[:200]:
        return Finding(check, True, "answers")
    return Finding(check, False, f"something answers HTTP {answer.status_code}, and it is not this service", _REMEDY)
