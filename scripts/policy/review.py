"""What a person has decided about the policy, beside what genuine models show."""

from __future__ import annotations

import re
from typing import Any

CATEGORIES: dict[str, str] = {
    # base class -> category of the classes that are derived from it
    "sklearn.base.BaseEstimator": "estimator",
    "sklearn.gaussian_process.kernels.Kernel": "kernel",
    "sklearn.metrics._scorer._BaseScorer": "scorer",
    "sklearn.model_selection._split.BaseCrossValidator": "splitter",
    "sklearn.model_selection._split.BaseShuffleSplit": "splitter",
    "sklearn.model_selection._split._RepeatedSplits": "splitter",
    "sklearn.model_selection._split._UnsupportedGroupCVMixin": "splitter",
    "sklearn._loss.loss.BaseLoss": "loss",
    "sklearn.neural_network._stochastic_optimizers.BaseOptimizer": "optimizer",
    "catboost.core._CatBoostBase": "estimator",
    "xgboost.sklearn.XGBModel": "estimator",
    "lightgbm.sklearn.LGBMModel": "estimator",
}
CATEGORY_OF_NAMES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), category)
    for pattern, category in (
        (r"sklearn\.model_selection\._split\._CVIterableWrapper", "splitter"),
        (r"(sklearn\._loss\.)?_loss\.\w+", "loss"),
        (r"sklearn\.ensemble\._gb_losses\.\w+", "loss"),
        (r"sklearn\.linear_model\._sgd_fast\.\w+", "loss"),
        (r"sklearn\._loss\.link\.\w+", "link"),
        (r"sklearn\.metrics\._dist_metrics\.\w+", "metric"),
        (r"sklearn\.neighbors\._(kd|ball)_tree\.\w+", "neighbors"),
        (
            r"numpy\.random\..*(RandomState|Generator|generator_ctor|bit_generator_ctor|SeedSequence|BitGenerator)",
            "random",
        ),
        (r"numpy\.random\._\w+\.(MT19937|PCG64|PCG64DXSM|Philox|SFC64)", "random"),
        (r"scipy\.sparse\..*", "sparse"),
        (r"pandas\.core\.frame\.DataFrame|pandas\.core\.series\.Series|pandas\.(DataFrame|Series)", "frame"),
        (r"pandas(\.core\.indexes\.\w+)?\.\w*Index", "index"),
        (
            r"pandas\.(core\.arrays\.[\w.]+|arrays|core\.arrays)\.\w*Array|pandas(\.core\.arrays\.categorical)?\.Categorical",
            "extension",
        ),
        (r"pandas\..*\.?\w*Dtype", "extension_dtype"),
        (r"pandas\._libs\.tslibs\.offsets\.\w+|pandas\.tseries\.\w+|pandas\.DateOffset", "offset"),
        (
            r"pandas\._libs\.tslibs\..*|pandas\.(Timestamp|Timedelta|Period|Interval|NaT)|pandas\._libs\.interval\.Interval",
            "value",
        ),
        (r"pandas\.NA|pandas\._libs\.missing\.\w+", "value"),
        (r"datetime\.\w+|decimal\.Decimal|uuid\.\w+|zoneinfo\.\w+(\._unpickle)?|pytz\.\w+|dateutil\.tz\..*", "value"),
        (r"builtins\.(slice|complex|range|bytes|bytearray|set|frozenset)", "value"),
        (r"collections\.(OrderedDict|Counter|deque)", "value"),
        (r"numpy\.(matrix|rec\.recarray|recarray)", "value"),
        (r"scipy\.stats\._(continuous|discrete)_distns\.\w+", "distribution"),
        (r"scipy\.stats\._distn_infrastructure\.rv_\w*frozen", "frozen_distribution"),
        (r"pyarrow\.lib\.\w+", "arrow"),
    )
]
"""Categories by the name of a class, for libraries whose classes say nothing by their bases."""

