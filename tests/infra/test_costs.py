"""docs/deploy-costs.md: every reckoning comes out as the page says, and counts what Terraform makes."""

import math
import re
from typing import Any

import hcl2
import pytest

from tests.infra.terraform import ROOT

PAGE = (ROOT / "docs" / "deploy-costs.md").read_text()
ROW = re.compile(r"^\| ([^|]+) \| ([^|]*[×+][^|]*) \| \**\$([\d.]+)\** \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)
INLINE = re.findall(r"([\d,]+ s × [^=\n]+) = \$(\d+\.\d\d)", PAGE)


def reckoned(text: str) -> float:
    """`25,000 s × 1.7 GB × $0.1 / 1,000`, or a sum of dollars."""
    total = 0.0
    for summand in text.split(" + "):
        product, divide = 1.0, False
        for word in summand.replace(",", "").replace("$", "").split():
            if word in ("×", "/"):
                divide = word == "/"
            elif re.fullmatch(r"[\d.]+", word):
                product = product / float(word) if divide else product * float(word)
        total += product
    return total


@pytest.mark.parametrize(("what", "text", "cost"), ROWS)
def test_the_line_comes_out_as_it_says(what: str, text: str, cost: str) -> None:
    assert math.isclose(reckoned(text), float(cost), abs_tol=0.00501), what


@pytest.mark.parametrize(("text", "cost"), INLINE)
def test_the_sentence_comes_out_as_it_says(text: str, cost: str) -> None:
    assert math.isclose(reckoned(text), float(cost), abs_tol=0.00501)


def test_each_sum_is_of_the_lines_above_it() -> None:
    tables = [rows for part in PAGE.split("\n\n") if (rows := ROW.findall(part)) and rows[-1][0] == "together"]
    assert len(tables) == 8
    for *lines, (_, summands, _) in tables:
        costs = [float(cost) for _, _, cost in lines]
        assert [reckoned(part) for part in summands.split(" + ")] == [cost for cost in costs if cost]


def test_the_first_table_adds_load_month_and_database() -> None:
    together = [float(cost) for what, _, cost in ROWS if what == "together"]
    aws_small, aws_large, aws_month, aws_database, google_small, google_large, google_month, google_database = together
    passing = {what: float(cost) for what, text, cost in ROWS if what.startswith("for 1")}
    first = [float(figure) for figure in re.findall(r"\$([\d.]+)", PAGE.split("Worked out")[0])]
    aws, google = (
        (aws_small + aws_month, aws_large + aws_month),
        (google_small + google_month, google_large + google_month),
    )
    assert first == pytest.approx(
        [
            *aws,
            aws[0] + aws_database + passing["for 100,000 tasks"],
            aws[1] + aws_database + passing["for 1,000,000 tasks"],
            *google,
            google[0] + google_database,
            google[1] + google_database,
        ]
    )


def test_the_large_load_is_ten_times_the_small_one() -> None:
    parts = PAGE.split("\n\n")
    small, large = (
        [ROW.findall(part) for part in parts if f"| for {tasks} tasks | reckoning" in part]
        for tasks in ("100,000", "1,000,000")
    )
    assert len(small) == len(large) == 2
    for one, ten in zip(small, large, strict=True):
        assert [what for what, _, _ in one] == [what for what, _, _ in ten]
        for (what, of_one, _), (_, of_ten, _) in zip(one[:-1], ten[:-1], strict=True):
            assert reckoned(of_ten) == pytest.approx(10 * reckoned(of_one)), what


def test_the_memory_is_what_terraform_gives() -> None:
    (default,) = re.findall(
        r'variable "memory_mb".+?default\s+= (\d+)', (ROOT / "infra/aws/variables.tf").read_text(), re.DOTALL
    )
    assert f"## AWS Lambda ({int(default):,} MB)" in PAGE
    assert f"{int(default) / 1024:.4f}".rstrip("0") in PAGE


def test_alarms_and_events_are_counted_as_terraform_makes_them() -> None:
    counts = {what: int(text.split()[0]) for what, text, _ in ROWS if re.match(r"\d+ × \$0\.[13]0$", text)}

    def named(cloud: str, file: str, *names: str) -> int:
        found: dict[str, Any] = {}
        for each in hcl2.loads((ROOT / "infra" / cloud / file).read_text())["locals"]:
            found |= each
        return sum(len([key for key in found[name] if not key.startswith("__")]) for name in names)

    assert counts["alarms"] == named("aws", "alarms.tf", "alarms", "log_events")
    assert counts["counted log events"] == named("aws", "alarms.tf", "log_events")
    assert counts["alert conditions (charged from 2026 on)"] == named("gcp", "alerts.tf", "alerts", "log_events")


def test_what_other_pages_say_is_about_what_this_one_does() -> None:
    first = [float(figure) for figure in re.findall(r"\$([\d.]+)", PAGE.split("Worked out")[0])]
    aws, _, aws_database, _, google, _, google_database, _ = first
    readme = re.search(r"about \$([\d.]+) to \$([\d.]+) a month for 100,000 tasks", (ROOT / "README.md").read_text())
    assert readme is not None
    assert [float(each) for each in readme.groups()] == pytest.approx([google, aws], rel=0.05)
    page = (ROOT / "docs" / "deploy.md").read_text()
    for name, alone, with_database in (("Google", google, google_database), ("AWS", aws, aws_database)):
        (row,) = re.findall(rf"^\| {name} .+$", page, re.MULTILINE)
        assert [float(each) for each in re.findall(r"\$([\d.]+)", row)] == pytest.approx(
            [alone, with_database], rel=0.05
        )
