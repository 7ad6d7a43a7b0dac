"""Models of XGBoost, LightGBM and CatBoost: scikit-learn wrappers with varied parameters, and boosters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from genuine.attempts import Candidate
from genuine.datasets import Data


def _select_columns(data: Data) -> pd.DataFrame:
    return data.customers[["age", "income", "plan", "size"]]


def _fitted(model: Any, inputs: Any, target: Any, **arguments: Any) -> Any:
    return model.fit(inputs, target, **arguments)


def xgboost_models(data: Data) -> Iterator[Candidate]:
    """XGBoost's wrappers."""
    import xgboost as xgb

    fast = {"n_estimators": 3, "n_jobs": 1, "verbosity": 0}
    settings: dict[str, list[Any]] = {
        "booster": ["gbtree", "gblinear", "dart"],
        "tree_method": ["hist", "approx", "exact", "auto"],
        "max_depth": [None, 2, np.int64(3)],
        "max_leaves": [4],
        "grow_policy": ["lossguide", "depthwise"],
        "learning_rate": [0.1, np.float64(0.3)],
        "gamma": [0.5],
        "subsample": [0.5],
        "sampling_method": ["uniform"],
        "colsample_bytree": [0.5],
        "reg_alpha": [0.1],
        "reg_lambda": [2],
        "min_child_weight": [2.0],
        "base_score": [0.5],
        "missing": [np.nan, -1.0, None],
        "num_parallel_tree": [2],
        "random_state": [0, np.random.RandomState(data.seed)],
        "monotone_constraints": [(1, 0, 0, -1), "(1,0,0,0)", {"age": 1}],
        "interaction_constraints": ["[[0, 1]]", [["age", "income"]]],
        "importance_type": ["gain", "weight", "cover"],
        "device": ["cpu"],
        "validate_parameters": [True],
        "eval_metric": ["logloss", "rmse", ["rmse", "mae"], "mlogloss"],
        "callbacks": [[xgb.callback.EvaluationMonitor()], []],
        "max_bin": [16],
        "feature_types": [["q", "q", "q", "q"]],
        "enable_categorical": [True],
        "use_label_encoder": [False],
        "scale_pos_weight": [2.0],
        "multi_strategy": ["one_output_per_tree"],
        "objective": [
            "binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob", "multi:softmax", "reg:squarederror",
            "reg:absoluteerror", "reg:pseudohubererror", "reg:gamma", "reg:tweedie", "count:poisson", "survival:cox",
            "reg:squaredlogerror", "reg:quantileerror",
        ],
    }  # fmt: skip
    wrappers = [(xgb.XGBClassifier, data.classes), (xgb.XGBClassifier, data.binary), (xgb.XGBRegressor, data.numbers)]
    wrappers += [(xgb.XGBRFClassifier, data.classes), (xgb.XGBRFRegressor, data.numbers)]
    for number, (kind, target) in enumerate(wrappers):
        name = f"{kind.__name__} {number}"
        yield name, lambda k=kind, t=target: k(**fast).fit(data.frame, t)
        yield f"{name} unfitted", kind
        for parameter, values in settings.items():
            for value in values:
                setting = fast | {parameter: value}
                text = f"{name} {parameter}={str(value)[:30]}"
                yield text, lambda k=kind, t=target, s=setting: k(**s).fit(data.frame, t)
    yield from _xgboost_data(xgb, fast, data)


