"""A word has one meaning: no public class, type or function has the name of another in a different room."""

import ast
from collections import defaultdict
from pathlib import Path

import benchmark_qa
from benchmark_qa.cli import ENTRIES

ROOT = Path(benchmark_qa.__file__).parent
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if "migrations" not in path.parts]


def _room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "commands" else parts[0]


def _is_command(function: ast.FunctionDef) -> bool:
    """A command has the name that a person types."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in ("command", "callback")
        for each in function.decorator_list
    )


def _public_names(path: Path) -> list[str]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    typed = {entry.attribute for entry in ENTRIES if entry.module == module}
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.FunctionDef) and node.name not in typed and not _is_command(node)
        ):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [
                target.id
                for target in node.targets
                if isinstance(target, ast.Name) and target.id[0].isupper() and not target.id.isupper()
            ]
    return [name for name in found if not name.startswith("_")]


def test_public_names_are_unique_between_rooms() -> None:
    rooms: dict[str, dict[str, str]] = defaultdict(dict)
    for path in SOURCES:
        for name in _public_names(path):
            rooms[name][_room(path)] = path.relative_to(ROOT).as_posix()
    assert {name: sorted(own.values()) for name, own in rooms.items() if len(own) > 1} == {}
