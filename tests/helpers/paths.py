"""Where the repository is, and which files it holds."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked():
    """The files that the repository holds, or would hold if everything were committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]
