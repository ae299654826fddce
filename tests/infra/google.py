"""Stand-ins for Google: Cloud Tasks over gRPC that really delivers, and the keys with which its tokens are signed."""

import datetime
import json
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt
from google.cloud import tasks_v2

KEY_ID = "key-1"


@dataclass
class Signer:
    """A key pair, and tokens signed with it."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer of the test")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(
            name, name, self.key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def token(self, **claims: Any) -> str:
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signer = crypt.RSASigner.from_string(pem, KEY_ID)
        now = int(time.time())
        usual = {"iss": "https://accounts.google.com", "iat": now, "exp": now + 3600, "email_verified": True}
        return str(jwt.encode(signer, {**usual, **claims}).decode())


@contextmanager
def certificates(signer: Signer) -> Iterator[str]:
    """A server of the signer's certificate in Google's form; yields its URL."""
    document = json.dumps({KEY_ID: signer.certificate()}).encode()

    class Certificates(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Certificates)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/certs"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class CloudTasks:
    """Delivers every task twice, as at-least-once delivery may; again until the answer is 200."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.waiting: queue.SimpleQueue[tasks_v2.Task] = queue.SimpleQueue()
        self.created = 0
        self.answers: list[int] = []

    def create_task(self, request: tasks_v2.CreateTaskRequest, _context: grpc.ServicerContext) -> tasks_v2.Task:
        self.created += 1
        self.waiting.put(request.task)
        return request.task

    def deliver_all(self, times: int = 2) -> None:
        """Deliver what waits, and what that brings about, until nothing waits."""
        while not self.waiting.empty():
            task = self.waiting.get()
            for _ in range(times):
                status = self._deliver(task.http_request)
                self.answers.append(status)

    def _deliver(self, request: tasks_v2.HttpRequest) -> int:
        token = self.signer.token(aud=request.oidc_token.audience, email=request.oidc_token.service_account_email)
        headers = {**request.headers, "Authorization": f"Bearer {token}", "X-CloudTasks-TaskRetryCount": "0"}
        return requests.post(request.url, data=request.body, headers=headers, timeout=60).status_code


@contextmanager
def cloud_tasks(signer: Signer) -> Iterator[tuple[CloudTasks, str]]:
    """The stand-in and the address of its gRPC server."""
    tasks = CloudTasks(signer)
    server = grpc.server(ThreadPoolExecutor(4))
    method = grpc.unary_unary_rpc_method_handler(
        tasks.create_task,
        request_deserializer=tasks_v2.CreateTaskRequest.deserialize,
        response_serializer=tasks_v2.Task.serialize,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("google.cloud.tasks.v2.CloudTasks", {"CreateTask": method})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield tasks, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
