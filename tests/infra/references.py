"""What Terraform files refer to, and what they declare: for a provider that cannot be had, nothing else looks."""

import re
from pathlib import Path
from typing import Any

import hcl2

_REFERENCE = re.compile(r"(?<![\w.\"/-])(var|local|module|data\.\w+|google_\w+|aws_\w+|terraform_data)\.(\w+)")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def declared(folder: Path) -> set[str]:
    """`var.x`, `local.x`, `TYPE.x`, `data.TYPE.x` and `module.x` of a folder of Terraform files."""
    found = set()
    for file in folder.glob("*.tf"):
        document: Any = hcl2.loads(file.read_text())
        found |= {f"var.{_bare(name)}" for each in document.get("variable", []) for name in each}
        found |= {f"module.{_bare(name)}" for each in document.get("module", []) for name in each}
        found |= {f"local.{_bare(name)}" for each in document.get("locals", []) for name in each if name[:2] != "__"}
        for prefix, kind in (("", "resource"), ("data.", "data")):
            for each in document.get(kind, []):
                for type_, named in each.items():
                    if isinstance(named, dict):
                        found |= {f"{prefix}{_bare(type_)}.{_bare(name)}" for name in named}
    return found


def referred(folder: Path) -> set[str]:
    """What the expressions of a folder of Terraform files name."""
    text = "\n".join(_COMMENT.sub("", file.read_text()) for file in folder.glob("*.tf"))
    return {f"{kind}.{name}" for kind, name in _REFERENCE.findall(text)}


def module_arguments(folder: Path, name: str) -> set[str]:
    """The arguments that a configuration gives to a module."""
    for file in folder.glob("*.tf"):
        for each in hcl2.loads(file.read_text()).get("module", []):
            for label, body in each.items():
                if _bare(label) == name:
                    return {_bare(key) for key in body if not key.startswith("__")} - {"source"}
    raise LookupError(f"{folder} has no module {name}")


def _bare(name: str) -> str:
    return name.strip('"')
