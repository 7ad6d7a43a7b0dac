"""The policy: exact names, and the kinds of values that the attributes of classes may hold."""

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
def test_a_name_is_in_the_policy_as_a_whole_or_not_at_all(module, name, verdict):
    assert verdict_of(module, name) is verdict


def test_the_only_dangerous_names_of_the_policy_are_operators_and_mapped_arrays():
    dangerous = {pair for pair in allowed_names() if is_dangerous(*pair)} - {("numpy", "memmap")}
    assert {module for module, _ in dangerous} <= {"operator", "_operator"}
    assert not {"operator.attrgetter", "operator.methodcaller", "operator.itemgetter"} & policy().functions


CALLED = ("fit", "transform", "predict", "predict_proba", "decision_function", "get_params", "__call__")


def test_no_attribute_hides_a_method_that_models_call_of_each_other():
    for cls in policy().classes.source:
        rules = policy().classes.get(cls)
        attributes = rules.attributes if rules.category == ESTIMATOR else {}
        assert [name for name in CALLED if name in attributes and attributes[name].words != {"method"}] == [], cls
        assert [name for name in attributes if name in ("__class__", "__setstate__", "__reduce__", "__dict__")] == []


@pytest.mark.parametrize("function", ["numpy.ravel", "numpy.log", "pandas.to_numeric"])
def test_functions_that_models_hold_are_values_and_are_not_called(function):
    assert function in policy().functions
    assert policy().calls.get(function) is None


@pytest.mark.parametrize("function", ["numpy.dtype", "functools.partial", "sklearn.tree._tree.Tree"])
def test_what_makes_parts_of_models_is_called(function):
    assert policy().calls.get(function) is not None


def test_the_attribute_that_names_a_method_is_an_enumeration():
    words = policy().classes.get("sklearn.ensemble._stacking.StackingClassifier").attributes["stack_method_"].words
    assert {"'predict_proba'", "'decision_function'"} <= words
    assert all(word.startswith("'") for word in words)


def test_an_estimator_is_expected_where_a_stack_holds_its_models():
    kinds = policy().classes.get("sklearn.ensemble._stacking.StackingClassifier").attributes["estimators_"]
    assert kinds.items.words <= {ESTIMATOR, "'drop'", "'passthrough'"}
    assert not kinds.items.words & {OBJECT, FUNCTION, TYPE}


def test_a_name_is_known_by_module_and_name_and_not_by_what_they_are_together():
    assert policy().has(Global("sklearn.svm._classes", "SVC"))
    assert not policy().has(Global("sklearn", "svm._classes.SVC"))


def test_no_array_of_objects_stands_where_a_method_or_an_argument_is_named():
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


def test_what_is_called_makes_a_number_or_a_text():
    known = policy()
    assert known.conversions < known.types
    assert not {"numpy.ndarray", "numpy.void", "numpy.generic", "builtins.object"} & known.conversions
    assert "numpy.ndarray" not in known.types
    called = known.classes.get("sklearn.preprocessing._function_transformer.FunctionTransformer").attributes["func"]
    assert "type" not in called.words


def test_what_is_observed_of_a_model_is_the_same_in_every_format(tmp_path):
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
