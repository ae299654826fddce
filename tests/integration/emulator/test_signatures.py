"""Who may call at all: both signature schemes, bearer tokens, and what a wrong key is told."""

import base64
import hashlib
import json
import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from encord import EncordUserClient
from encord.exceptions import AuthenticationError, AuthorisationError, SshKeyNotFound

from .conftest import KEYS, OPERATOR, PROJECT, Key, Site, Start


@pytest.fixture
def site(start: Start) -> Site:
    return start()


def test_a_key_that_belongs_to_nobody_is_refused_by_both_protocols(site: Site) -> None:
    stranger = EncordUserClient.create_with_ssh_private_key(Key.generate().private, domain=site.url)
    with pytest.raises(AuthenticationError):
        stranger.get_project(PROJECT)
    with pytest.raises(SshKeyNotFound):
        stranger.get_dataset("b1000000-0000-4000-8000-000000000000")


def test_a_project_one_is_not_in_and_one_that_does_not_exist_look_the_same(start: Start) -> None:
    site = start(users={OPERATOR: "admin"})
    outsider = site.client("rita@example.com")
    for project_hash in (PROJECT, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(AuthorisationError):
            outsider.get_project(project_hash)


def test_a_bearer_token_stands_for_whoever_asked_for_it(site: Site) -> None:
    token = site.client().get_bearer_token()
    client = EncordUserClient.create_with_bearer_token(token, domain=site.url)
    assert client.get_project(PROJECT).title == "Project"
    with pytest.raises(AuthenticationError):
        EncordUserClient.create_with_bearer_token("made up", domain=site.url).get_project(PROJECT)


def signed_by_hand(path: str, body: bytes) -> dict[str, str]:
    """The headers of a v2 request, made from the specification and not with the SDK."""
    key = load_ssh_private_key(KEYS[OPERATOR].private.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    key_id = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    parameters = (
        f'("@method" "@request-target" "content-digest");created={int(time.time())};keyid="{key_id}";alg="ed25519"'
    )
    base = f'"@method": POST\n"@request-target": {path}\n"content-digest": {digest}\n"@signature-params": {parameters}'
    signature = base64.b64encode(key.sign(base.encode())).decode()
    return {
        "Content-Digest": digest,
        "Signature-Input": f"encord-sig={parameters}",
        "Signature": f"encord-sig=:{signature}:",
    }


def test_a_signature_covers_the_path_the_query_and_the_body(site: Site) -> None:
    path = f"/v2/public/projects/{PROJECT}/priorities"
    body = json.dumps({"priorities": []}).encode()
    headers = signed_by_hand(path, body)
    assert requests.post(site.url + path, data=body, headers=headers, timeout=5).status_code == 204
    assert requests.post(site.url + path + "?x=1", data=body, headers=headers, timeout=5).status_code == 401
    assert requests.post(site.url + path, data=body + b" ", headers=headers, timeout=5).status_code == 401
    assert requests.post(site.url + path, data=body, timeout=5).status_code == 401


def test_what_is_not_emulated_says_so_and_is_logged(site: Site) -> None:
    answer = requests.get(f"{site.url}/v2/public/never/heard/of", headers=signed_by_hand("", b""), timeout=5)
    assert answer.status_code == 401
    assert requests.get(f"{site.url}/nowhere", timeout=5).status_code == 404
    with pytest.raises(Exception, match=r"not found|Not Found"):
        site.client()._api_client.get("never/heard/of", params=None, result_type=dict)
    operations = {entry["operation"] for entry in site.control("GET", "requests")["counts"]}
    assert "not emulated" in operations
