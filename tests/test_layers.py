"""Each layer of the package imports only from the layers to its left."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "manidiff"

# From left to right. Members of one layer do not import each other.
LAYERS = [
    ["exceptions"],
    ["_utils"],
    ["diffusion", "geometry", "nets"],
    ["_interruptions", "_learning_rates", "_loaders", "_long_rows"],
    ["_training_state"],
    ["_processes"],
    ["_training"],
    ["persistence"],
    ["_agreement"],
    [
        "_batches",
        "_conditional",
        "_cross_fitting",
        "_density",
        "_freezing",
        "_local_law",
        "_manifold",
        "_network",
        "_saving",
        "_streaming",
        "_watching",
    ],
    ["_base"],
    ["_coarse", "_empirical", "_local_polynomial"],
    ["_last_step", "_loading", "inverse"],
    [
        "model_selection",
        "over_sampling",
        "pipeline",
        "plotting",
        "tabular",
    ],
    ["command"],
    ["__main__"],
]
# Aside from that order: what they stand on. Only the last three layers import them.
ASIDE = {
    "datasets": {"exceptions", "_utils", "geometry"},
    "metrics": {"exceptions", "_utils", "geometry"},
}
# Modules outside the package, and what alone may import them.
SKORCH_HOMES = ("_training.py", "_processes.py")
PRIVATE_SKLEARN_HOME = "_utils/compat.py"
NO_SKLEARN = {"diffusion", "nets"}
NO_SKLEARN_BASE = {"diffusion", "geometry", "nets"}


def allowed_units():
    """Return {unit: the units it may import from}, itself included."""
    allowed, left = {}, set()
    for layer in LAYERS:
        aside = set(ASIDE) if layer in LAYERS[-3:] else set()
        allowed |= {unit: left | aside | {unit} for unit in layer}
        left = left | set(layer)
    return allowed | {unit: base | {unit} for unit, base in ASIDE.items()}


def unit_of(path, root):
    """Return the top-level module or sub-package of a file."""
    return path.relative_to(root / PACKAGE).with_suffix("").parts[0]


def imported_names(path, root):
    """Yield (line, absolute dotted name) for every import, nested ones included."""
    parent = list(path.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def fault_within_package(unit, parts):
    """Return what is wrong with `unit` importing manidiff.<parts>, or None."""
    allowed = allowed_units()
    if not parts or parts[0] not in allowed:
        return "imports the package itself: name the module instead"
    if parts[0] not in allowed[unit]:
        return f"imports {parts[0]}, which is not to the left of {unit}"
    return None


def fault_outside_package(file, unit, parts):
    """Return what is wrong with `file` importing a foreign module, or None."""
    if parts[0] == "skorch" and file not in SKORCH_HOMES:
        return f"imports skorch: only {' and '.join(SKORCH_HOMES)} do"
    if parts[0] != "sklearn":
        return None
    if any(part.startswith("_") for part in parts) and file != PRIVATE_SKLEARN_HOME:
        return f"imports a private name of scikit-learn: use {PRIVATE_SKLEARN_HOME}"
    if unit in NO_SKLEARN:
        return f"imports scikit-learn: {unit} does without it"
    if unit in NO_SKLEARN_BASE and parts[:2] == ["sklearn", "base"]:
        return f"imports sklearn.base: {unit} knows no estimator"
    return None


def faults(root):
    """Return one line for each import that breaks the order."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        file = path.relative_to(root / PACKAGE).as_posix()
        unit = unit_of(path, root)
        if unit == "__init__":
            continue
        if unit not in allowed_units():
            found.append(f"{file}: {unit} has no place in the layers")
            continue
        for line, name in imported_names(path, root):
            first, *rest = name.split(".")
            if first == PACKAGE:
                fault = fault_within_package(unit, rest)
            else:
                fault = fault_outside_package(file, unit, [first, *rest])
            if fault:
                found.append(f"{file}:{line}: {fault}")
    return found


def test_every_layer_imports_only_from_its_left():
    assert faults(ROOT) == []


def test_the_package_is_found():
    assert any((ROOT / PACKAGE).rglob("*.py"))


GOOD = {
    "_training.py": "import skorch\nfrom manidiff.nets import Net",
    "_processes.py": "from skorch.callbacks import Callback",
    "_base.py": "from sklearn.base import BaseEstimator",
    "_coarse.py": "from ._base import ScoreDiffusion\nfrom . import _training",
    "_utils/compat.py": "from sklearn.base import _fit_context",
    "diffusion/samplers.py": "from .schedules import Schedule\nimport manidiff._utils",
    "geometry/scale.py": "from sklearn.neighbors import NearestNeighbors",
    "datasets/_torus.py": "from manidiff.geometry import scale",
    "model_selection.py": "from manidiff import metrics, _coarse",
    "__init__.py": "from manidiff._coarse import CoarseScoreDiffusion",
}


def write_package(root, files):
    for file, text in files.items():
        path = root / PACKAGE / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def test_a_tree_in_order_has_no_fault(tmp_path):
    write_package(tmp_path, GOOD)
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("_base.py", "from manidiff._coarse import X", "imports _coarse"),
        ("_base.py", "from . import _coarse", "imports _coarse"),
        ("_base.py", "def f():\n    import manidiff._coarse", "imports _coarse"),
        ("_coarse.py", "from manidiff._empirical import X", "imports _empirical"),
        ("_coarse.py", "import manidiff", "the package itself"),
        ("_coarse.py", "from manidiff import X", "the package itself"),
        ("_coarse.py", "from skorch import NeuralNet", "imports skorch"),
        ("_processes.py", "import manidiff._training", "imports _training"),
        ("_coarse.py", "import manidiff.metrics", "imports metrics"),
        ("diffusion/a.py", "from ..geometry import x", "imports geometry"),
        ("diffusion/a.py", "from ..nets.mlp import x", "imports nets"),
        ("diffusion/a.py", "import sklearn", "imports scikit-learn"),
        ("geometry/a.py", "from sklearn.base import clone", "sklearn.base"),
        ("geometry/a.py", "from sklearn import base", "sklearn.base"),
        ("metrics/a.py", "from manidiff.diffusion import x", "imports diffusion"),
        ("datasets/a.py", "from manidiff import _base", "imports _base"),
        ("_utils/a.py", "from sklearn.base import _fit_context", "private name"),
        ("stray.py", "", "no place in the layers"),
    ],
)
def test_a_violation_is_caught(tmp_path, file, text, message):
    write_package(tmp_path, {**GOOD, file: text})
    (fault,) = faults(tmp_path)
    assert fault.startswith(file)
    assert message in fault
