"""Trust: which models are registered and loaded, with which trusted names."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import tarfile
import weakref
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from modelreg.analysis.policy import verdict_of
from modelreg.domain.scans import Verdict
from modelreg.errors import InvalidInput, NotFound, UnloadableModel, UnsafeModel, Untrusted, UntrustedModel
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]])
OWN_MODULE = """
class Encoder:
    def predict(self, rows):
        return [7] * len(rows)

def rebuilt(*arguments):
    return Encoder()

class Outer:
    class Inner:
        pass
"""
ENCODER = b"\x80\x04\x8c\x0cown_features\x8c\x07Encoder\x93)\x81."
INNER = b"\x80\x04\x8c\x0cown_features\x8c\x0bOuter.Inner\x93)\x81."


class Hostile:
    """Creates the folder ``marker`` when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "own_features.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield tmp_path / "modules"
    sys.modules.pop("own_features", None)


@pytest.fixture
def write_model(tmp_path):
    def write(content: bytes, name: str = "model.pkl") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def test_register_refuses_a_model_that_runs_code_and_does_not_run_it(registry, write_model, tmp_path):
    path = write_model(pickle.dumps(Hostile(tmp_path / "marker")))
    with pytest.raises(UnsafeModel, match=r"posix\.mkdir") as error:
        registry.register(path, "churn")
    assert error.value.exit == 7
    assert registry.models() == []
    assert os.listdir(registry.folder / "artifacts" / "blobs" / "sha256") == []
    assert not (tmp_path / "marker").exists()


def test_allow_unsafe_with_a_reason_registers_a_dangerous_model_without_running_it(registry, write_model, tmp_path):
    path = write_model(pickle.dumps(Hostile(tmp_path / "marker")))
    version = registry.register(path, "churn", allow_unsafe="to study it")
    assert (version.scan, [imported.dotted for imported in version.imports]) == ("dangerous", ["posix.mkdir"])
    assert json.loads(registry.history()[-1].after)["allowed"] == "to study it"
    assert registry.path("churn/1").read_bytes() == path.read_bytes()
    with pytest.raises(UntrustedModel, match=r"posix\.mkdir"):
        registry.load("churn/1")
    assert list(registry.verify()) == []
    assert not (tmp_path / "marker").exists()


def test_allow_unsafe_requires_a_reason(registry, write_model):
    with pytest.raises(InvalidInput, match="reason"):
        registry.register(write_model(ENCODER), "churn", allow_unsafe="")


def test_a_model_with_an_unlisted_name_is_loaded_only_after_the_name_is_trusted(registry, write_model, own_module):
    registered = registry.register(write_model(ENCODER), "churn")
    assert registered.scan == "unknown"
    assert "modelreg trust add own_features.Encoder" in registered.notes[0]
    with pytest.raises(UntrustedModel) as error:
        registry.load("churn/1")
    assert error.value.exit == 7
    assert error.value.trustable == ("own_features.Encoder",)
    assert "own_features" not in sys.modules
    assert registry.trust("own_features.Encoder", message="ours") == ("own_features.Encoder",)
    assert registry.load("churn/1").predict(ROWS) == [7, 7, 7, 7]
    assert registry.trust("own_features.Encoder") == ()


def test_a_trusted_function_may_be_stored_in_a_model_but_not_called_by_loading(registry, write_model, own_module):
    held = b"\x80\x04\x8c\x0cown_features\x8c\x07rebuilt\x93"
    registry.register(write_model(held + b"."), "held")
    called = registry.register(write_model(held + b"\x8c\x01a\x85R."), "called")
    assert "trust add" not in called.notes[0]
    registry.trust("own_features.rebuilt")
    assert callable(registry.load("held/1"))
    assert registry.version("called/1").scan == "unknown"
    with pytest.raises(UntrustedModel, match=r"own_features\.rebuilt is called"):
        registry.load("called/1")


ESTIMATOR = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
class Majority(ClassifierMixin, BaseEstimator):
    def __init__(self, path=None, copy=True):
        self.path, self.copy = path, copy
    def fit(self, X, y):
        self.n_features_in_, self.classes_ = X.shape[1], np.unique(y)
        self.feature_names_in_, self.dtype_ = np.array(["a", "b"], object), X.dtype
        return self
    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))