def _xgboost_data(xgb: Any, fast: dict[str, Any], data: Data) -> Iterator[Candidate]:
    evaluation_sets = [(data.X[:10], data.binary[:10])]
    classifier, regressor = partial(xgb.XGBClassifier, **fast), partial(xgb.XGBRegressor, **fast)
    yield (
        "XGBClassifier with eval_set",
        lambda: classifier().fit(data.X, data.binary, eval_set=evaluation_sets, verbose=False),
    )
    yield (
        "XGBClassifier stopped early",
        lambda: classifier(early_stopping_rounds=1, eval_metric="auc").fit(
            data.X, data.binary, eval_set=evaluation_sets, verbose=False
        ),
    )
    yield (
        "XGBClassifier EarlyStopping",
        lambda: classifier(callbacks=[xgb.callback.EarlyStopping(2, save_best=True)], eval_metric="error").fit(
            data.X, data.binary, eval_set=evaluation_sets, verbose=False
        ),
    )
    yield (
        "XGBClassifier LearningRateScheduler",
        lambda: classifier(callbacks=[xgb.callback.LearningRateScheduler([0.3, 0.2, 0.1])]).fit(data.X, data.binary),
    )
    yield "XGBClassifier weighted", lambda: classifier().fit(data.X, data.binary, sample_weight=data.weights)
    yield (
        "XGBClassifier with categories",
        lambda: classifier(enable_categorical=True, tree_method="hist").fit(_select_columns(data), data.binary),
    )
    yield "XGBClassifier multilabel", lambda: classifier().fit(data.X, data.multilabel)
    yield "XGBRegressor of two targets", lambda: regressor().fit(data.X, data.two_numbers)
    yield (
        "XGBRegressor multi-output trees",
        lambda: regressor(multi_strategy="multi_output_tree", tree_method="hist").fit(data.X, data.two_numbers),
    )
    yield (
        "XGBRegressor of quantiles",
        lambda: regressor(objective="reg:quantileerror", quantile_alpha=np.array([0.1, 0.9])).fit(data.X, data.numbers),
    )
    for kind, inputs in data.input_kinds().items():
        yield f"XGBRegressor on {kind}", lambda i=inputs: regressor().fit(i, data.numbers)
    for objective in ("rank:pairwise", "rank:ndcg", "rank:map"):
        yield (
            f"XGBRanker {objective}",
            lambda o=objective: xgb.XGBRanker(objective=o, **fast).fit(data.X, data.binary, qid=np.sort(data.groups)),
        )
    table = xgb.DMatrix(data.frame, data.numbers)
    for booster in ("gbtree", "gblinear", "dart"):
        setting = {"booster": booster, "verbosity": 0, "nthread": 1}
        yield f"xgboost.Booster {booster}", lambda s=setting: xgb.train(s, table, 3)
    yield (
        "xgboost.Booster with history",
        lambda: xgb.train(
            {"verbosity": 0}, table, 5, evals=[(table, "train")], early_stopping_rounds=2, verbose_eval=False
        ),
    )
    yield "dict of Booster", lambda: {"model": xgb.train({"verbosity": 0}, table, 2), "features": list(data.frame)}


def lightgbm_models(data: Data) -> Iterator[Candidate]:
    """LightGBM's wrappers and boosters."""
    import lightgbm as lgb

    fast = {"n_estimators": 3, "n_jobs": 1, "verbose": -1, "min_child_samples": 3}
    settings: dict[str, list[Any]] = {
        "boosting_type": ["gbdt", "dart", "rf", "goss"],
        "num_leaves": [4, np.int64(5)],
        "max_depth": [-1, 2],
        "learning_rate": [0.2, np.float64(0.1)],
        "subsample_for_bin": [20],
        "class_weight": ["balanced", {0: 1.0, 1: 2.0, 2: 1.0}],
        "min_split_gain": [0.1],
        "subsample": [0.5],
        "colsample_bytree": [0.5],
        "reg_alpha": [0.1],
        "reg_lambda": [0.1],
        "random_state": [0, np.random.RandomState(data.seed)],
        "importance_type": ["gain", "split"],
        "n_jobs": [None, -1],
        "metric": ["auc", ["l1", "l2"], "None"],
        "monotone_constraints": [[1, 0, 0, -1]],
        "extra_trees": [True],
        "linear_tree": [True],
        "objective": [
            "binary", "multiclass", "multiclassova", "cross_entropy", "regression", "regression_l1", "huber", "fair",
            "poisson", "quantile", "mape", "gamma", "tweedie",
        ],
    }  # fmt: skip
    wrappers = [
        (lgb.LGBMClassifier, data.classes),
        (lgb.LGBMClassifier, data.binary),
        (lgb.LGBMRegressor, data.numbers),
    ]
    for number, (kind, target) in enumerate(wrappers):
        name = f"{kind.__name__} {number}"
        yield name, lambda k=kind, t=target: k(**fast).fit(data.frame, t)
        yield f"{name} unfitted", kind
        for parameter, values in settings.items():
            for value in values:
                setting = fast | {"subsample_freq": 1, "subsample": 0.8} | {parameter: value}
                text = f"{name} {parameter}={str(value)[:30]}"
                yield text, lambda k=kind, t=target, s=setting: k(**s).fit(data.frame, t)
    yield from _lightgbm_data(lgb, fast, data)