SIMPLE = (
    *("estimator", "value", "frame", "index", "sparse", "random", "splitter", "kernel", "offset"),
    *("numpy.dtype", "extension_dtype"),
)
"""Categories that a trusted class may hold."""

METHOD_NAMES = frozenset(
    {"stack_method", "stack_method_", "response_method", "_response_method", "chain_method", "chain_method_"}
)
"""Attributes whose texts are called as methods, also within lists."""
NEVER: dict[str, tuple[str, ...]] = {"memory": ()}
"""Attributes that hold nothing but None: a folder that is written to and unpickled from."""
LIGHTGBM = (
    *("alpha", "app", "application", "auc_mu_weights", "bagging", "bagging_by_query", "bagging_fraction"),
    *(
        "bagging_fraction_seed",
        "bagging_freq",
        "bagging_seed",
        "bin_construct_sample_cnt",
        "boost",
        "boost_from_average",
    ),
    *("boosting", "bundle", "cat_feature", "cat_l2", "cat_smooth", "categorical_column", "categorical_feature"),
    *("categorical_features", "cegb_penalty_feature_coupled", "cegb_penalty_feature_lazy", "cegb_penalty_split"),
    *("cegb_tradeoff", "colsample_bynode", "data_random_seed", "data_sample_strategy", "data_seed", "deterministic"),
    *("device", "device_type", "drop_rate", "drop_seed", "early_stopping", "early_stopping_min_delta"),
    *(
        "early_stopping_round",
        "early_stopping_rounds",
        "enable_bundle",
        "enable_sparse",
        "eta",
        "eval_at",
        "eval_metric",
    ),
    *("extra_seed", "extra_tree", "extra_trees", "fair_c", "feature_contri", "feature_contrib", "feature_fraction"),
    *("feature_fraction_bynode", "feature_fraction_seed", "feature_penalty", "feature_pre_filter", "first_metric_only"),
    *("force_col_wise", "force_row_wise", "gpu_device_id", "gpu_device_id_list", "gpu_platform_id", "gpu_use_dp"),
    *("hist_pool_size", "histogram_pool_size", "ignore_feature", "interaction_constraints", "is_enable_bundle"),
    *("is_enable_sparse", "is_sparse", "is_training_metric", "is_unbalance", "label_gain", "lambda", "lambda_l1"),
    *("lambda_l2", "lambdarank_norm", "lambdarank_position_bias_regularization", "lambdarank_truncation_level"),
    *("linear_lambda", "linear_tree", "linear_trees", "loss", "max_bin", "max_bin_by_feature", "max_bins"),
    *("max_cat_threshold", "max_cat_to_onehot", "max_delta_step", "max_drop", "max_iter", "max_leaf", "max_leaf_nodes"),
    *("max_leaf_output", "max_leaves", "max_tree_output", "mc", "mc_method", "mc_penalty", "metric", "metric_freq"),
    *("metric_types", "metrics", "min_data", "min_data_in_bin", "min_data_in_leaf", "min_data_per_group"),
    *("min_data_per_leaf", "min_gain_to_split", "min_hessian", "min_samples_leaf", "min_sum_hessian"),
    *("min_sum_hessian_in_leaf", "min_sum_hessian_per_leaf", "monotone_constraining_method", "monotone_constraint"),
    *("monotone_constraints", "monotone_constraints_method", "monotone_penalty", "monotone_splits_penalty"),
    *("monotonic_cst", "ms_penalty", "multi_error_top_k", "n_iter", "n_iter_no_change", "ndcg_at", "ndcg_eval_at"),
    *("neg_bagging", "neg_bagging_fraction", "neg_sub_row", "neg_subsample", "nrounds", "nthread", "nthreads"),
    *("num_boost_round", "num_class", "num_classes", "num_gpu", "num_grad_quant_bins", "num_iteration"),
    *("num_iterations", "num_leaf", "num_round", "num_rounds", "num_thread", "num_threads", "num_tree", "num_trees"),
    *("objective_seed", "objective_type", "other_rate", "output_freq", "path_smooth", "poisson_max_delta_step"),
    *("pos_bagging", "pos_bagging_fraction", "pos_sub_row", "pos_subsample", "pred_early_stop", "pred_early_stop_freq"),
    *("pred_early_stop_margin", "quant_train_renew_leaf", "random_seed", "rate_drop", "refit_decay_rate", "reg_sqrt"),
    *("saved_feature_importance_type", "scale_pos_weight", "seed", "shrinkage_rate", "sigmoid", "skip_drop", "sparse"),
    *("stochastic_rounding", "sub_feature", "sub_feature_bynode", "sub_row", "top_k", "top_rate", "topk"),
    *("train_metric", "training_metric", "tree", "tree_learner", "tree_learner_type", "tree_type"),
    *("tweedie_variance_power", "unbalance", "unbalanced_sets", "uniform_drop", "use_missing", "use_quantized_grad"),
    *("verbose", "verbosity", "workers", "xgboost_dart_mode", "zero_as_missing"),
)
"""Parameters of LightGBM and their aliases (``lightgbm.basic._ConfigAliases``) that name no file and no machine."""
CATBOOST = (
    *("allow_const_label", "allow_writing_files", "approx_on_full_history", "auto_class_weights"),
    *("bagging_temperature", "best_model_min_trees", "boost_from_average", "boosting_type", "bootstrap_type"),
    *("border_count", "cat_features", "class_names", "class_weights", "classes_count", "colsample_bylevel"),
    *("combinations_ctr", "counter_calc_method", "ctr_description", "ctr_history_unit", "ctr_leaf_count_limit"),
    *("ctr_target_border_count", "custom_loss", "custom_metric", "data_partition", "depth", "devices"),
    *("diffusion_temperature", "early_stopping_rounds", "embedding_features", "eta", "eval_fraction", "eval_metric"),
    *("feature_border_type", "feature_calcers", "feature_weights", "final_ctr_computation_mode"),
    *("first_feature_use_penalties", "fold_len_multiplier", "fold_permutation_block", "gpu_cat_features_storage"),
    *("gpu_ram_part", "grow_policy", "has_time", "ignored_features", "iterations", "l2_leaf_reg", "langevin"),
    *("leaf_estimation_backtracking", "leaf_estimation_iterations", "leaf_estimation_method", "learning_rate"),
    *("logging_level", "loss_function", "max_bin", "max_ctr_complexity", "max_depth", "max_leaves", "metric_period"),
    *("min_child_samples", "min_data_in_leaf", "model_shrink_mode", "model_shrink_rate", "model_size_reg"),
    *("monotone_constraints", "mvs_reg", "n_estimators", "name", "nan_mode", "num_boost_round", "num_leaves"),
    *("num_trees", "objective", "od_pval", "od_type", "od_wait", "one_hot_max_size", "penalties_coefficient"),
    *("per_feature_ctr", "per_float_feature_quantization", "per_object_feature_penalties", "pinned_memory_size"),
    *("posterior_sampling", "random_score_type", "random_seed", "random_state", "random_strength", "reg_lambda", "rsm"),
    *("sampling_frequency", "sampling_unit", "save_snapshot", "scale_pos_weight", "score_function", "silent"),
    *("simple_ctr", "snapshot_interval", "sparse_features_conflict_fraction", "store_all_simple_ctr", "subsample"),
    *("target_border", "task_type", "text_features", "text_processing", "thread_count", "use_best_model"),
    *("used_ram_limit", "verbose"),
)
"""Parameters of CatBoost's classes (their signatures) that name no file, and hold no function."""
_TEXT = ["text", "labels", "numbers"]
_PARAMETER = [*_TEXT, {"items": _TEXT}, {"keys": _TEXT, "values": ["text"]}]

