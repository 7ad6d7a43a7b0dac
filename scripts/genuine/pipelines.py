"""Complete pipelines, as in tutorials and competition notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from genuine.attempts import Candidate
from genuine.datasets import Data

NUMERIC = ["age", "income"]
CATEGORICAL = ["city", "plan", "size"]


def pipelines(data: Data) -> Iterator[Candidate]:
    """Every pipeline, fitted on the table of customers, on texts or on numbers."""
    for make in (*_TABULAR, *_OTHER):
        yield f"pipeline: {(make.__doc__ or make.__name__).split('.')[0]}", lambda m=make: m(data)


def _preprocessor(**options: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = Pipeline([("imputer", SimpleImputer(strategy="median")), ("scaler", StandardScaler())])
    categorical = Pipeline(
        [
            ("imputer", SimpleImputer(strategy="constant", fill_value="missing")),
            ("onehot", OneHotEncoder(handle_unknown="ignore")),
        ]
    )
    return ColumnTransformer([("num", numeric, NUMERIC), ("cat", categorical, CATEGORICAL)], **options)


def _titanic(data: Data) -> Any:
    """Titanic with logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    steps = [("preprocessor", _preprocessor()), ("classifier", LogisticRegression(max_iter=1000))]
    return Pipeline(steps).fit(data.customers, data.binary)


def _titanic_search(data: Data) -> Any:
    """Titanic with a grid search over the imputer and the forest."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import Pipeline

    steps = Pipeline([("preprocessor", _preprocessor()), ("clf", RandomForestClassifier(3, random_state=42))])
    grid = {"preprocessor__num__imputer__strategy": ["mean", "median"], "clf__max_depth": [3, None]}
    cv = StratifiedKFold(2, shuffle=True, random_state=42)
    return GridSearchCV(steps, grid, cv=cv, scoring="roc_auc").fit(data.customers, np.where(data.binary, "yes", "no"))


def _house_prices(data: Data) -> Any:
    """House prices with a logarithmic target."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline

    model = TransformedTargetRegressor(RidgeCV(alphas=np.logspace(-3, 3, 5)), func=np.log1p, inverse_func=np.expm1)
    return make_pipeline(_preprocessor(remainder="drop"), model).fit(data.customers, data.numbers)


def _house_stack(data: Data) -> Any:
    """House prices with stacked regressors."""
    from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, StackingRegressor
    from sklearn.linear_model import ElasticNet, Lasso
    from sklearn.pipeline import make_pipeline

    members = [
        ("lasso", make_pipeline(_preprocessor(), Lasso(alpha=0.0005))),
        ("enet", make_pipeline(_preprocessor(), ElasticNet(alpha=0.0005, l1_ratio=0.9, random_state=3))),
        (
            "gb",
            make_pipeline(_preprocessor(sparse_threshold=0), GradientBoostingRegressor(loss="huber", n_estimators=3)),
        ),
        ("hist", make_pipeline(_preprocessor(sparse_threshold=0), HistGradientBoostingRegressor(max_iter=2))),
    ]
    return StackingRegressor(members, cv=2).fit(data.customers, data.numbers)


def _churn_selection(data: Data) -> Any:
    """Churn with selected features and a calibrated support vector machine."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_selection import SelectKBest, mutual_info_classif
    from sklearn.pipeline import Pipeline
    from sklearn.svm import LinearSVC

    steps: list[Any] = [("pre", _preprocessor()), ("select", SelectKBest(mutual_info_classif, k=5))]
    steps.append(("svm", CalibratedClassifierCV(LinearSVC(class_weight="balanced"), cv=2)))
    return Pipeline(steps).fit(data.customers, data.binary)


def _dates(data: Data) -> Any:
    """Dates as numbers beside one-hot columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    as_numbers = make_pipeline(FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": "int64"}))
    columns = make_column_transformer((as_numbers, ["since"]), (OneHotEncoder(sparse_output=False), ["city"]))
    return make_pipeline(columns, ExtraTreesClassifier(3, random_state=1)).fit(data.customers, data.classes)


def _text_and_numbers(data: Data) -> Any:
    """A text column and numeric columns together."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    columns = ColumnTransformer(
        [("text", TfidfVectorizer(ngram_range=(1, 2), min_df=2), "note"), ("number", MaxAbsScaler(), ["age"])]
    )
    model = SGDClassifier(loss="log_loss", penalty="elasticnet", max_iter=20, random_state=0)
    return make_pipeline(columns, model).fit(data.customers, data.binary)


def _ordinal_boosting(data: Data) -> Any:
    """Ordinal codes into histogram gradient boosting."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer(
        (encoder, make_column_selector(dtype_include="category")), remainder="drop", verbose_feature_names_out=False
    )
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0, 1], random_state=42)
    return make_pipeline(columns, model).fit(data.customers, data.binary)