def _lightgbm_data(lgb: Any, fast: dict[str, Any], data: Data) -> Iterator[Candidate]:
    names = np.where(data.binary == 1, "yes", "no")
    evaluation_sets = [(data.X[:10], data.binary[:10])]
    classifier, regressor = partial(lgb.LGBMClassifier, **fast), partial(lgb.LGBMRegressor, **fast)
    yield "LGBMClassifier of strings", lambda: classifier().fit(data.frame, names)
    yield (
        "LGBMClassifier with eval_set",
        lambda: classifier().fit(
            data.X, data.binary, eval_set=evaluation_sets, eval_names=["valid"], eval_metric=["auc", "binary_logloss"]
        ),
    )
    yield (
        "LGBMClassifier stopped early",
        lambda: classifier().fit(
            data.X,
            data.binary,
            eval_set=evaluation_sets,
            callbacks=[lgb.early_stopping(2, verbose=False), lgb.log_evaluation(0)],
        ),
    )
    yield "LGBMClassifier with categories", lambda: classifier().fit(_select_columns(data), data.binary)
    yield (
        "LGBMClassifier with named categories",
        lambda: classifier().fit(_select_columns(data), data.binary, categorical_feature=["plan"], feature_name="auto"),
    )
    yield "LGBMClassifier weighted", lambda: classifier().fit(data.X, data.binary, sample_weight=data.weights)
    yield "LGBMRegressor started", lambda: regressor().fit(data.X, data.numbers, init_score=data.numbers * 0.5)
    for kind, inputs in data.input_kinds().items():
        yield f"LGBMRegressor on {kind}", lambda i=inputs: regressor().fit(i, data.numbers)
    for objective in ("lambdarank", "rank_xendcg"):
        yield (
            f"LGBMRanker {objective}",
            lambda o=objective: lgb.LGBMRanker(objective=o, **fast).fit(data.X, data.binary, group=[24, 24]),
        )
    quiet = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 3}
    for boosting in ("gbdt", "dart", "rf"):
        setting = quiet | {"boosting": boosting, "bagging_freq": 1, "bagging_fraction": 0.5}
        yield (
            f"lightgbm.Booster {boosting}",
            lambda s=setting: lgb.train(s, lgb.Dataset(data.frame, data.numbers, free_raw_data=False), 3),
        )
    yield (
        "lightgbm.Booster with categories",
        lambda: lgb.train(quiet | {"objective": "binary"}, lgb.Dataset(_select_columns(data), data.binary), 3),
    )
    yield (
        "lightgbm.Booster stopped early",
        lambda: lgb.train(
            quiet,
            lgb.Dataset(data.X, data.numbers),
            9,
            valid_sets=[lgb.Dataset(data.X, data.numbers)],
            callbacks=[lgb.early_stopping(2, verbose=False)],
        ),
    )
    yield (
        "lightgbm.CVBooster",
        lambda: lgb.cv(quiet, lgb.Dataset(data.X, data.numbers), 2, nfold=2, stratified=False, return_cvbooster=True),
    )


