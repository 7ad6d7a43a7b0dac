"""Registries of any size, filled through the catalog, without files."""

from __future__ import annotations

from pathlib import Path

from modelreg import provenance
from modelreg.catalog.change import Change, NewVersion
from modelreg.home import Home
from modelreg.records.registration import Description, Provenance
from modelreg.records.scan import ImportedName, Scan, Verdict
from modelreg.records.transition import StageChange
from modelreg.records.version import READY, Environment, ModelFile
from modelreg.references import Digest, ModelName
from modelreg.stages import Stage


def fill(folder: Path, models: int, versions: int) -> None:
    """Make a registry of ``models`` models with ``versions`` versions each, the newest in Production."""
    home = Home(folder, lock_timeout=30)
    home.create()
    with home.catalog.writing(provenance.actor()) as change:
        for model in range(models):
            _add_model(change, ModelName(f"model-{model:06d}"), model * versions, versions)


def _add_model(change: Change, name: ModelName, first: int, versions: int) -> None:
    for count in range(first, first + versions):
        number = change.add_version(name, _version(count))
    change.set_stage(name, StageChange(number, Stage.NONE, Stage.PRODUCTION))


_IMPORTS = (
    "joblib.numpy_pickle.NumpyArrayWrapper",
    "numpy.dtype",
    "numpy.ndarray",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._tree.Tree",
)
"""What a forest imports."""


def _imports() -> tuple[ImportedName, ...]:
    parts = (name.rpartition(".") for name in _IMPORTS)
    return tuple(ImportedName(module, name, Verdict.SAFE) for module, _, name in parts)


def _version(count: int) -> NewVersion:
    digest = Digest(f"sha256:{count:064x}")
    return NewVersion(
        status=READY,
        digest=digest,
        files=(ModelFile("model.pkl", digest, 1000),),
        described=Description("sklearn", "joblib", "sklearn.ensemble._forest.RandomForestClassifier"),
        scan=Scan(Verdict.SAFE, _imports(), ()),
        signature=None,
        metrics={"accuracy": 0.91, "roc_auc": 0.95},
        params={"max_depth": "8"},
        tags={},
        description="",
        provenance=Provenance("/models/model.pkl", None, None, None, None, None, Environment("3.11", {"numpy": "2.0"})),
    )
