"""What holds for every test: the repository's root, its .ci scripts importable, no network, no noise."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(ROOT / name)
    for name in (
        ".ci",
        "book/_ext",
        "tests",
        "tests/helpers",
        "tests/course",
        "tests/library",
        "tests/book",
        "tests/house",
    )
]

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}

from chromium import chromium, open_page, site  # noqa: F401 - fixtures
