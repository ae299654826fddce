"""Make an installed environment small: what is never run goes, bytecode is made once. Standard library only."""

import compileall
import json
import shutil
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from py_compile import PycInvalidationMode

NEVER_RUN = (
    "**/tests", "**/__pycache__", "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.c", "**/*.h", "**/*.a",
    "sqlalchemy/testing", "sqlalchemy/dialects/mysql", "sqlalchemy/dialects/oracle", "sqlalchemy/dialects/mssql",
    "numpy/f2py", "numpy/_pyinstaller", "numpy/_core/_simd*", "numpy/_core/*_tests*",
    "rapidfuzz/fuzz_cpp*", "rapidfuzz/process_cpp*", "google/cloud/tasks_v2beta*", "pygments/lexers/[a-z]*",
)  # fmt: skip
"""Tests of libraries, their headers and stubs, compilers, other databases, old interfaces; fast versions of what is
not called, beside which there are plain ones; what colours source code"""


AWS_SERVICES_USED = ("secretsmanager", "sqs", "sts")
"""botocore describes 400 services in 25 MB"""


def prune(folder: Path, *more: str) -> None:
    """Delete what matches `NEVER_RUN` and `more` below a folder of installed packages."""
    for service in (folder / "botocore" / "data").glob("*/"):
        if service.name not in AWS_SERVICES_USED:
            shutil.rmtree(service)
    for pattern in (*NEVER_RUN, *more):
        for found in list(folder.glob(pattern)):
            if found.is_dir():
                shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink(missing_ok=True)


def compile_all(folder: Path) -> None:
    """Bytecode that is believed without a look at the source's time: archives change the times."""
    compileall.compile_dir(folder, quiet=2, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def components(folder: Path) -> Iterator[dict[str, str]]:
    """What is installed in a folder, as CycloneDX names it."""
    for metadata in sorted(folder.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        name, version = fields["Name"], fields["Version"]
        yield {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}"}


def write_sbom(folder: Path, file: Path) -> None:
    """The software bill of materials of a folder of installed packages."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "encord-benchmark-agents"}},
        "components": list(components(folder)),
    }
    file.write_text(json.dumps(document, indent=1))


def size_mb(folder: Path) -> float:
    """Megabytes (10^6 bytes) of all files below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


if __name__ == "__main__":
    packages = Path(sys.argv[1])
    write_sbom(packages, Path(sys.argv[2]))
    prune(packages)
    compile_all(packages)
    print(f"{packages}: {size_mb(packages):.0f} MB")
