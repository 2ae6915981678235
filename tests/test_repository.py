"""The files around the package agree with each other."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
# Packages that are imported by another name than they are installed by.
INSTALLED_AS = {"imblearn": "imbalanced-learn", "sklearn": "scikit-learn"}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def requirements(project):
    extras = project["optional-dependencies"].values()
    lines = project["dependencies"] + [line for extra in extras for line in extra]
    return [Requirement(line) for line in lines]


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def readme_commands():
    """Return the one-line commands of the README that make an environment."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(r"^python3 -m venv .*$", text, re.MULTILINE)


def test_the_version_is_in_one_place(project):
    assert "version" in project["dynamic"]
    tree = ast.parse((ROOT / "manidiff" / "__init__.py").read_text("utf-8"))
    versions = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    ]
    assert len(versions) == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(dev|a|b|rc)\d+)?", versions[0])


def test_requirements_have_lower_bounds_only(project, requirements):
    for requirement in requirements:
        if requirement.name != project["name"]:
            assert [s.operator for s in requirement.specifier] == [">="], requirement


def test_the_tested_set_is_pinned_and_within_bounds(project, requirements, pins):
    versions = {}
    for pin in pins:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        versions[canonicalize_name(pin.name)] = specifier.version
    assert len(versions) == len(pins), "a package is pinned twice"
    for requirement in requirements:
        if requirement.name != project["name"]:
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement


def test_the_tested_set_is_for_the_lowest_python(project, pins):
    # pip would search all versions of everything else for a way out.
    lowest = project["requires-python"].removeprefix(">=") + ".0"
    asked = 0
    for pin in pins:
        try:
            metadata = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # Of other versions, as of the oldest that are supported, nothing is said.
        if pin.specifier.contains(metadata["Version"]):
            supported = SpecifierSet(metadata.get("Requires-Python", ""))
            assert supported.contains(lowest), pin
            asked += 1
    assert asked > 0


def test_the_readme_has_two_commands_that_use_the_tested_set():
    main_job, tests = readme_commands()
    assert main_job.endswith("examples/plot_quickstart.py")
    assert "pytest" in tests
    for command in (main_job, tests):
        assert "pip install -c constraints.txt" in command


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_named_files_exist(name):
    text = (ROOT / name).read_text("utf-8")
    paths = re.findall(r"[`(]((?:docs|examples|benchmarks|tests)/[\w./]+)[`)]", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_extras_are_documented(project):
    text = (ROOT / "docs" / "install.rst").read_text("utf-8")
    documented = re.findall(r"^``(\w+)`` ", text, re.MULTILINE)
    assert sorted(documented) == sorted(project["optional-dependencies"])


def test_named_extras_exist(project):
    sources = [*ROOT.glob("manidiff/**/*.py"), *ROOT.glob("docs/*.rst")]
    texts = [path.read_text("utf-8") for path in [*sources, *ROOT.glob("*.md")]]
    named = re.findall(r"(?:manidiff|'\.)\[([\w,]+)\]'", "".join(texts))
    assert len(named) > 5
    extras = project["optional-dependencies"]
    assert {name for names in named for name in names.split(",")} <= set(extras)


def test_the_documentation_installs_what_the_examples_import(project):
    lines = project["dependencies"] + project["optional-dependencies"]["docs"]
    installed = {Requirement(line).name for line in lines} | {project["name"]}
    for path in ROOT.glob("examples/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module] if isinstance(node, ast.ImportFrom) else []
            tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            assert {INSTALLED_AS.get(top, top) for top in tops} <= installed, path
