"""Meta-estimators: column transformers, unions, voting, stacking, thresholds, chains and selections."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from genuine.attempts import Candidate, fit
from genuine.choices import inner_estimators
from genuine.datasets import COLUMNS, Data


def columns(data: Data) -> Iterator[Candidate]:
    """Column transformers with every kind of column selector, remainder and transformer."""
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    selectors: dict[str, Any] = {
        "names": ["age", "income"],
        "indices": [0, 1],
        "negative index": [-1],
        "array of indices": np.array([0, 2]),
        "slice": slice(0, 2),
        "open slice": slice(1, None),
        "slice of names": slice("age", "tenure"),
        "mask": [True, False, True, False],
        "array mask": np.array([True, False, True, False]),
        "Index": data.frame.columns[:2],
        "tuple": ("age", "score"),
        "no columns": [],
        "by pattern": make_column_selector(pattern="^a"),
        "by dtype": make_column_selector(dtype_include=np.number),
        "by dtypes": make_column_selector(dtype_include=["float64", "int"], dtype_exclude=object),
    }
    for name, selector in selectors.items():
        for remainder in ("drop", "passthrough", MinMaxScaler()):
            estimator = ColumnTransformer([("a", StandardScaler(), selector)], remainder=remainder)
            yield f"ColumnTransformer {name} {remainder}", partial(fit, estimator, data.frame, data.classes)
    for scalar in ("note", 9):
        texts = ColumnTransformer([("text", CountVectorizer(), scalar), ("n", StandardScaler(), ["age"])])
        yield f"ColumnTransformer of text column {scalar}", partial(fit, texts, data.customers)
    array = ColumnTransformer([("a", "passthrough", [0]), ("b", "drop", [1]), ("c", StandardScaler(), slice(2, 4))])
    yield "ColumnTransformer on an array", partial(fit, array, data.X)
    settings: list[dict[str, Any]] = [
        {"verbose_feature_names_out": False},
        {"verbose_feature_names_out": "{feature_name}__{transformer_name}"},
        {"verbose_feature_names_out": "{transformer_name}-{feature_name}".format},
        {"sparse_threshold": 1.0, "remainder": "passthrough"},
        {"transformer_weights": {"a": 0.5, "b": np.float64(2)}},
        {"n_jobs": 1, "remainder": "passthrough"},
        {"force_int_remainder_cols": False, "remainder": "passthrough"},
    ]
    for setting in settings:
        text = f"ColumnTransformer {next(iter(setting))} {len(str(setting))}"
        yield text, lambda setting=setting: _fit_two_columns(setting, data)


def _fit_two_columns(setting: dict[str, Any], data: Data) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    steps = [("a", StandardScaler(), ["age"]), ("b", MinMaxScaler(), ["income", "score"])]
    return ColumnTransformer(steps, **setting).fit(data.frame)


def mixed_columns(data: Data) -> Iterator[Candidate]:
    """Encoders and imputers on a table with columns of several types."""
    from sklearn import compose, impute, pipeline, preprocessing

    frame = data.customers
    encoders = {
        "one-hot": lambda: preprocessing.OneHotEncoder(handle_unknown="ignore"),
        "one-hot dense": lambda: preprocessing.OneHotEncoder(sparse_output=False, drop="if_binary", min_frequency=2),
        "one-hot infrequent": lambda: preprocessing.OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=2
        ),
        "one-hot warn": lambda: preprocessing.OneHotEncoder(handle_unknown="warn", dtype=np.float32),
        "ordinal": lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        "ordinal NaN": lambda: preprocessing.OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2, max_categories=2
        ),
        "target": lambda: preprocessing.TargetEncoder(cv=2, random_state=0),
        "target without smoothing": lambda: preprocessing.TargetEncoder(smooth=10.0, cv=2, shuffle=False),
    }
    targets = {"classes": data.classes, "two classes": data.binary, "numbers": data.numbers}
    targets["strings"] = np.where(data.binary == 1, "yes", "no")
    texts = ["city", "plan", "size", "channel", "active", "visits"]
    for name, encoder in encoders.items():
        for column in texts:
            yield f"{name} of {column}", lambda e=encoder, c=column: e().fit(frame[[c]], data.binary)
        yield f"{name} of an object array", lambda e=encoder: e().fit(data.strings, data.binary)
        yield f"{name} of a string array", lambda e=encoder: e().fit(data.strings.astype(str), data.binary)
        yield f"{name} of integers", lambda e=encoder: e().fit(data.integers, data.binary)
        yield f"{name} with None", lambda e=encoder: e().fit(_replace_by_missing(data.strings), data.binary)
        yield f"{name} with NaN", lambda e=encoder: e().fit(_replace_by_missing(data.strings, np.nan), data.binary)
        for kind, target in targets.items():
            yield f"{name} for {kind}", lambda e=encoder, t=target: _build_column_pipeline(e(), data).fit(frame, t)
    for strategy in ("most_frequent", "constant", "mean", "median"):
        for column in ("income", "city", "visits", "channel", "plan"):
            estimator = impute.SimpleImputer(strategy=strategy, add_indicator=True, keep_empty_features=True)
            yield f"SimpleImputer {strategy} of {column}", partial(fit, estimator, frame[[column]].astype(object))
    steps = [("days", preprocessing.FunctionTransformer(), ["since"]), ("t", "passthrough", ["active"])]
    yield "ColumnTransformer of dates", lambda: compose.ColumnTransformer(steps).fit(frame)
    union = pipeline.make_union(impute.SimpleImputer(), impute.MissingIndicator())
    yield "union of imputer and indicator", partial(fit, union, data.holes)


def _replace_by_missing(strings: Any, missing: Any = None) -> Any:
    changed = strings.copy()
    changed[0, 0] = changed[3, 1] = missing
    return changed


def _build_column_pipeline(encoder: Any, data: Data) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import KNNImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    numbers = make_pipeline(KNNImputer(n_neighbors=2), StandardScaler())
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include=["int64", "float64"])), (encoder, ["city", "plan", "size"])
    )


def unions_and_pipelines(data: Data) -> Iterator[Candidate]:
    """Feature unions and pipelines with their options."""
    from sklearn import decomposition, linear_model, pipeline, preprocessing

    pca, scaler = decomposition.PCA(2), preprocessing.StandardScaler()
    yield "FeatureUnion", lambda: pipeline.FeatureUnion([("pca", pca), ("scale", scaler)]).fit(data.X)
    settings: dict[str, dict[str, Any]] = {
        "weights": {"transformer_weights": {"pca": 10, "scale": 0.5}},
        "verbose": {"verbose": True},
        "plain names": {"verbose_feature_names_out": False},
    }
    for name, setting in settings.items():
        steps: list[Any] = [("pca", pca), ("scale", scaler)]
        yield f"FeatureUnion {name}", lambda s=setting, t=steps: pipeline.FeatureUnion(t, **s).fit(data.frame)
    parts: list[Any] = [("a", "drop"), ("b", "passthrough"), ("c", scaler)]
    yield "FeatureUnion with drop and passthrough", lambda: pipeline.FeatureUnion(parts).fit(data.frame)
    model = linear_model.LogisticRegression(max_iter=20)
    for name, step in {"passthrough": "passthrough", "None": None, "PCA": pca}.items():
        steps = [("scale", step), ("model", model)]
        yield f"Pipeline {name}", lambda s=steps: pipeline.Pipeline(s, verbose=True).fit(data.X, data.classes)
    yield (
        "Pipeline of DataFrames",
        lambda: pipeline.make_pipeline(scaler, pca).set_output(transform="pandas").fit(data.frame),
    )
    yield (
        "Pipeline of a pipeline",
        lambda: pipeline.make_pipeline(pipeline.make_pipeline(scaler, pca), model).fit(data.frame, data.classes),
    )
    yield "Pipeline unfitted", lambda: pipeline.make_pipeline(scaler, pca, model)


def votes_and_stacks(data: Data) -> Iterator[Candidate]:
    """Voting and stacking with several kinds of members."""
    from sklearn import ensemble, linear_model, tree

    members = [
        (f"m{number}", estimator)
        for number, estimator in enumerate(inner_estimators(linear_model.LogisticRegression()))
    ]
    numeric = [(f"m{number}", estimator) for number, estimator in enumerate(inner_estimators(linear_model.Ridge()))]
    labels = np.array(["no", "yes"])[data.binary]
    voting, stacking = ensemble.VotingClassifier, ensemble.StackingClassifier
    soft = [member for member in members if hasattr(member[1], "predict_proba")]
    models: dict[str, Any] = {
        "VotingClassifier hard": voting(members),
        "VotingClassifier soft": voting(soft, voting="soft", weights=[1.0] * len(soft), flatten_transform=False),
        "VotingClassifier with drop": voting([*members[:2], ("m2", "drop")], weights=np.array([1, 2, 3])),
        "StackingClassifier": stacking(members, cv=2),
        "StackingClassifier passthrough": stacking(members[:3], cv=2, passthrough=True),
        "StackingClassifier of a tree": stacking(members[:2], tree.DecisionTreeClassifier(max_depth=2), cv=2),
        "StackingClassifier with drop": stacking([*members[:2], ("m2", "drop")], cv=2),
        "StackingClassifier of pipelines": stacking(members[-1:], members[-1][1], cv=2),
    }
    for method in ("predict_proba", "decision_function", "predict"):
        suitable = [member for member in members if hasattr(member[1], method)]
        models[f"StackingClassifier {method}"] = stacking(suitable, cv=2, stack_method=method)
    for name, model in models.items():
        for kind, target in {"": data.classes, " of strings": labels, " of two": data.binary}.items():
            yield f"{name}{kind}", partial(fit, model, data.frame, target)
    multilabel = voting([("a", tree.DecisionTreeClassifier()), ("b", ensemble.RandomForestClassifier(2))])
    yield "VotingClassifier multilabel", partial(fit, multilabel, data.X, data.multilabel)
    forests = [("a", tree.DecisionTreeClassifier()), ("b", ensemble.RandomForestClassifier(2))]
    chooser = stacking(forests, ensemble.RandomForestClassifier(2), cv=2)
    yield "StackingClassifier multilabel", partial(fit, chooser, data.X, data.multilabel)
    yield (
        "StackingClassifier prefit",
        lambda: _fit_members_first(stacking(members[:2], cv="prefit"), data.X, data.classes),
    )
    yield (
        "StackingRegressor prefit",
        lambda: _fit_members_first(ensemble.StackingRegressor(numeric[:2], cv="prefit"), data.X, data.numbers),
    )
    for setting in ({}, {"passthrough": True}, {"final_estimator": tree.DecisionTreeRegressor(max_depth=2)}):
        regressor = ensemble.StackingRegressor(numeric, cv=2, **setting)
        yield f"StackingRegressor {list(setting)}", partial(fit, regressor, data.frame, data.numbers)
    average = ensemble.VotingRegressor(numeric, weights=[1] * len(numeric))
    yield "VotingRegressor", partial(fit, average, data.X, data.numbers)


def _fit_members_first(model: Any, inputs: Any, target: Any) -> Any:
    for _, member in model.estimators:
        member.fit(inputs, target)
    return model.fit(inputs, target)


def meta_estimators(data: Data) -> Iterator[Candidate]:
    """Every meta-estimator, with several kinds of inner estimators."""
    from sklearn import (
        calibration,
        ensemble,
        feature_selection,
        linear_model,
        model_selection,
        multiclass,
        multioutput,
        semi_supervised,
    )

    unlabelled = np.where(np.arange(len(data.X)) % 4 == 0, -1, data.classes)
    outputs = np.stack([data.classes, data.binary], axis=1)
    outer: dict[str, tuple[Any, Any]] = {
        "OneVsRestClassifier": (multiclass.OneVsRestClassifier, data.classes),
        "OneVsRestClassifier multilabel": (multiclass.OneVsRestClassifier, data.multilabel),
        "OneVsOneClassifier": (multiclass.OneVsOneClassifier, data.classes),
        "OutputCodeClassifier": (partial(multiclass.OutputCodeClassifier, random_state=0), data.classes),
        "MultiOutputClassifier": (multioutput.MultiOutputClassifier, outputs),
        "ClassifierChain": (multioutput.ClassifierChain, data.multilabel),
        "ClassifierChain cv": (partial(multioutput.ClassifierChain, cv=2, order="random"), data.multilabel),
        "CalibratedClassifierCV": (partial(calibration.CalibratedClassifierCV, cv=2), data.classes),
        "CalibratedClassifierCV isotonic": (
            partial(calibration.CalibratedClassifierCV, cv=2, method="isotonic", ensemble=False),
            data.binary,
        ),
        "CalibratedClassifierCV temperature": (
            partial(calibration.CalibratedClassifierCV, cv=2, method="temperature"),
            data.classes,
        ),
        "SelfTrainingClassifier": (semi_supervised.SelfTrainingClassifier, unlabelled),
        "SelfTrainingClassifier k best": (
            partial(semi_supervised.SelfTrainingClassifier, criterion="k_best", k_best=3, max_iter=2),
            unlabelled,
        ),
        "BaggingClassifier": (partial(ensemble.BaggingClassifier, n_estimators=2), data.classes),
        "BaggingClassifier of features": (
            partial(
                ensemble.BaggingClassifier, n_estimators=2, max_features=0.5, bootstrap_features=True, oob_score=True
            ),
            data.classes,
        ),
        "AdaBoostClassifier": (partial(ensemble.AdaBoostClassifier, n_estimators=2), data.classes),
        "RFE": (partial(feature_selection.RFE, n_features_to_select=2), data.classes),
        "RFECV": (partial(feature_selection.RFECV, cv=2), data.classes),
        "SelectFromModel": (feature_selection.SelectFromModel, data.classes),
        "SequentialFeatureSelector": (
            partial(feature_selection.SequentialFeatureSelector, n_features_to_select=1, cv=2),
            data.binary,
        ),
    }
    for name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
        if hasattr(model_selection, name):
            few = {"thresholds": 4, "cv": 2} if "Tuned" in name else {"threshold": 0.3}
            outer[name] = (partial(getattr(model_selection, name), **few), data.binary)
    inner = inner_estimators(linear_model.LogisticRegression())
    inner += [ensemble.GradientBoostingClassifier(n_estimators=2), ensemble.HistGradientBoostingClassifier(max_iter=2)]
    for name, (make, target) in outer.items():
        for estimator in inner:
            text = f"{name} of {type(estimator).__name__}"
            yield text, lambda m=make, e=estimator, t=target: m(_copy(e)).fit(data.frame, t)
    yield from _meta_regressors(data)


def _copy(estimator: Any) -> Any:
    from sklearn.base import clone

    return clone(estimator)


def _meta_regressors(data: Data) -> Iterator[Candidate]:
    from sklearn import compose, ensemble, feature_selection, linear_model, multioutput

    inner = inner_estimators(linear_model.Ridge())
    inner += [ensemble.GradientBoostingRegressor(n_estimators=2), ensemble.HistGradientBoostingRegressor(max_iter=2)]
    outer: dict[str, tuple[Any, Any]] = {
        "MultiOutputRegressor": (multioutput.MultiOutputRegressor, data.two_numbers),
        "RegressorChain": (partial(multioutput.RegressorChain, order=[1, 0], cv=2), data.two_numbers),
        "BaggingRegressor": (partial(ensemble.BaggingRegressor, n_estimators=2), data.numbers),
        "AdaBoostRegressor": (partial(ensemble.AdaBoostRegressor, n_estimators=2), data.numbers),
        "RFE": (partial(feature_selection.RFE, n_features_to_select=2), data.numbers),
        "SelectFromModel": (partial(feature_selection.SelectFromModel, threshold="median"), data.numbers),
        "RANSACRegressor": (partial(linear_model.RANSACRegressor, min_samples=10, random_state=0), data.numbers),
        "TransformedTargetRegressor log": (
            partial(compose.TransformedTargetRegressor, func=np.log1p, inverse_func=np.expm1),
            data.numbers,
        ),
        "TransformedTargetRegressor sqrt": (
            partial(compose.TransformedTargetRegressor, func=np.sqrt, inverse_func=np.square, check_inverse=False),
            data.two_numbers + 3,
        ),
    }
    for name, (make, target) in outer.items():
        for estimator in inner:
            text = f"{name} of {type(estimator).__name__}"
            yield text, lambda m=make, e=estimator, t=target: m(_copy(e)).fit(data.frame, t)


def prefitted(data: Data) -> Iterator[Candidate]:
    """Meta-estimators around a fitted estimator, frozen or prefit."""
    from sklearn import calibration, ensemble, feature_selection, linear_model, model_selection, tree

    fitted = linear_model.LogisticRegression(max_iter=20).fit(data.X, data.binary)
    forest = ensemble.RandomForestClassifier(2, random_state=0).fit(data.X, data.binary)
    selector = partial(feature_selection.SelectFromModel, prefit=True, max_features=2, threshold=-np.inf)
    for model in (fitted, forest):
        name = type(model).__name__
        yield (
            f"prefit calibration of {name}",
            lambda model=model: calibration.CalibratedClassifierCV(model, cv="prefit").fit(data.X, data.binary),
        )
        yield (
            f"prefit selection of {name}",
            lambda model=model: selector(model).fit(data.X),
        )
        yield f"frozen {name}", lambda model=model: _freeze(model)
        yield (
            f"frozen calibration of {name}",
            lambda model=model: calibration.CalibratedClassifierCV(_freeze(model), method="isotonic").fit(
                data.X, data.binary
            ),
        )
        yield (
            f"frozen threshold of {name}",
            lambda model=model: model_selection.TunedThresholdClassifierCV(
                _freeze(model), cv="prefit", refit=False, thresholds=4
            ).fit(data.X, data.binary),
        )
        yield (
            f"fixed threshold of {name}",
            lambda model=model: model_selection.FixedThresholdClassifier(
                model, threshold=0.2, pos_label=1, response_method="predict_proba"
            ).fit(data.X, data.binary),
        )
        yield (
            f"prefit vote of {name}",
            lambda model=model: ensemble.VotingClassifier(
                [("f", _freeze(model)), ("t", tree.DecisionTreeClassifier())]
            ).fit(data.X, data.binary),
        )


def _freeze(estimator: Any) -> Any:
    from sklearn.frozen import FrozenEstimator

    return FrozenEstimator(estimator)


def routed_metadata(data: Data) -> Iterator[Candidate]:
    """Estimators with metadata requests, fitted with routing enabled."""
    import sklearn
    from sklearn import ensemble, linear_model, model_selection, pipeline, preprocessing

    def make(name: str) -> Any:
        with sklearn.config_context(enable_metadata_routing=True):
            model = linear_model.LogisticRegression(max_iter=20).set_fit_request(sample_weight=True)
            model = model.set_score_request(sample_weight=False)
            scale = preprocessing.StandardScaler().set_fit_request(sample_weight="weight")
            if name == "search":
                search = model_selection.GridSearchCV(model, {"C": [0.1, 1]}, cv=model_selection.GroupKFold(2))
                return search.fit(data.X, data.classes, sample_weight=data.weights, groups=data.groups)
            if name == "pipeline":
                steps = pipeline.make_pipeline(scale, model)
                return steps.fit(data.X, data.classes, sample_weight=data.weights, weight=data.weights)
            if name == "transformed input":
                selector = pipeline.Pipeline([("scale", scale), ("m", model)], transform_input=["X"])
                return selector.fit(data.X, data.classes, sample_weight=data.weights, weight=data.weights)
            if name == "vote":
                vote = ensemble.VotingClassifier([("m", model)])
                return vote.fit(data.X, data.classes, sample_weight=data.weights)
            if name == "ignored":
                return linear_model.Ridge().set_fit_request(sample_weight=None).fit(data.X, data.numbers)
            return model.fit(data.X, data.classes, sample_weight=data.weights)

    for name in ("one model", "search", "pipeline", "vote", "transformed input", "ignored"):
        yield f"routed metadata: {name}", partial(make, name)


def continued(data: Data) -> Iterator[Candidate]:
    """Models fitted twice with ``warm_start``, and models with early stopping."""
    from sklearn import ensemble, linear_model, neural_network

    several: list[Any] = [
        ensemble.RandomForestClassifier(2, warm_start=True),
        ensemble.GradientBoostingClassifier(n_estimators=2, warm_start=True),
        ensemble.ExtraTreesRegressor(2, warm_start=True),
        ensemble.BaggingClassifier(n_estimators=2, warm_start=True),
        ensemble.IsolationForest(n_estimators=2, warm_start=True),
    ]
    for model in several:
        yield (
            f"{type(model).__name__} continued",
            lambda m=model: m.fit(data.X, data.classes).set_params(n_estimators=4).fit(data.X, data.classes),
        )
    again: list[Any] = [
        linear_model.SGDClassifier(warm_start=True, max_iter=3),
        linear_model.LogisticRegression(warm_start=True, max_iter=5),
        neural_network.MLPClassifier((3,), warm_start=True, max_iter=2),
        linear_model.Lasso(warm_start=True),
    ]
    for model in again:
        yield (
            f"{type(model).__name__} fitted twice",
            lambda m=model: m.fit(data.X, data.binary).fit(data.X, data.binary),
        )
    early: list[Any] = [
        linear_model.SGDClassifier(early_stopping=True, validation_fraction=0.3, n_iter_no_change=2, max_iter=20),
        neural_network.MLPClassifier((3,), early_stopping=True, n_iter_no_change=2, max_iter=20, batch_size=8),
        neural_network.MLPRegressor(
            hidden_layer_sizes=(3,), early_stopping=True, solver="sgd", learning_rate="adaptive", max_iter=9
        ),
        ensemble.GradientBoostingClassifier(n_estimators=9, n_iter_no_change=2, subsample=0.8, max_features="sqrt"),
        ensemble.HistGradientBoostingClassifier(max_iter=9, early_stopping=True, scoring="accuracy"),
        ensemble.HistGradientBoostingRegressor(max_iter=9, early_stopping=True, validation_fraction=None),
        ensemble.HistGradientBoostingRegressor(max_iter=9, early_stopping=True, scoring="neg_mean_absolute_error"),
        ensemble.HistGradientBoostingRegressor(max_iter=9, early_stopping=True, scoring=None),
    ]
    for model in early:
        yield f"{type(model).__name__} with early stopping", partial(fit, model, data.X, data.binary)
    averaged = linear_model.SGDRegressor(average=10, max_iter=5)
    yield "SGDRegressor averaged", partial(fit, averaged, data.X, data.numbers)


def column_categories(data: Data) -> Iterator[Candidate]:
    """Histogram gradient boosting with categories from dtypes and by name."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame = data.customers[["age", "income", "plan", "size", "active"]]
    choices: tuple[Any, ...] = ("from_dtype", ["plan", "size"], [False, False, True, True, False], [2, 3], None)
    for selector in choices:
        for kind, target in (
            (HistGradientBoostingClassifier, data.classes),
            (HistGradientBoostingRegressor, data.numbers),
        ):
            model = kind(max_iter=2, min_samples_leaf=5, categorical_features=selector)
            yield f"{kind.__name__} categories {selector}", partial(fit, model, frame, target)
    constrained = HistGradientBoostingRegressor(max_iter=2, monotonic_cst={"age": 1}, interaction_cst=[{0}, {1}])
    yield (
        "HistGradientBoostingRegressor constrained by name",
        partial(fit, constrained, frame[["age", "income"]], data.numbers),
    )
    coded = data.frame.assign(plan=data.classes, age=data.integers[:, 0])
    for selector in ([0], ["plan", "age"], np.array([4]), [True, False, False, False, True]):
        model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5, categorical_features=selector)
        yield f"HistGradientBoostingClassifier codes {selector}", partial(fit, model, coded, data.binary)
    names = dict.fromkeys(COLUMNS, 1)
    by_name = HistGradientBoostingClassifier(max_iter=2, monotonic_cst=names)
    yield "HistGradientBoostingClassifier constrained by name", partial(fit, by_name, data.frame, data.binary)
