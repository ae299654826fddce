"""The SDK's public surface: every method is tried, its effect read back, or the table says why not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conformance import coverage_table
from .conformance.ground import BUCKET, LIMITED_BUCKET, TEMPLATE, Ground
from .conformance.registry import ABSENT, CHECKS, Check, called
from .conformance.surface import SURFACE
from .conftest import CONSENSUS_WORKFLOW, OPERATOR, Site, make_world

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def world() -> dict[str, Any]:
    spec = make_world()
    for user in spec["users"]:
        user["organisation_admin"] = user["email"] == OPERATOR
    return {
        **spec,
        "integrations": [
            {"uuid": BUCKET, "title": "Open bucket"},
            {"uuid": LIMITED_BUCKET, "title": "Limited bucket", "objects": ["s3://limited/there.png"]},
        ],
        "workflow_templates": [{"uuid": TEMPLATE, "title": "Consensus", **CONSENSUS_WORKFLOW}],
    }


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    import json

    from emulator.testing import running
    from emulator.world import World

    with running(World.parse(json.dumps(world()))) as emulator:
        yield Site(emulator)


@pytest.fixture
def ground(site: Site, tmp_path: Path) -> Ground:
    return Ground(site, tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_the_sdk_does_is_read_back(check: Check, ground: Ground) -> None:
    with called() as members:
        check.function(ground)
    assert set(check.targets) <= members, "the check does not call what it claims to try"


def test_every_public_method_is_tried_or_its_absence_explained() -> None:
    tried = {target for check in CHECKS for target in check.targets}
    assert SURFACE.keys() - tried - ABSENT.keys() == set()
    assert (tried | ABSENT.keys()) - SURFACE.keys() == set()
    assert tried & ABSENT.keys() == set()


def test_nearly_all_of_the_surface_works() -> None:
    assert len({target for check in CHECKS for target in check.targets}) >= 0.95 * len(SURFACE)


def test_the_coverage_table_in_the_readme_is_up_to_date() -> None:
    assert coverage_table.written() == coverage_table.table()
