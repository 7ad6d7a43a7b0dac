"""Objects saved beside models: results of statistical tests and linear algebra, data sets, times."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from genuine.attempts import Candidate
from genuine.datasets import Data


def statistics(data: Data) -> Iterator[Candidate]:
    """Results of tests and descriptive statistics, which are named tuples."""
    first, second = data.X[:, 0], data.X[:, 1]
    counts = [[10, 20, 30], [6, 9, 17]]
    makers: dict[str, Any] = {
        "linregress": lambda: stats.linregress(first, second),
        "theilslopes": lambda: stats.theilslopes(first, second),
        "pearsonr": lambda: stats.pearsonr(first, second),
        "spearmanr": lambda: stats.spearmanr(first, second),
        "kendalltau": lambda: stats.kendalltau(first, second),
        "ttest_ind": lambda: stats.ttest_ind(first, second),
        "ttest_rel": lambda: stats.ttest_rel(first, second),
        "ttest_1samp": lambda: stats.ttest_1samp(first, 0.5),
        "ks_2samp": lambda: stats.ks_2samp(first, second),
        "kstest": lambda: stats.kstest(first, "norm"),
        "mannwhitneyu": lambda: stats.mannwhitneyu(first, second),
        "wilcoxon": lambda: stats.wilcoxon(first, second),
        "kruskal": lambda: stats.kruskal(first, second),
        "friedmanchisquare": lambda: stats.friedmanchisquare(first, second, data.X[:, 2]),
        "chi2_contingency": lambda: stats.chi2_contingency(counts),
        "chisquare": lambda: stats.chisquare([16, 18, 16, 14, 12, 12]),
        "fisher_exact": lambda: stats.fisher_exact([[8, 2], [1, 5]]),
        "f_oneway": lambda: stats.f_oneway(first, second),
        "shapiro": lambda: stats.shapiro(first),
        "normaltest": lambda: stats.normaltest(first),
        "skewtest": lambda: stats.skewtest(first),
        "kurtosistest": lambda: stats.kurtosistest(first),
        "jarque_bera": lambda: stats.jarque_bera(first),
        "levene": lambda: stats.levene(first, second),
        "bartlett": lambda: stats.bartlett(first, second),
        "mode": lambda: stats.mode(data.classes),
        "describe": lambda: stats.describe(first),
        "binned_statistic": lambda: stats.binned_statistic(first, second, bins=3),
        "bootstrap": lambda: stats.bootstrap((first,), np.mean, n_resamples=9).confidence_interval,
        "cumfreq": lambda: stats.cumfreq(first, 4),
        "relfreq": lambda: stats.relfreq(first, 4),
        "tukey_hsd": lambda: stats.tukey_hsd(first, second).pvalue,
        "zscore": lambda: stats.zscore(first),
        "probplot": lambda: stats.probplot(first),
        "sigmaclip": lambda: stats.sigmaclip(first),
    }
    for name, make in makers.items():
        yield f"result of {name}", lambda make=make: {"result": make()}


def linear_algebra(data: Data) -> Iterator[Candidate]:
    """Results of NumPy's decompositions and of ``unique``."""
    square = data.square[:4, :4]
    makers: dict[str, Any] = {
        "eig": lambda: np.linalg.eig(square),
        "eigh": lambda: np.linalg.eigh(square),
        "qr": lambda: np.linalg.qr(square),
        "svd": lambda: np.linalg.svd(square),
        "slogdet": lambda: np.linalg.slogdet(square),
        "lstsq": lambda: np.linalg.lstsq(square, np.ones(4), rcond=None),
        "unique_all": lambda: np.unique_all(data.classes),
        "unique_counts": lambda: np.unique_counts(data.classes),
        "unique_inverse": lambda: np.unique_inverse(data.classes),
    }
    for name, make in makers.items():
        yield f"result of {name}", lambda make=make: {"result": make()}


def states(data: Data) -> Iterator[Candidate]:
    """Data sets and tags of scikit-learn, times, and a random generator of Python."""
    from sklearn import datasets, inspection, linear_model, svm

    for name in ("iris", "wine", "diabetes", "linnerud", "breast_cancer"):
        load = getattr(datasets, f"load_{name}")
        yield f"data set {name}", lambda load=load: {"data": load()}
        yield f"data set {name} as a table", lambda load=load: {"data": load(as_frame=True)}
    yield "time", lambda: {"at": time.gmtime(0), "local": time.localtime(0)}
    yield "random.Random", lambda: {"random": random.Random(data.seed)}
    model = linear_model.Ridge().fit(data.X, data.numbers)
    yield "OptimizeResult of L-BFGS-B", lambda: {"result": _minimize()}
    yield "partial dependence", lambda: inspection.partial_dependence(model, data.X, [0])
    yield "permutation importance", lambda: inspection.permutation_importance(model, data.X, data.numbers, n_repeats=2)
    yield "tags", lambda: {"tags": _get_tags(svm.SVC()), "of a regressor": _get_tags(model)}


def _minimize() -> Any:
    from scipy.optimize import minimize

    return minimize(lambda x: float(x @ x), [1.0, 2.0], method="L-BFGS-B")


def _get_tags(model: Any) -> Any:
    from sklearn.utils import get_tags

    return get_tags(model)
