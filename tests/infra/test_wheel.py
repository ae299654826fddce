"""The wheel beside `openai-agents`, which installs a package called `agents`: from wheels, outside a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_one_package_with_a_name_of_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
        assert "benchmark_qa/py.typed" in archive.namelist()
        assert "benchmark_qa/commands/setup/example.toml" in archive.namelist()
        assert "benchmark_qa/report/page.html.j2" in archive.namelist()
    assert {name for name in top if not name.endswith(".dist-info")} == {"benchmark_qa"}


def test_either_of_the_two_goes_without_the_other(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    fetched = subprocess.run(
        [str(part) for part in [*pip, "download", "--no-deps", "--dest", tmp_path, "openai-agents"]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if fetched.returncode != 0:
        pytest.skip("openai-agents cannot be downloaded here")
    (theirs,) = tmp_path.glob("openai_agents-*.whl")

    def present() -> set[str]:
        look = "from importlib.util import find_spec; print(*[n for n in ('agents', 'benchmark_qa') if find_spec(n)])"
        return set(run(python, "-c", look, cwd=tmp_path).split())

    run(*pip, "install", "--no-deps", wheel, theirs, cwd=tmp_path)
    assert present() == {"agents", "benchmark_qa"}
    run(*pip, "uninstall", "--yes", "openai-agents", cwd=tmp_path)
    assert present() == {"benchmark_qa"}
    run(*pip, "install", "--no-deps", theirs, cwd=tmp_path)
    run(*pip, "uninstall", "--yes", "encord-benchmark-agents", cwd=tmp_path)
    assert present() == {"agents"}