_DATES = [{"items": ["value", {"items": ["value"]}]}]
_COLUMNS = ["labels", "frame", "index", {"items": ["labels", "frame", "index", {"items": ["labels", "frame"]}]}]
EVERYWHERE: dict[str, list[Any]] = {
    "categories": [{"items": ["index", "frame", "extension", "labels", {"items": ["value"]}]}],
    "categories_": _DATES,
    "classes_": _DATES,
    "class_weight": [{"keys": ["text", "labels"], "values": []}, {"items": [{"keys": ["labels"], "values": []}]}],
    "connectivity": ["function", "functools.partial"],
    "eval_metric": ["function", {"items": ["function"]}],
    "kernel": ["kernel"],
    "missing_values": ["value", "@pandas.NA"],
    "_columns": _COLUMNS,
    "thresholds": ["numbers"],
    "_thresholds": ["numbers"],
    "transformers": [{"items": [{"items": _COLUMNS}]}],
    "transformers_": [{"items": [{"items": _COLUMNS}]}],
    "vocabulary": ["index", "frame", "value"],
}
"""What an attribute of this name may hold besides, in any estimator or scorer that has it."""
OF_CATEGORIES: dict[str, dict[str, list[Any]]] = {
    **{
        category: {"_metadata_request": ["sklearn.utils._metadata_requests.MetadataRequest"]}
        for category in ("estimator", "scorer")
    },
    "splitter": {
        "_metadata_request": ["sklearn.utils._metadata_requests.MetadataRequest"],
        "random_state": ["random"],
    },
    "sparse": {"_has_canonical_format": [], "_has_sorted_indices": []},
}
"""Attributes that every class of a category may have."""
METHODS = ["auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"]
FREE_TEXT = frozenset(
    {
        *(
            "_sklearn_version",
            "token_pattern",
            "fill_value",
            "missing_values",
            "pos_label",
            "constant",
            "name",
            "_name",
        ),
        *(
            "separator",
            "_constant",
            "default",
            "__doc__",
            "longname",
            "pattern",
            "column",
            "dtype_include",
            "dtype_exclude",
        ),
        *(
            "owner",
            "metric_name",
            "data_name",
            "_latest",
            "_symbol",
            "symbol",
            "_variable",
            "_train_data_name",
            "eval_metric",
            "importance_getter",
            "aggfunc",
        ),
    }
)
"""Attributes with any text, which is shown, compared or searched for, and never called or opened."""

