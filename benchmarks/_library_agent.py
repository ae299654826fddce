"""The routing agent as encord-agents' documentation has one written: its app, its dependency, a comparison.

Run by `benchmarks/latency.py` as `python -m benchmarks._library_agent --port N` with the service's environment.
"""

import argparse
from typing import Annotated

import uvicorn
from encord.objects import LabelRowV2
from encord_agents.core.utils import get_user_client
from encord_agents.fastapi.cors import get_encord_app
from encord_agents.fastapi.dependencies import dep_label_row
from fastapi import Depends, FastAPI

from tests.integration.service.sandbox import BENCHMARK_DATASET


def library_agent() -> FastAPI:
    """Answers `POST /agents/route` as our service does; unsigned, because the library checks no signatures there."""
    app = get_encord_app()

    @app.post("/agents/route")
    def route(label_row: Annotated[LabelRowV2, Depends(dep_label_row)]) -> dict[str, str]:
        return {"decision": "Yes" if label_row.dataset_hash == BENCHMARK_DATASET else "No"}

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    get_user_client()  # the key is read before the first call, as in our service
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(library_agent(), port=parser.parse_args().port, log_level="warning", access_log=False)