"""


def test_a_trusted_estimator_may_hold_data_but_no_attribute_that_hides_a_method(registry, tmp_path, monkeypatch):
    (tmp_path / "own_estimators.py").write_text(ESTIMATOR)
    monkeypatch.syspath_prepend(tmp_path)
    import own_estimators

    joblib.dump(own_estimators.Majority().fit(ROWS, [0, 1, 0, 1]), tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "churn")
    registry.trust("own_estimators.Majority")
    assert registry.version("churn/1").scan == "safe"
    assert list(registry.load("churn/1").predict(ROWS)) == [0] * 4
    model = own_estimators.Majority().fit(ROWS, [0, 1, 0, 1])
    model.predict = np.ravel
    joblib.dump(model, tmp_path / "hidden.joblib")
    assert registry.register(tmp_path / "hidden.joblib", "churn").scan == "unknown"


def test_a_function_in_two_attributes_must_be_trusted_for_both(registry, tmp_path, own_module):
    import own_features

    model = FunctionTransformer(own_features.rebuilt, inverse_func=own_features.rebuilt)
    joblib.dump(model, tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "churn")
    for attribute, scan in (("func", "unknown"), ("inverse_func", "safe")):
        registry.trust(f"sklearn.preprocessing.FunctionTransformer.{attribute}=own_features.rebuilt")
        assert registry.version("churn/1").scan == scan
    assert registry.load("churn/1").func is own_features.rebuilt
    registry.distrust("sklearn.preprocessing.FunctionTransformer.func=own_features.rebuilt")
    assert registry.version("churn/1").scan == "unknown"
    assert list(registry.verify()) == []


def test_a_tar_archive_that_begins_like_a_pickle_is_not_loaded(registry, tmp_path):
    """The name of the first member is a pickle, and the member contains another one."""
    beginning = b"\x80\x03" + b"N" * 90 + b"2."
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        for name in (beginning.decode("latin-1"), "harmless.pkl"):
            archive.addfile(tarfile.TarInfo(name))
    registry.register(tmp_path / "model.tar", "churn")
    with pytest.raises((UntrustedModel, UnloadableModel)):
        registry.load("churn/1")


def test_trust_and_distrust_update_the_verdicts_of_all_versions_that_import_the_name(registry, write_model):
    registry.register(write_model(ENCODER), "churn")
    both = b"\x80\x04\x8c\x0cown_features\x8c\x07Encoder\x93\x8c\x05other\x8c\x05Thing\x93\x86."
    registry.register(write_model(both), "both")
    registry.add_gate("*", "Production", "scan = 'safe'")
    registry.trust("own_features.Encoder")
    assert [registry.version(f"{name}/1").scan for name in ("churn", "both")] == ["safe", "unknown"]
    registry.transition("churn/1", "Production")
    registry.trust("other.Thing")
    assert registry.version("both/1").scan == "safe"
    registry.distrust("own_features.Encoder")
    assert [registry.version(f"{name}/1").scan for name in ("churn", "both")] == ["unknown", "unknown"]
    assert [trusted.dotted for trusted in registry.trusted_names()] == ["other.Thing"]
    assert registry.register(write_model(b"\x80\x04\x8c\x05other\x8c\x05Thing\x93."), "new").scan == "safe"
    assert list(registry.verify()) == []


def test_a_nested_class_is_trusted_only_by_its_exact_module_and_name(registry, write_model, own_module):
    registry.register(write_model(INNER), "churn")
    with pytest.raises(UntrustedModel, match="own_features:Outer"):
        registry.load("churn/1")
    registry.trust("own_features.Outer.Inner")  # the class Inner of a module own_features.Outer
    with pytest.raises(UntrustedModel):
        registry.load("churn/1")
    registry.trust("own_features:Outer.Inner")
    assert type(registry.load("churn/1")).__qualname__ == "Outer.Inner"


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "builtins.eval", "numpy.f2py.capi_maps.eval", "subprocess.Popen", "types.FunctionType"),
        *("builtins.getattr", "builtins.type", "cloudpickle.cloudpickle._make_function"),
    ],
)
def test_trust_refuses_a_name_on_the_deny_list(registry, name):
    registry.create()
    with pytest.raises(Untrusted) as error:
        registry.trust(name)
    assert (error.value.code, error.value.exit, registry.trusted_names()) == ("dangerous_name", 7, [])


def test_trust_and_distrust_change_all_names_or_none(registry):
    registry.create()
    with pytest.raises(Untrusted) as refused:
        registry.trust("own.A", "os.system")
    assert refused.value.code == "dangerous_name"
    with pytest.raises(InvalidInput):
        registry.trust("own.A", "nonsense")
    assert registry.trusted_names() == []
    assert registry.trust("own.A", "own.B", "own.A") == ("own.A", "own.B")
    with pytest.raises(NotFound) as refused:
        registry.distrust("own.A", "own.C")
    assert refused.value.code == "name_not_trusted"
    assert [trusted.dotted for trusted in registry.trusted_names()] == ["own.A", "own.B"]


def test_the_hint_for_a_cloudpickled_lambda_suggests_a_module_and_not_trust(registry, write_model):
    (note,) = registry.register(write_model(cloudpickle.dumps({"columns": lambda rows: rows})), "churn").notes
    assert "the code of the notebook, script or lambda in an importable module" in note
    assert "trust" not in note
    with pytest.raises(UntrustedModel) as error:
        registry.load("churn/1")
    assert "the code of the notebook, script or lambda in an importable module" in error.value.hint
    assert "trust" not in error.value.hint


def test_untrusted_model_names_only_the_names_that_are_not_trusted_yet(registry, write_model):
    registry.register(write_model(ENCODER[:-1] + INNER[2:-1] + b"\x86."), "churn")
    registry.trust("own_features.Encoder")
    with pytest.raises(UntrustedModel) as error:
        registry.load("churn/1")
    (finding,) = error.value.findings
    assert "own_features:Outer.Inner" in finding
    assert "Encoder" not in finding


def test_a_model_that_calls_exit_raises_unloadable_model(registry, write_model):
    registry.register(write_model(b"csys\nexit\n(K\x00tR."), "churn", allow_unsafe="to test")
    with pytest.raises(UnloadableModel, match="SystemExit"):
        registry.load("churn/1", trust="full", message="to test")


def test_distrust_refuses_a_name_that_is_not_trusted(registry):
    registry.create()
    with pytest.raises(NotFound) as refused:
        registry.distrust("own_features.Encoder")
    assert refused.value.code == "name_not_trusted"


def test_full_trust_requires_a_reason_and_is_recorded_in_the_history(registry, write_model, tmp_path):
    registry.register(write_model(pickle.dumps(Hostile(tmp_path / "marker"))), "churn", allow_unsafe="to study it")
    with pytest.raises(InvalidInput, match="reason"):
        registry.load("churn/1", trust="full")
    assert not (tmp_path / "marker").exists()
    registry.load("churn/1", trust="full", message="in a sandbox")
    assert (tmp_path / "marker").exists()
    entry = registry.history()[-1]
    assert (entry.action, entry.version, entry.message) == ("load", 1, "in a sandbox")
    assert list(registry.verify()) == []


def test_a_message_without_full_trust_is_refused(registry, write_model, tmp_path):
    registry.register(write_model(ENCODER), "churn")
    for call in (
        lambda: registry.load("churn/1", message="why"),
        lambda: registry.predict("churn/1", tmp_path / "x.csv", tmp_path / "y.csv", message="why"),
    ):
        with pytest.raises(InvalidInput, match="message"):
            call()


def test_is_imported_finds_exact_names_only(registry, write_model):
    registry.register(write_model(ENCODER), "churn")
    assert registry.is_imported("own_features.Encoder")
    assert not registry.is_imported("own_features.Encoders")


def test_load_refuses_an_unknown_value_of_trust(registry, write_model):
    registry.register(write_model(ENCODER), "churn")
    with pytest.raises(InvalidInput, match="'yes'"):
        registry.load("churn/1", trust="yes", message="why")


def test_a_file_that_replaces_the_model_after_the_check_is_not_loaded(registry, tmp_path, monkeypatch):
    """The model is read through the file descriptor that was hashed, so replacing the file has no effect."""
    joblib.dump(LogisticRegression().fit(ROWS, [0, 1, 0, 1]), tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "churn")
    blob = registry.folder / "artifacts/blobs/sha256" / registry.version("churn/1").files[0].digest.split(":")[1]

    def swap(event, arguments):
        if event == "import" and arguments[0] == "joblib.numpy_pickle" and swapping:
            swapping.clear()
            (tmp_path / "other").write_bytes(pickle.dumps(Hostile(tmp_path / "marker")))
            os.replace(tmp_path / "other", blob)

    swapping = [True]
    sys.addaudithook(swap)
    assert registry.load("churn/1").predict(ROWS).tolist() == [0, 1, 0, 1]
    assert not (tmp_path / "marker").exists()


def test_an_array_of_objects_in_a_joblib_file_is_checked_like_the_rest(registry, tmp_path):
    joblib.dump({"array": np.array([Hostile(tmp_path / "marker"), None], object)}, tmp_path / "model.joblib")
    version = registry.register(tmp_path / "model.joblib", "churn", allow_unsafe="to study it")
    assert version.scan == "dangerous"
    with pytest.raises(UntrustedModel):
        registry.load("churn/1")
    assert not (tmp_path / "marker").exists()


def test_a_function_on_the_allow_list_is_loaded_without_trust(registry, tmp_path):
    joblib.dump(FunctionTransformer(np.log1p).fit(ROWS), tmp_path / "model.joblib")
    assert registry.register(tmp_path / "model.joblib", "churn").scan == "safe"
    assert np.allclose(registry.load("churn/1").transform(ROWS), np.log1p(ROWS))


@pytest.mark.parametrize(
    ("module", "name", "verdict"),
    [
        ("sklearn.svm._classes", "SVC", Verdict.SAFE),
        ("sklearn.svm", "_classes.SVC", Verdict.UNKNOWN),
        ("sklearn.datasets._base", "os.getpid", Verdict.DANGEROUS),
        ("sklearn.datasets._base", "os", Verdict.DANGEROUS),
        ("scipy.stats._continuous_distns", "norm_gen", Verdict.SAFE),
        ("numpy", "load", Verdict.DANGEROUS),
        ("mypackage", "Encoder.__globals__", Verdict.DANGEROUS),
        ("builtins", "getattr", Verdict.SAFE),
        ("builtins", "set", Verdict.SAFE),
    ],
)
def test_verdict_of_a_name_depends_on_its_exact_module_and_name(module, name, verdict):
    assert verdict_of(module, name) is verdict


def test_the_history_lists_trusted_names_and_changed_verdicts(registry, write_model, modelreg):
    registry.register(write_model(ENCODER), "churn", allow_unsafe="never needed")
    registry.trust("own_features.Encoder", message="ours")
    registry.distrust("own_features.Encoder")
    command = [modelreg, "--registry", registry.folder, "history"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    changes = [(line.split("\t")[4], line.split("\t")[7]) for line in lines[-2:0:-1]]
    assert changes == [
        ("trust", "own_features.Encoder"),
        ("trust", "scan -> safe"),
        ("distrust", "own_features.Encoder"),
        ("distrust", "scan -> unknown"),
    ]


def test_show_marks_trusted_names(registry, write_model, modelreg):
    both = b"\x80\x04\x8c\x0cown_features\x8c\x07Encoder\x93\x8c\x05other\x8c\x05Thing\x93\x86."
    registry.register(write_model(both), "churn")
    registry.trust("own_features.Encoder")
    command = [modelreg, "--registry", registry.folder, "show", "churn/1"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in shown if line.startswith(("scan\t", "imports\t"))] == [
        "scan\tunknown",
        "imports\tother.Thing unknown",
        "imports\town_features.Encoder trusted",
    ]


# The folder


def test_a_symlink_in_place_of_a_registry_folder_is_refused(registry, write_model, tmp_path):
    from modelreg.errors import UnsafeRegistry

    registry.register(write_model(ENCODER), "churn")
    for name in ("checkouts", "artifacts/ingest", "artifacts"):
        path = registry.folder / name
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UnsafeRegistry, match="is a link"):
            registry.path("churn/1")
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
    assert registry.path("churn/1").read_bytes() == ENCODER


@pytest.mark.parametrize("umask", [0o777, *(pytest.param(mask, marks=pytest.mark.slow) for mask in (0o000, 0o077))])
def test_files_are_readable_by_the_owner_and_not_writable_by_others_under_any_umask(tmp_path, umask):
    program = f"""if True:
        import os, sys
        os.umask({umask})
        from modelreg import Registry
        registry = Registry("registry")
        registry.register(sys.argv[1], "churn", stage="Staging")
        print(registry.path("churn/1"))
        registry.evaluations("churn/1")
    """
    (tmp_path / "model.pkl").write_bytes(ENCODER)
    result = subprocess.run(
        [sys.executable, "-c", program, "model.pkl"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(tmp_path, result.stdout.strip()).read_bytes() == ENCODER
    for path in [tmp_path / "registry", *(tmp_path / "registry").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o022, path
        assert mode & (0o700 if path.is_dir() else 0o400), path


@pytest.mark.slow
def test_predict_does_not_import_libraries_from_the_current_folder(registry, tmp_path):
    joblib.dump(LogisticRegression().fit(ROWS, [0, 1, 0, 1]), tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "churn")
    folder = tmp_path / "folder"
    folder.mkdir()
    for library in ("sklearn", "joblib", "numpy", "typer", "pandas"):
        (folder / f"{library}.py").write_text(
            "open('marker', 'w')\nraise SystemExit('imported from the current folder')"
        )
    (folder / "x.csv").write_text("a,b\n0,1\n")
    program = [sys.executable, "-m", "modelreg"]  # unlike the command, this has the current folder on its path
    arguments = ["--registry", registry.folder, "predict", "churn/1", "-i", "x.csv", "-o", "-"]
    result = subprocess.run([*program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "prediction\n0\n"), result.stderr
    assert not (folder / "marker").exists()


def test_a_denied_name_in_the_catalog_is_not_trusted(registry, tmp_path):
    """The catalog can hold one if another program wrote it, or if the deny-list is newer than the trust."""
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(weakref.WeakSet))
    registry.register(path, "churn")
    with sqlite3.connect(registry.folder / "catalog.db") as catalog:
        catalog.execute("INSERT INTO trusted_names VALUES ('_weakrefset', 'WeakSet', '', 'eve', '2026-01-01')")
    with pytest.raises(UntrustedModel, match="WeakSet"):
        registry.load("churn/1")


DERIVED_MODULE = """
import functools
from scipy.stats import rv_continuous
from sklearn.ensemble import StackingRegressor

