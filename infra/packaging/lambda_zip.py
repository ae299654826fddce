"""Build the zip for Lambda (`python infra/packaging/lambda_zip.py --help`): wheels alone, of Lambda's platform."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from prune import compile_all, prune, size_mb, write_sbom

ROOT = Path(__file__).parents[2]
LIMIT_MB = 250.0
"""Lambda takes no more, unpacked"""
DIRECT_UPLOAD_MB = 52.4
"""50 MiB: what the API takes with the request; more has to come from S3"""
PLATFORMS = {
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64"),
}
COMMAND_LINE_ONLY = (
    "typer*", "pygments*", "markdown_it*", "mdurl*", "shellingham*", "uvicorn*", "h11*", "bin",
    "click*",
)  # fmt: skip
"""The functions have no command line and no server of their own"""
OURS_NOT_NEEDED = (
    "benchmark_qa/cli.py", "benchmark_qa/__main__.py", "benchmark_qa/terminal", "benchmark_qa/commands",
    "benchmark_qa/report/command.py", "benchmark_qa/alerts/command.py",
)  # fmt: skip
"""What only the command line needs: the functions run `service` and what stands below it."""


def main() -> None:
    """Build, print the sizes, fail over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=PLATFORMS, default="x86_64")
    parser.add_argument("--python", default="3.13", help="of the function's runtime")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "benchmark-qa-lambda.zip")
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        install(folder, arguments.architecture, arguments.python)
        write_sbom(folder, arguments.output.with_suffix(".cdx.json"))
        prune(folder, *COMMAND_LINE_ONLY)
        source = ROOT / "agents" / "benchmark_qa"
        shutil.copytree(source, folder / "benchmark_qa", ignore=shutil.ignore_patterns("__pycache__"))
        prune_ours(folder)
        shutil.copytree(ROOT / "infra" / "certificates", folder / "certificates")
        if arguments.python == f"{sys.version_info.major}.{sys.version_info.minor}":
            compile_all(folder)
        else:
            print(f"without bytecode, which only Python {arguments.python} could make: cold starts take longer")
        unpacked = size_mb(folder)
        pack(folder, arguments.output)
    packed = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {packed:.1f} MB, unpacked {unpacked:.1f} MB of Lambda's {LIMIT_MB:.0f} MB")
    if unpacked > LIMIT_MB:
        sys.exit("the zip is too large for Lambda")
    if packed > DIRECT_UPLOAD_MB:
        print("over 50 MiB Lambda takes the zip from S3 only")


def prune_ours(folder: Path) -> None:
    """Delete what only the command line needs; a name that is no longer there is an error."""
    for name in OURS_NOT_NEEDED:
        found = folder / name
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()


def install(folder: Path, architecture: str, python: str) -> None:
    """The locked wheels of the function's platform."""
    platforms = [argument for name in PLATFORMS[architecture] for argument in ("--platform", name)]
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
            "--target", str(folder), "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--implementation", "cp", "--python-version", python, *platforms,
            "--requirement", str(ROOT / "requirements" / "lambda.txt"),
        ],
        check=True,
    )  # fmt: skip


def pack(folder: Path, output: Path) -> None:
    """The same files make the same zip: times and order are fixed, so Terraform sees no change where there is none."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, file.read_bytes())


if __name__ == "__main__":
    main()
