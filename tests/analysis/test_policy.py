"""The policy: the allow-list of names, and the kinds of values in attributes of allowed classes."""

from __future__ import annotations

import joblib
import pytest
import skops.io
from policy.observe import Observations
from sklearn.preprocessing import StandardScaler

from modelreg.analysis.denied_names import is_dangerous
from modelreg.analysis.kinds import FUNCTION, TYPE
from modelreg.analysis.pickle.object_graph import Global
from modelreg.analysis.policy import ESTIMATOR, OBJECT, allowed_names, policy, verdict_of
from modelreg.domain.scans import Verdict


@pytest.mark.parametrize(
    ("module", "name", "verdict"),
    [
        ("sklearn.svm._classes", "SVC", Verdict.SAFE),
        ("sklearn.svm._classes", "SVC.fit", Verdict.UNKNOWN),
        ("sklearn.svm", "_classes.SVC", Verdict.UNKNOWN),
        ("sklearn.datasets._base", "os.getpid", Verdict.DANGEROUS),
        ("os", "system", Verdict.DANGEROUS),
        ("builtins", "eval", Verdict.DANGEROUS),
        ("mypackage.features", "Encoder", Verdict.UNKNOWN),
    ],
)
def test_only_exact_names_are_on_the_allow_list(module, name, verdict):
    assert verdict_of(module, name) is verdict


def test_the_only_dangerous_names_of_the_policy_are_operators_and_mapped_arrays():
    dangerous = {pair for pair in allowed_names() if is_dangerous(*pair)} - {("numpy", "memmap")}
    assert {module for module, _ in dangerous} <= {"operator", "_operator"}
    assert not {"operator.attrgetter", "operator.methodcaller", "operator.itemgetter"} & policy().functions


METHODS_THAT_MODELS_CALL = (
    "fit",
    "transform",
    "predict",
    "predict_proba",
    "decision_function",
    "get_params",
    "__call__",
)


def test_no_allowed_attribute_hides_a_method_that_models_call():
    for cls in policy().classes.source:
        rules = policy().classes.get(cls)
        attributes = rules.attributes if rules.category == ESTIMATOR else {}
        assert [
            name for name in METHODS_THAT_MODELS_CALL if name in attributes and attributes[name].words != {"method"}
        ] == [], cls
        assert [name for name in attributes if name in ("__class__", "__setstate__", "__reduce__", "__dict__")] == []


@pytest.mark.parametrize("function", ["numpy.ravel", "numpy.log", "pandas.to_numeric"])
def test_functions_that_models_hold_may_not_be_called(function):
    assert function in policy().functions
    assert policy().calls.get(function) is None


@pytest.mark.parametrize("function", ["numpy.dtype", "functools.partial", "sklearn.tree._tree.Tree"])
def test_constructors_of_model_parts_may_be_called(function):
    assert policy().calls.get(function) is not None


def test_stack_method_only_allows_listed_method_names():
    words = policy().classes.get("sklearn.ensemble._stacking.StackingClassifier").attributes["stack_method_"].words
    assert {"'predict_proba'", "'decision_function'"} <= words
    assert all(word.startswith("'") for word in words)


def test_estimators_of_a_stack_must_be_estimators():
    kinds = policy().classes.get("sklearn.ensemble._stacking.StackingClassifier").attributes["estimators_"]
    assert kinds.items.words <= {ESTIMATOR, "'drop'", "'passthrough'"}
    assert not kinds.items.words & {OBJECT, FUNCTION, TYPE}


def test_has_compares_module_and_name_separately():
    assert policy().has(Global("sklearn.svm._classes", "SVC"))
    assert not policy().has(Global("sklearn", "svm._classes.SVC"))


def test_arrays_of_objects_are_not_allowed_as_method_names_or_arguments():
    classes = policy().classes
    stack = classes.get("sklearn.ensemble._stacking.StackingClassifier")
    assert not stack.attributes["stack_method_"].admits_objects
    assert stack.attributes["estimators_"].admits_objects
    for name in classes.source:
        for attribute, kinds in classes.get(name).attributes.items():
            if attribute in ("kw_args", "inv_kw_args", "metric_params", "_kwargs", "kernel_params"):
                assert not kinds.values.admits_objects
                assert not kinds.values.items.admits_objects
                assert kinds.keys.words == {"keyword"}


def test_conversions_only_create_numbers_or_texts():
    policy_ = policy()
    assert policy_.conversions < policy_.types
    assert not {"numpy.ndarray", "numpy.void", "numpy.generic", "builtins.object"} & policy_.conversions
    assert "numpy.ndarray" not in policy_.types
    func_kinds = policy_.classes.get("sklearn.preprocessing._function_transformer.FunctionTransformer").attributes[
        "func"
    ]
    assert "type" not in func_kinds.words


def test_observations_of_a_model_are_the_same_in_every_format(tmp_path):
    model = StandardScaler().fit([[0.0], [1.0]])
    joblib.dump(model, tmp_path / "plain.joblib")
    joblib.dump(model, tmp_path / "compressed.joblib", compress=3)
    skops.io.dump(model, tmp_path / "model.skops")
    seen = []
    for path in map(tmp_path.joinpath, ("plain.joblib", "compressed.joblib", "model.skops")):
        observations = Observations()
        assert observations.add_file(path) is None, path
        seen.append(observations.classes["sklearn.preprocessing._data.StandardScaler"].attributes)
    assert seen[0]
    assert seen == seen[:1] * 3
