"""What rounding did to the course's model: _build/rounding.json, from _build/trained and _build/model.

python -m book.measured.model.measure        make book does it
"""

import numpy as np

from book.measured.tables import ROOT
from rmkit import RewardModel, compare, load_rankings
from rmkit.files import write_json

BUILD = ROOT / "_build"


def measure_rounding(trained, rounded, data):
    """What rounding did to a model: how far the rewards moved, and the accuracy."""
    prompts, responses = zip(*((r.prompt, response) for r in data for response in r.responses), strict=True)
    before, after = (np.array(model.score(prompts, responses)) for model in (trained, rounded))  # (N,)
    moved = np.abs(after - before)
    return {
        "n": len(moved),
        "largest": moved.max().item(),
        "mean": moved.mean().item(),
        "spread": before.std().item(),
        "difference": compare(rounded, trained, data).to_dict()["difference"],
    }


if __name__ == "__main__":
    trained, rounded = (RewardModel.from_pretrained(BUILD / name) for name in ("trained", "model"))
    write_json(BUILD / "rounding.json", measure_rounding(trained, rounded, load_rankings("course:test")))
