"""Instances of the service's Lambda function, under AWS's own runtime interface emulator."""

import importlib.util
import os
import platform
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from demo.processes import free_ports

HTTP_HANDLER, JOBS_HANDLER = "benchmark_qa.service.aws_lambda.http", "benchmark_qa.service.aws_lambda.jobs"
INVOKE_PATH = "/2015-03-31/functions/function/invocations"
FUNCTION_SECONDS = 180
STOP_SECONDS = 10.0


class RuntimeEmulatorMissing(Exception):
    """The emulator's program, which the package aws-sam-cli brings, is not installed."""


def emulator_program() -> Path:
    """Where aws-sam-cli keeps the emulator for this machine's processor.

    Raises:
        RuntimeEmulatorMissing
    """
    package = importlib.util.find_spec("samcli")
    processor = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "none")
    for folder in package.submodule_search_locations or () if package else ():
        program = Path(folder) / "local" / "rapid" / f"aws-lambda-rie-{processor}"
        if program.is_file():
            return program
    raise RuntimeEmulatorMissing("the Lambda runtime interface emulator is not installed; `make test` brings it")


class Instance:
    """One instance: one invocation at a time, as on Lambda."""

    def __init__(self, environment: Mapping[str, str], command: Sequence[str], output: Any = None) -> None:
        port, runtime_port = free_ports(2)
        self._address = ("127.0.0.1", port)
        self._url = f"http://127.0.0.1:{port}{INVOKE_PATH}"
        program = emulator_program()
        self._process = subprocess.Popen(
            [
                str(program),
                "--log-level",
                "error",
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{port}",
                "--runtime-api-address",
                f"127.0.0.1:{runtime_port}",
                *command,
            ],
            env={
                **environment,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(FUNCTION_SECONDS),
                "AWS_LAMBDA_FUNCTION_NAME": "benchmark-qa",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The function's result for an event; its error as a dictionary with `errorMessage`."""
        return requests.post(self._url, json=event, timeout=FUNCTION_SECONDS + 5).json()

    def is_up(self) -> bool:
        """Whether it listens.

        Raises:
            RuntimeError: it has ended.
        """
        if (code := self._process.poll()) is not None:
            raise RuntimeError(f"the runtime emulator ended with exit code {code}")
        try:
            socket.create_connection(self._address, timeout=5).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it with the function's process, which is in its group."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Function:
    """Several instances behind one door: each invocation takes one that is free."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._free: queue.SimpleQueue[Instance] = queue.SimpleQueue()
        self._instances = instances
        for instance in instances:
            self._free.put(instance)

    def warm_up(self, event: Mapping[str, Any]) -> None:
        """Give the event to every instance: an instance starts with its first invocation."""
        for instance in self._instances:
            instance.invoke(event)

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The result of one invocation, which waits while every instance is busy."""
        instance = self._free.get()
        try:
            return instance.invoke(event)
        finally:
            self._free.put(instance)


@contextmanager
def running_function(
    handler: str, environment: Mapping[str, str], *, instances: int = 1, output: Any = None
) -> Iterator[Function]:
    """The function, until the block ends.

    Args:
        handler: of the function, as Lambda is told it.
        environment: of the function.
        instances: how many invocations run at one time.
        output: where the instances write their logs; None for where this process does.
    """
    command = [sys.executable, "-m", "awslambdaric", handler]
    with ExitStack() as stack:
        started = []
        for _ in range(instances):
            instance = Instance(environment, command, output)
            stack.callback(instance.stop)
            started.append(instance)
        wait_until_up(started)
        yield Function(started)


def wait_until_up(instances: Sequence[Instance]) -> None:
    """Return when every instance listens; raises when one ends or takes over ten seconds."""
    deadline = time.monotonic() + 10
    while not all(instance.is_up() for instance in instances):
        if time.monotonic() > deadline:
            raise RuntimeError("the runtime emulator did not start")
        time.sleep(0.02)