def catboost_models(data: Data) -> Iterator[Candidate]:
    """CatBoost's models."""
    import catboost as cb

    fast = {"iterations": 3, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    settings: dict[str, list[Any]] = {
        "depth": [2, np.int64(3)],
        "learning_rate": [0.1, np.float64(0.3)],
        "l2_leaf_reg": [1.0],
        "random_seed": [7],
        "grow_policy": ["SymmetricTree", "Depthwise", "Lossguide"],
        "boosting_type": ["Ordered", "Plain"],
        "bootstrap_type": ["Bayesian", "Bernoulli", "MVS", "No"],
        "auto_class_weights": ["Balanced"],
        "class_weights": [[1.0, 2.0], {0: 1.0, 1: 2.0}],
        "eval_metric": ["AUC", "RMSE", "Accuracy"],
        "custom_metric": [["F1"], ["MAE", "R2"]],
        "od_type": ["Iter"],
        "monotone_constraints": [[1, 0, 0, -1], {"age": 1}],
        "feature_weights": [[1.0, 2.0, 1.0, 1.0]],
        "loss_function": [
            "Logloss",
            "CrossEntropy",
            "MultiClass",
            "MultiClassOneVsAll",
            "RMSE",
            "MAE",
            "Quantile:alpha=0.9",
        ],
        "logging_level": ["Silent"],
        "nan_mode": ["Min"],
        "border_count": [16],
        "leaf_estimation_method": ["Newton", "Gradient"],
    }
    wrappers = [(cb.CatBoostClassifier, data.classes), (cb.CatBoostClassifier, data.binary)]
    wrappers += [(cb.CatBoostRegressor, data.numbers), (cb.CatBoost, data.numbers)]
    for number, (kind, target) in enumerate(wrappers):
        name = f"{kind.__name__} {number}"
        make = kind if kind is not cb.CatBoost else _build_catboost
        yield name, lambda m=make, t=target: m(**fast).fit(data.frame, t)
        yield f"{name} unfitted", lambda m=make: m(**fast)
        for parameter, values in settings.items():
            for value in values:
                setting = fast | {parameter: value}
                if parameter == "logging_level":
                    setting.pop("verbose")
                text = f"{name} {parameter}={str(value)[:30]}"
                yield text, lambda m=make, t=target, s=setting: m(**s).fit(data.frame, t)
    evaluation_sets = (data.X[:10], data.binary[:10])
    yield (
        "CatBoostClassifier stopped early",
        lambda: cb.CatBoostClassifier(early_stopping_rounds=1, **fast).fit(
            data.X, data.binary, eval_set=evaluation_sets, use_best_model=True
        ),
    )
    categories = _select_columns(data).astype({"plan": str, "size": str})
    yield (
        "CatBoostClassifier with categories",
        lambda: cb.CatBoostClassifier(cat_features=["plan", "size"], **fast).fit(
            categories, np.where(data.binary == 1, "yes", "no")
        ),
    )
    yield (
        "CatBoostClassifier with texts",
        lambda: cb.CatBoostClassifier(text_features=["note"], **fast).fit(data.customers[["age", "note"]], data.binary),
    )
    yield "CatBoostRanker", lambda: cb.CatBoostRanker(**fast).fit(data.X, data.binary, group_id=np.sort(data.groups))


def _build_catboost(**settings: Any) -> Any:
    from catboost import CatBoost

    return CatBoost(settings)


def boosters_inside(data: Data) -> Iterator[Candidate]:
    """Boosting models inside meta-estimators of scikit-learn."""
    from sklearn import calibration, ensemble, linear_model, model_selection, multioutput, pipeline, preprocessing

    for make in (_xgb, _lgbm, _cat):
        name = make.__name__.strip("_")
        scale = preprocessing.StandardScaler()
        yield (
            f"Pipeline with {name}",
            lambda m=make, s=scale: pipeline.make_pipeline(s, m()).fit(data.frame, data.binary),
        )
        yield (
            f"GridSearchCV with {name}",
            lambda m=make: model_selection.GridSearchCV(m(), {"max_depth": [2, 3]}, cv=2).fit(data.frame, data.binary),
        )
        yield (
            f"RandomizedSearchCV with {name}",
            lambda m=make: model_selection.RandomizedSearchCV(
                m(), {"learning_rate": np.array([0.1, 0.2, 0.3])}, n_iter=2, cv=2, random_state=0
            ).fit(data.X, data.binary),
        )
        yield (
            f"CalibratedClassifierCV with {name}",
            lambda m=make: calibration.CalibratedClassifierCV(m(), cv=2).fit(data.X, data.binary),
        )
        yield (
            f"StackingClassifier with {name}",
            lambda m=make: ensemble.StackingClassifier(
                [("b", m()), ("l", linear_model.LogisticRegression())], cv=2
            ).fit(data.X, data.binary),
        )
        yield (
            f"VotingClassifier with {name}",
            lambda m=make: ensemble.VotingClassifier(
                [("b", m()), ("l", linear_model.LogisticRegression())], voting="soft"
            ).fit(data.X, data.binary),
        )
        yield (
            f"MultiOutputClassifier with {name}",
            lambda m=make: multioutput.MultiOutputClassifier(m()).fit(data.X, data.multilabel),
        )


def _xgb() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=2, n_jobs=1, verbosity=0)


def _lgbm() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1)


def _cat() -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(iterations=2, thread_count=1, verbose=False, allow_writing_files=False)