class Distribution(rv_continuous):
    pass

class Stack(StackingRegressor):
    pass

class Part(functools.partial):
    pass

class Table(dict):
    pass
"""


@pytest.fixture
def derived(tmp_path, monkeypatch):
    (tmp_path / "derived_kinds.py").write_text(DERIVED_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import derived_kinds

    yield derived_kinds
    sys.modules.pop("derived_kinds", None)


def load_with_trust(content, tmp_path, name):
    (tmp_path / "m.pkl").write_bytes(content)
    with (tmp_path / "m.pkl").open("rb") as file:
        return load_pickle(file, Trust("m/1", frozenset({("derived_kinds", name)})))


def test_a_string_that_scipy_would_execute_is_refused_in_a_trusted_subclass(derived, tmp_path):
    state = {"_parse_arg_template": f"open({str(tmp_path / 'marker')!r}, 'w')", "name": "mine"}
    content = b"\x80\x02cderived_kinds\nDistribution\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."
    with pytest.raises(UntrustedModel, match="_parse_arg_template"):
        load_with_trust(content, tmp_path, "Distribution")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("attributes", "attribute"),
    [({"stack_method_": ["save_model"]}, "stack_method_"), ({"memory": "/tmp/x"}, "memory"), ({"memory": None}, None)],
)
def test_restricted_attributes_are_restricted_in_a_trusted_subclass(derived, tmp_path, attributes, attribute):
    model = object.__new__(derived.Stack)
    vars(model).update(attributes)
    if attribute is None:
        assert vars(load_with_trust(pickle.dumps(model), tmp_path, "Stack")) == attributes
    else:
        with pytest.raises(UntrustedModel, match=attribute):
            load_with_trust(pickle.dumps(model), tmp_path, "Stack")


def test_a_trusted_subclass_of_partial_is_refused(derived, tmp_path):
    with pytest.raises(UntrustedModel, match=r"derived from functools\.partial"):
        load_with_trust(pickle.dumps(derived.Part(np.max)), tmp_path, "Part")


def test_entries_of_a_dict_subclass_that_become_attributes_are_checked(derived, tmp_path):
    table = derived.Table(a=1)
    vars(table).update({"b": 2})
    content = (  # Table({"predict": numpy.max}), then an entry, then itself as its state
        b"\x80\x02cderived_kinds\nTable\n}X\x07\x00\x00\x00predictcnumpy\nmax\ns\x85Rq\x00X\x01\x00\x00\x00aK\x01sh\x00b."
    )
    with pytest.raises(UntrustedModel, match=r"Table\.predict hides a method"):
        load_with_trust(content, tmp_path, "Table")
    assert vars(load_with_trust(pickle.dumps(table), tmp_path, "Table")) == {"b": 2}
