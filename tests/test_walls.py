"""The walls between rooms: who imports whom, and what an import costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skdimred

ROOT = Path(skdimred.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

ESTIMATORS = {
    "numerics",
    "blocks",
    "_sklearn",
    "_checks",
    "_base",
    "_stream",
    "_sweeps",
    "_cells",
}
# What each room may import of ours, besides itself.
ALLOWED = {
    "numerics": set(),
    "metrics": {"numerics"},
    "blocks": {"numerics"},
    "_sklearn": set(),
    "_checks": set(),
    "_base": {"_sklearn", "_checks", "blocks", "numerics"},
    "_stream": set(),
    "_sweeps": {"_sklearn"},
    "decomposition": ESTIMATORS,
    "discriminant_analysis": ESTIMATORS,
    "cluster": ESTIMATORS,
    "manifold": {*ESTIMATORS, "metrics", "decomposition"},
    "neural_network": {*ESTIMATORS, "decomposition"},
    "inspection": {"numerics", "metrics"},
}


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """Full names of everything a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_stay_within_the_walls(path):
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if here == "numerics":
            assert parts[0] != "sklearn", f"numerics imports {name}"
        if here != "_sklearn" and parts[0] == "sklearn":
            private = [part for part in parts if part.startswith("_")]
            assert not private, f"{name} is private to scikit-learn"
        if here in ALLOWED and parts[0] == "skdimred":
            assert parts[1] == here or parts[1] in ALLOWED[here], f"{here} <- {name}"
        assert parts[0] not in {"dask", "torch"}


def test_the_door_to_scikit_learn_is_short():
    assert len((ROOT / "_sklearn.py").read_text().splitlines()) <= 120


def loaded_by(statement):
    code = f"import sys\n{statement}\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(out.stdout.split())


def test_import_brings_nothing_heavy():
    # scikit-learn may load pandas by itself, so it is what we are compared with.
    ours, theirs = loaded_by("import skdimred"), loaded_by("import sklearn.cluster")
    heavy = {"matplotlib", "pandas", "dask", "distributed", "rich", "torch", "pyarrow"}
    assert not heavy & (ours - theirs)


def test_version_and_names():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", skdimred.__version__)
    for name in skdimred.__all__:
        assert getattr(skdimred, name).__module__.startswith("skdimred")
    assert len(set(skdimred.__all__)) == len(skdimred.__all__)
