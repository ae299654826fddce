"""Alert rules held against the leaderboard."""

from collections.abc import Mapping
from typing import Literal, Protocol

from benchmark_qa.quality.leaderboard import Leaderboard

AlertState = Literal["below", "clear"]
QUIET: AlertState = "clear"


class Rule(Protocol):
    """What a rule in the configuration says."""

    @property
    def figure(self) -> str:
        """Of a leaderboard's line, e.g. `f1`."""

    @property
    def threshold(self) -> float:
        """The bar."""

    @property
    def minimum_tasks(self) -> int:
        """Nothing is said on fewer."""


def states_of(rule: Rule, board: Leaderboard) -> Mapping[str, AlertState]:
    """What the rule says of each annotator; those between the two states keep the one they have.

    `below`: the whole interval lies under the threshold. `clear`: the figure itself has reached it again. So somebody
    whose interval touches the threshold now and then does not set the alert off each time.
    """
    states: dict[str, AlertState] = {}
    for line in board.lines:
        interval = getattr(line, rule.figure)
        if interval.estimate is None or line.tasks < rule.minimum_tasks:
            continue
        if interval.lies_below(rule.threshold):
            states[line.annotator] = "below"
        elif interval.estimate >= rule.threshold:
            states[line.annotator] = "clear"
    return states
