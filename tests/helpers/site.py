"""The web book that `make book` built, its pages in reading order, and a way to build a small one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.helpers.paths import ROOT

HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(entry["file"] for part in TOC["parts"] for entry in part["chapters"])]


def build(folder):
    """Run jupyter-book on `folder` as the Makefile does; its exit status and what it said."""
    tool = Path(sys.executable).parent / "jupyter-book"
    flags = re.search(r"jupyter-book build \. (.+) >", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()
    done = subprocess.run(
        [tool, "build", ".", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )
    return done.returncode, done.stdout + done.stderr
