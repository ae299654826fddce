"""Two whole models side by side."""

import json
from pathlib import Path
from typing import Any

from tests.unit.commands.predictions.test_evaluate_predictions_command import crowd_files, run


def test_two_models_stand_side_by_side(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    truth, first, second = crowd_files(pedestrians, tmp_path)
    result = run(truth, second, "--against", first, "--json")
    assert result.exit_code == 0
    score = json.loads(result.stdout)
    other = json.loads(run(truth, first, "--json").stdout)
    (ap,) = [difference for difference in score["differences"] if difference["name"] == "AP50"]
    assert (ap["first"], ap["second"]) == (other["summary"]["AP50"], score["summary"]["AP50"])
    assert ap["difference"]["low"] < ap["difference"]["estimate"] < ap["difference"]["high"]
    table = run(truth, second, "--against", first).stdout
    assert "difference [95 %]" in table
    assert "may be chance" in table
