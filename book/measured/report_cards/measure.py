"""Full reports on human preferences: a model of the course data and one of HH harmless. Writes measured.json beside
this file.

python -m book.measured.report_cards.measure --hh FILE --pandalm FILE

Trains one model on course:train and one on 60% of the prompts of HH harmless (a tenth more fits a temperature), with
`rmkit.train`'s defaults and seed 0, and measures both on the 30% of HH that are left, on PandaLM and on course:test. A
quarter of an hour on two cores. The two files are those of Bai et al. 2022 (arXiv:2204.05862) and Wang et al. 2023
(arXiv:2306.05087). Commit the result.
"""

import argparse
from pathlib import Path

import rmkit
from rmkit.files import write_json


def train(data):
    model = rmkit.RewardModel.from_encoder(seed=0)
    history = rmkit.train(model, data, seed=0)
    return model, history


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hh", type=Path, required=True)
    parser.add_argument("--pandalm", type=Path, required=True)
    args = parser.parse_args()
    rest, hh_test = rmkit.load_rankings(args.hh).split(test=0.3, seed=0)
    hh_train, hh_calibration = rest.split(test=1 / 7, seed=0)
    pandalm = rmkit.load_rankings(args.pandalm)
    course = {part: rmkit.load_rankings(f"course:{part}") for part in ("train", "validation", "test")}
    trained = {"course": train(course["train"]), "HH": train(hh_train)}
    calibration = {"course": course["validation"], "HH": hh_calibration}
    tests = {"course:test": course["test"], "HH": hh_test, "PandaLM": pandalm}
    result = {
        "training": {
            name: {"n_prompts": len(set(data.prompts)), "n_pairs": data.n_pairs, **history.to_dict()}
            for (name, (_, history)), data in zip(trained.items(), (course["train"], hh_train), strict=True)
        },
        "reports": {},
        "comparisons": {},
    }
    for test, data in tests.items():
        result["reports"][test] = {}
        for name, (model, _) in trained.items():
            report = rmkit.evaluate(model, data, calibration=calibration[name], seen="skip")
            print(f"{name} on {test}\n{report}\n", flush=True)
            result["reports"][test][name] = report.to_dict()
        models = [model for model, _ in trained.values()]
        comparison = rmkit.compare(*models, data, seen="skip")
        print(f"{comparison}\n", flush=True)
        result["comparisons"][test] = comparison.to_dict()
    memory = rmkit.evaluate(trained["HH"][0], hh_train, seen="measure", quick=True)
    result["memory"] = memory.to_dict()
    write_json(Path(__file__).with_name("measured.json"), result)


if __name__ == "__main__":
    main()
