"""`python -m demo.function_url --port PORT`: the service as a Lambda function behind a function URL, here."""

import argparse
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from demo.lambda_events import function_url_event, http_answer
from demo.lambda_runtime import HTTP_HANDLER, Function, running_function

INSTANCES = 2


def serve(function: Function, port: int) -> None:
    """Answer HTTP with the function until the process is told to end."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            event = function_url_event(self.command, self.path, dict(self.headers.items()), body)
            answer = http_answer(function.invoke(event))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_OPTIONS = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing: the function logs what it does."""

    ThreadingHTTPServer(("127.0.0.1", port), Door).serve_forever()


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Start the instances, listen, end them on SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    with running_function(HTTP_HANDLER, os.environ, instances=INSTANCES) as function:
        function.warm_up(function_url_event("GET", "/healthz", {}, b""))
        serve(function, arguments.port)


if __name__ == "__main__":
    main()
