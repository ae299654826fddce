"""Help and version import no command."""

import json
import subprocess
import sys


def test_help_and_version_import_no_command() -> None:
    program = (
        "import json, sys; from benchmark_qa.cli import app\n"
        "try: app([sys.argv[1]], prog_name='benchmark-qa')\n"
        "except SystemExit: pass\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('benchmark_qa.')]))"
    )
    for option in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", program, option], capture_output=True, text=True, check=True, timeout=60
        )
        loaded = json.loads(done.stdout.splitlines()[-1])
        assert sorted(loaded) == ["benchmark_qa.cli", "benchmark_qa.lazy"]
