"""The version and the notes of a release (`python infra/packaging/release.py --help`). Standard library only."""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print the version, or its section of the changelog; end with a line where they do not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="the version of pyproject.toml").add_argument("--tag", help="must be vVERSION")
    commands.add_parser("notes", help="the version's section of CHANGELOG.md")
    arguments = parser.parse_args()
    version = version_of((arguments.root / "pyproject.toml").read_text(encoding="utf-8"))
    if arguments.command == "notes":
        print(notes_of((arguments.root / "CHANGELOG.md").read_text(encoding="utf-8"), version))
        return
    if arguments.tag is not None and arguments.tag != f"v{version}":
        sys.exit(f"the tag is {arguments.tag!r} and pyproject.toml says {version}: the tag must be v{version}")
    print(version)


def version_of(pyproject: str) -> str:
    """The project's version."""
    return str(tomllib.loads(pyproject)["project"]["version"])


def notes_of(changelog: str, version: str) -> str:
    """The text below the heading `## [VERSION]`, without subheadings under which nothing stands."""
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        if heading.startswith(f"[{version}]"):
            parts = re.split(r"^(?=### )", text, flags=re.MULTILINE)
            told = [part.strip() for part in parts if part.partition("\n")[2].strip() or not part.startswith("###")]
            if notes := "\n\n".join(part for part in told if part):
                return notes
            sys.exit(f"CHANGELOG.md has nothing below '## [{version}]'")
    sys.exit(f"CHANGELOG.md has no section '## [{version}]': move what is below '[Unreleased]' there")


if __name__ == "__main__":
    main()
