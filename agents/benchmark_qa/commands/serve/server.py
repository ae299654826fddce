"""The HTTP server of `benchmark-qa serve`, and its end: hosts kill ten seconds after SIGTERM."""

import logging
import os
import signal
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 7
"""For requests that are under way"""
LONGEST_END_SECONDS = 9.0
_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Finishes what runs when it is told to stop, and hands back what takes longer.

    A thread that waits for Encord cannot be interrupted, and Python would wait for it. So whatever still runs when the
    time is up ends with the process: a killed drain is harmless, Encord's next notification begins it again.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop taking work; from now on the time is counted."""
        if not self.should_exit:
            last = threading.Timer(LONGEST_END_SECONDS, _hand_back, [sig])
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)


def serve_until_terminated(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config).run()


def _hand_back(sig: int) -> None:
    _log.warning("%s: the time is up; what still runs is begun again by the next delivery", signal.Signals(sig).name)
    os._exit(0)