def _target_encoded(data: Data) -> Any:
    """Target-encoded cities into ridge regression."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler, TargetEncoder

    columns = make_column_transformer((TargetEncoder(random_state=0), ["city"]), (StandardScaler(), ["age"]))
    return make_pipeline(columns, Ridge()).set_output(transform="pandas").fit(data.customers, data.numbers)


def _imputed(data: Data) -> Any:
    """Iterative imputation before a forest."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from sklearn.linear_model import BayesianRidge
    from sklearn.pipeline import make_pipeline

    imputer = IterativeImputer(BayesianRidge(), max_iter=2, random_state=0, add_indicator=True)
    return make_pipeline(imputer, RandomForestRegressor(3, random_state=0)).fit(data.holes, data.numbers)


def _threshold(data: Data) -> Any:
    """A tuned threshold over a pipeline."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import make_scorer, recall_score
    from sklearn.model_selection import TunedThresholdClassifierCV
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(_preprocessor(), LogisticRegression())
    scoring = make_scorer(recall_score, pos_label=0)
    return TunedThresholdClassifierCV(model, scoring=scoring, cv=2, thresholds=5).fit(data.customers, data.binary)


def _anomalies(data: Data) -> Any:
    """Anomalies by an isolation forest after scaling."""
    from sklearn.ensemble import IsolationForest
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    return make_pipeline(RobustScaler(), IsolationForest(n_estimators=3, contamination=0.05, random_state=42)).fit(
        data.frame
    )


def _customers_in_clusters(data: Data) -> Any:
    """Customer segments by k-means after a principal component analysis."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline

    steps = [
        ("pre", _preprocessor(sparse_threshold=0)),
        ("pca", PCA(0.95)),
        ("kmeans", KMeans(3, n_init=2, random_state=42)),
    ]
    return Pipeline(steps).fit(data.customers)


_TABULAR: tuple[Callable[[Data], Any], ...] = (
    _titanic,
    _titanic_search,
    _house_prices,
    _house_stack,
    _churn_selection,
    _dates,
    _text_and_numbers,
    _ordinal_boosting,
    _target_encoded,
    _imputed,
    _threshold,
    _anomalies,
    _customers_in_clusters,
)


def _newsgroups(data: Data) -> Any:
    """Topics of texts with naive Bayes."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import Pipeline

    steps = [("vect", CountVectorizer(stop_words="english")), ("tfidf", TfidfTransformer()), ("clf", MultinomialNB())]
    return Pipeline(steps).fit(data.texts, data.classes)


def _newsgroups_search(data: Data) -> Any:
    """Topics of texts with a random search over lists."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import RandomizedSearchCV
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import Pipeline

    steps = Pipeline([("vect", TfidfVectorizer()), ("clf", ComplementNB())])
    grid = {
        "vect__max_df": (0.2, 0.6, 1.0),
        "vect__ngram_range": ((1, 1), (1, 2)),
        "vect__norm": ("l1", "l2"),
        "clf__alpha": np.logspace(-6, 6, 5),
    }
    return RandomizedSearchCV(steps, grid, n_iter=3, random_state=0, cv=2, verbose=1).fit(data.texts, data.classes)


def _latent_semantics(data: Data) -> Any:
    """Latent semantic analysis of hashed texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    vectors = make_pipeline(HashingVectorizer(n_features=64), TfidfTransformer())
    svd = TruncatedSVD(3, random_state=0)
    return make_pipeline(vectors, svd, Normalizer(copy=False), LogisticRegression()).fit(data.texts, data.binary)


def _spam(data: Data) -> Any:
    """Spam by words and characters in a union."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.svm import LinearSVC

    words, characters = TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3))
    union = FeatureUnion([("word", words), ("char", characters)], transformer_weights={"word": 1.0, "char": 0.5})
    return make_pipeline(union, LinearSVC()).fit(data.texts, np.where(data.binary, "spam", "ham"))


