"""`benchmark-qa serve` with a probe beside it on the same event loop.

Run by `benchmarks/event_loop.py` as `python -m benchmarks._probed_service --port N`. SIGUSR1 begins the measurement
anew, SIGUSR2 writes the lags so far (seconds) to `lags.json` beside the database.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
from pathlib import Path

import uvicorn

from benchmark_qa.config.settings import load_settings
from benchmark_qa.service.app import create_app
from benchmark_qa.service.observability import log_as_json
from benchmarks._probe import probe


def write(file: Path, lags: list[float]) -> None:
    """All at once, for whoever waits for the file."""
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(lags))
    beside.rename(file)


async def serve(port: int) -> None:
    settings = load_settings(endpoints=True)
    log_as_json(settings.log_level)
    app = create_app(settings, isolates_heavy_work=True)
    gc.collect()
    gc.freeze()  # as `benchmark_qa.commands.serve.command` does
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    lags: list[float] = []
    probing = asyncio.create_task(probe(lags))
    # What came before the load is not measured: starting up is allowed to take its time.
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lags.clear)
    file = Path(os.environ["TEST_LOG"]).with_name("lags.json")
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, lambda: write(file, lags))
    await server.serve()
    probing.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