ANY_TEXT_OF = ("catboost.", "lightgbm.", "xgboost.")
"""Libraries whose parameters are texts of their own, which go to their compiled code."""

ERRORS = ("ValueError", "KeyError", "TypeError", "RuntimeError")
PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
"""Classes of paths, which models are saved together with, and which no attribute of a model may hold."""
METHODS_OF_DATA = (
    *("abs", "astype", "capitalize", "casefold", "copy", "fillna", "lower", "lstrip", "ravel", "reshape", "round"),
    *("rstrip", "split", "splitlines", "strip", "swapcase", "title", "to_numpy", "toarray", "todense", "upper"),
)
"""Methods of texts, arrays and tables that only compute."""

_CELL = [
    *("text", "labels", "numbers", "value", "estimator", "kernel", "splitter", "random", "frame", "function"),
    {"keys": ["text", "labels", "numbers"], "values": ["text", "labels", "numbers"]},
]
CALLS: dict[str, list[list[Any]]] = {
    "builtins.getattr": [["distribution"], ["'_entropy'"]],
    "torch._utils._rebuild_tensor_v2": [["storage"], [], ["numbers"], ["numbers"], [], ["value"], ["value"]],
    "torch._utils._rebuild_parameter": [["torch.Tensor"], [], ["value"]],
    "torch.Size": [["numbers"]],
    "functools.partial": [["function"]],
    "_codecs.encode": [["text"], ["'latin1'"]],
    "operator.attrgetter": [[f"'{name}'" for name in ("T", "array", "coef_", "feature_importances_", "values")]],
    "operator.methodcaller": [[f"'{name}'" for name in METHODS_OF_DATA], *[["text", "numbers"]] * 3],
    "operator.itemgetter": [["text", "numbers", {"items": ["text", "numbers"]}]] * 6,
    "decimal.Decimal": [["text"]],
    **{f"{module}.{name}": [["text"]] * 12 for module in ("pathlib", "pathlib._local") for name in PATHS},
    **{
        f"builtins.{name}": [["text", "labels", "numbers"]] * 3
        for name in ("ValueError", "KeyError", "TypeError", "RuntimeError")
    },
    "uuid.UUID": [["text", "bytes"]],
    "builtins.slice": [["text", "value"], ["text", "value"], ["text", "value"]],
    "builtins.bytes": [["bytes", "no numbers"]],
    "builtins.bytearray": [["bytes", "text", "builtins.bytes", "no numbers"], ["'latin-1'"]],
    "builtins.complex": [[], []],
    "builtins.set": [["numbers", "labels"]],
    "builtins.frozenset": [["numbers", "labels"]],
    "builtins.range": [[], [], []],
    "datetime.datetime": [["bytes", "builtins.bytes"], ["value"]],
    "datetime.date": [["bytes", "builtins.bytes"]],
    "datetime.time": [["bytes", "builtins.bytes"], ["value"]],
    "datetime.timezone": [["value"], ["text"]],
    "zoneinfo.ZoneInfo._unpickle": [["text"], []],
    "pandas.PeriodDtype": [["text"]],
    "pandas._libs.internals._unpickle_block": [
        [
            *("extension", "numbers", "labels"),
            {"items": [*_CELL, {"items": _CELL}, {"keys": ["text"], "values": [*_CELL, {"items": _CELL}]}]},
        ],
        ["value", "numbers"],
        [],
    ],
    **{
        f"pandas.{name}": [["numbers", "value"], ["numbers", "value"], ["'left'", "'right'", "'both'", "'neither'"]]
        for name in ("Interval", "_libs.interval.Interval")
    },
    "collections.defaultdict": [
        [
            *("type", "@builtins.dict", "@builtins.list", "@builtins.set", "@builtins.tuple"),
            *("@collections.OrderedDict", "@sklearn.preprocessing._label.LabelEncoder"),
            *("@sklearn.preprocessing._data.StandardScaler", "@sklearn.preprocessing._data.MinMaxScaler"),
            "@sklearn.preprocessing._encoders.OrdinalEncoder",
        ]
    ],
}
"""Arguments by position where what was seen is one example of many."""