def _records(data: Data) -> Any:
    """Records as dicts into a tree."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeClassifier

    return make_pipeline(DictVectorizer(sparse=False), DecisionTreeClassifier(max_depth=3)).fit(
        data.records, data.classes
    )


def _digits(data: Data) -> Any:
    """Digits by restricted Boltzmann machines and logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import BernoulliRBM
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler

    steps = [
        ("scale", MinMaxScaler()),
        ("rbm", BernoulliRBM(3, n_iter=2, random_state=0)),
        ("logistic", LogisticRegression()),
    ]
    return Pipeline(steps).fit(data.X, data.classes)


def _faces(data: Data) -> Any:
    """Faces by components and a support vector machine."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    steps = make_pipeline(
        PCA(3, whiten=True, random_state=42), SVC(kernel="rbf", class_weight="balanced", probability=True)
    )
    return GridSearchCV(steps, {"svc__C": [1, 5], "svc__gamma": [0.0001, 0.01]}, cv=2).fit(data.X, data.classes)


def _digits_network(data: Data) -> Any:
    """Digits by a neural network."""
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((8, 4), activation="tanh", early_stopping=True, max_iter=20, random_state=1)
    return make_pipeline(StandardScaler(), network).fit(data.X, data.classes)


def _polynomials(data: Data) -> Any:
    """Polynomial and spline features."""
    from sklearn.linear_model import LassoCV
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

    union = make_union(PolynomialFeatures(2, include_bias=False), SplineTransformer(n_knots=4))
    return make_pipeline(union, StandardScaler(), LassoCV(cv=2, random_state=0, max_iter=50)).fit(data.X, data.numbers)


def _cyclic_features(data: Data) -> Any:
    """Bike sharing with periodic splines and kernel approximation."""
    from sklearn.compose import ColumnTransformer
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, SplineTransformer

    hours = SplineTransformer(degree=3, n_knots=5, knots=np.linspace(0, 2, 5).reshape(5, 1), extrapolation="periodic")
    columns = ColumnTransformer([("hour", hours, ["age"])], remainder=MinMaxScaler())
    nystroem = Nystroem(kernel="poly", degree=2, n_components=9, random_state=0)
    return make_pipeline(columns, nystroem, RidgeCV(alphas=np.logspace(-6, 6, 5))).fit(data.frame, data.numbers)


def _neighbours(data: Data) -> Any:
    """Neighbours after neighbourhood components analysis."""
    from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
    from sklearn.pipeline import Pipeline

    nca = NeighborhoodComponentsAnalysis(random_state=42, max_iter=3)
    return Pipeline([("nca", nca), ("knn", KNeighborsClassifier(n_neighbors=3, weights="distance"))]).fit(
        data.X, data.classes
    )


def _gaussian(data: Data) -> Any:
    """Carbon dioxide with a Gaussian process."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ExpSineSquared, RationalQuadratic, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kernel = 50.0**2 * RBF(length_scale=50.0) + 2.0**2 * RBF(100.0) * ExpSineSquared(
        1.0, 1.0, periodicity_bounds="fixed"
    )
    kernel += 0.5**2 * RationalQuadratic() + 0.1**2 * RBF(0.1) + WhiteKernel(0.1**2, (1e-5, 1e5))
    model = GaussianProcessRegressor(kernel, alpha=0.1, normalize_y=False, optimizer=None)
    return make_pipeline(StandardScaler(), model).fit(data.X[:20, :1], data.numbers[:20])


def _toxic_comments(data: Data) -> Any:
    """Several labels of comments, one classifier each."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    model = OneVsRestClassifier(LogisticRegression(solver="liblinear"))
    return make_pipeline(TfidfVectorizer(sublinear_tf=True, max_features=50), model).fit(data.texts, data.multilabel)


def _genres(data: Data) -> Any:
    """Labels of films with their binarizer."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.multioutput import ClassifierChain
    from sklearn.preprocessing import MultiLabelBinarizer

    names = [[name for name, chosen in zip("abc", row, strict=True) if chosen] for row in data.multilabel]
    binarizer = MultiLabelBinarizer()
    chain = ClassifierChain(RandomForestClassifier(2, random_state=0), order="random", random_state=0)
    return {"binarizer": binarizer, "model": chain.fit(data.X, binarizer.fit_transform(names))}


_OTHER: tuple[Callable[[Data], Any], ...] = (
    _newsgroups,
    _newsgroups_search,
    _latent_semantics,
    _spam,
    _records,
    _digits,
    _faces,
    _digits_network,
    _polynomials,
    _cyclic_features,
    _neighbours,
    _gaussian,
    _toxic_comments,
    _genres,
)
