"""Label errors without their extra say what to install."""

import subprocess
import sys


def test_without_the_extra_the_message_says_what_to_install() -> None:
    # A real process in which the library cannot be imported, as where the extra is not installed.
    program = (
        "import sys; sys.modules['cleanlab'] = None\n"
        "import numpy as np\n"
        "from benchmark_qa.commands.findings.label_errors import doubts\n"
        "doubts(np.array([0]), np.array([1]), np.array([0.5]), np.array([0]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.strip().endswith("pip install '.[findings]' in a checkout")
