"""The workflows say what they must. They run on GitHub only: what is checked here is their text."""

import re

import pytest
import yaml

from tests.helpers.paths import ROOT

FOLDER = ROOT / ".github" / "workflows"


def workflow(name):
    """The jobs of a workflow, and what starts it (YAML reads the word `on` as true)."""
    content = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content["jobs"], content[True], content["permissions"]


def steps(job):
    """{what a step uses or runs: the step}."""
    return {step.get("uses", step.get("run")): step for step in job["steps"]}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_a_workflow_has_a_limit_pinned_actions_and_few_rights(path):
    jobs, _, permissions = workflow(path.name)
    assert permissions["contents"] == "read"
    for name, job in jobs.items():
        assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"]), "a runner that changes by itself"
        assert "timeout-minutes" in job or name == "publish"
        for step in job["steps"]:
            assert len({"uses", "run"} & step.keys()) == 1
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))


@pytest.mark.parametrize("name, job", [("book.yml", "build"), ("test.yml", "test")])
def test_the_book_is_built_with_node_and_tested_in_a_browser(name, job):
    does = steps(workflow(name)[0][job])
    order = list(does)
    assert order[0] == "actions/checkout@v4"
    assert does["actions/setup-node@v4"]["with"]["node-version"] == "20"
    tested = next(step for words, step in does.items() if "pytest" in words or words == ".ci/run")
    assert tested["env"]["RMKIT_BROWSER"] == "1", "a missing browser must fail there, not be skipped"
    assert order.index("actions/setup-node@v4") < order.index(tested["run"])


def test_exactly_the_tested_book_is_published_from_main_only():
    jobs, started_by, _ = workflow("book.yml")
    does = steps(jobs["build"])
    order = list(does)
    test = next(words for words in order if "pytest" in words)
    assert "tests/book/test_book.py" in test and "tests/browser/test_browser_*.py" in test
    assert (
        order.index("make book") < order.index(test) < order.index("actions/upload-pages-artifact@v3") == len(order) - 1
    )
    assert does["actions/upload-pages-artifact@v3"]["with"]["path"] == "_build/html"
    assert does["actions/setup-python@v5"]["with"]["python-version"] == "3.11"
    assert started_by["push"]["branches"] == ["main"] and "pull_request" not in started_by
    publish = jobs["publish"]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert list(steps(publish)) == ["actions/deploy-pages@v4"]