_HELD = [
    "collections.defaultdict",
    "estimator",
    "value",
    "frame",
    "index",
    "sparse",
    "random",
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
]
_ONE_TRIED = [
    *("text", "labels", "numbers", "value", "estimator", "function", "functools.partial", "kernel", "splitter"),
    *("random", "type", {"keys": ["text", "labels"], "values": ["text", "labels", "numbers"]}),
]
_TRIED = ["labels", "numbers", "value", "frozen_distribution", {"items": _ONE_TRIED}]
_FOUND = [
    {"keys": ["text"], "values": [*_ONE_TRIED, {"items": [*_ONE_TRIED, {"keys": ["text"], "values": _ONE_TRIED}]}]}
]
_PARAMETERS = [{"keys": ["text"], "values": _TRIED}]
_IN_MAPPINGS = [
    *("text", "labels", "numbers", "bytes", *_HELD),
    {"items": _HELD},
    {"keys": ["text", "labels"], "values": ["text", "labels", *_HELD]},
]
_MAPPING = [{"keys": ["text", "labels", "value"], "values": _IN_MAPPINGS}]
_SELECTED = ["text", "type", "extension_dtype", "@builtins.object", "@pandas.CategoricalDtype", "@numpy.object_"]
PAIRWISE = ("additive_chi2", "chi2", "cosine", "laplacian", "linear", "poly", "polynomial", "rbf", "sigmoid")
_INDEXES = ["@pandas.Index", "@pandas.core.indexes.base.Index"]
CLASSES: dict[str, dict[str, Any]] = {
    **{
        f"pandas.{module}{name}Dtype": {
            "attributes": {"_cache": [{"keys": ["text"], "values": ["numpy.dtype", "text", *_INDEXES]}]}
        }
        for modules, names in (
            (("", "core.arrays.integer."), ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")),
            (("", "core.arrays.floating."), ("Float32", "Float64")),
            (("", "core.arrays.boolean."), ("Boolean",)),
        )
        for module in modules
        for name in names
    },
    "collections.OrderedDict": {"entries": _MAPPING, "attributes": {"_metadata": ["value"]}},
    "collections.defaultdict": {"entries": _MAPPING},
    "collections.Counter": {"entries": [{"keys": ["text", "labels"], "values": []}]},
    "collections.deque": {"items": [{"items": ["text", "labels", "numbers", *_HELD]}]},
    **{
        f"sklearn.model_selection.{name}": {
            "attributes": {
                parameters: [*_PARAMETERS, {"items": _PARAMETERS}],
                "best_params_": _FOUND,
                "cv_results_": _FOUND,
            }
        }
        for name, parameters in (
            ("_search.RandomizedSearchCV", "param_distributions"),
            ("_search_successive_halving.HalvingRandomSearchCV", "param_distributions"),
            ("_search.GridSearchCV", "param_grid"),
            ("_search_successive_halving.HalvingGridSearchCV", "param_grid"),
        )
    },
    **{
        f"lightgbm.sklearn.LGBM{name}": {"attributes": dict.fromkeys(LIGHTGBM, _PARAMETER)}
        for name in ("Classifier", "Ranker", "Regressor")
    },
    **{
        f"catboost.core.CatBoost{name}": {"attributes": dict.fromkeys(CATBOOST, _PARAMETER)}
        for name in ("", "Classifier", "Ranker", "Regressor")
    },
    **{
        f"xgboost.sklearn.XGB{name}": {"attributes": {"kwargs": [{"keys": ["text"], "values": _PARAMETER}]}}
        for name in ("Classifier", "Ranker", "Regressor", "RFClassifier", "RFRegressor")
    },
    "sklearn.cluster._birch.Birch": {"attributes": {"n_clusters": ["estimator"]}},
    "sklearn.compose._column_transformer.make_column_selector": {
        "attributes": {name: [*_SELECTED, {"items": _SELECTED}] for name in ("dtype_include", "dtype_exclude")}
    },
    "sklearn.gaussian_process.kernels.PairwiseKernel": {
        "attributes": {
            "metric": [f"'{name}'" for name in PAIRWISE],
            "pairwise_kernels_kwargs": [{"keys": ["text"], "values": ["text", "numbers"]}],
        }
    },
    "sklearn.model_selection._search.ParameterSampler": {
        "attributes": {"param_distributions": [{"items": _PARAMETERS}]}
    },
    **{
        f"sklearn.metrics._scorer.{name}": {
            "attributes": {"_kwargs": [{"keys": ["text"], "values": ["text", "labels", "numbers"]}]}
        }
        for name in ("_Scorer", "_PredictScorer", "_ProbaScorer", "_ThresholdScorer")
    },
    **{
        f"sklearn.feature_extraction.text.{name}": {"category": "estimator", "only": {"input": ["'content'"]}}
        for name in ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")
    },
    "torch.Tensor": {"category": "value"},
    "torch.nn.parameter.Parameter": {"category": "value"},
}
"""Parts of classes that hold what they are given: containers, and PyTorch's weights."""

STATES: dict[str, list[list[Any]]] = {
    "functools.partial": [
        ["function"],
        ["numbers", "labels", "type", {"items": ["numbers", "labels", "type"]}],
        [
            {
                "keys": ["text"],
                "values": ["numbers", "labels", "type", "function", {"items": ["numbers", "labels", "type"]}],
            }
        ],
        [],
    ],
}
