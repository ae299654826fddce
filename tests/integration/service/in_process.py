"""The service's use cases in the test's own process, against the emulator over real sockets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmark_qa.config.settings import load_settings
from benchmark_qa.service.service import Service
from emulator.testing import Running, running
from emulator.world import World
from tests.integration.service.sandbox import Unit, service_environment, world


@contextmanager
def service_in_process(
    units: Sequence[Unit],
    folder: Path,
    config: Mapping[str, Any] | None = None,
    *,
    change_world: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> Iterator[tuple[Service, Running]]:
    """The use cases and the emulator beneath them; `options` are those of `world`, whose content may be changed."""
    made = world(units, "http://127.0.0.1:9", **options)
    if change_world is not None:
        document = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
        change_world(document)
        made = World.model_validate(document)
    with running(made) as platform:
        environment = service_environment(platform.url, folder, config or {})
        with patch.dict("os.environ", environment, clear=True):
            service = Service(load_settings(endpoints=True))
        try:
            yield service, platform
        finally:
            service.close()
