"""Kernels of Gaussian processes: every kind, and sums, products and powers of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from genuine.attempts import Candidate, fit
from genuine.datasets import Data


def all_kernels() -> dict[str, Any]:
    """Every kind of kernel with several parameters, and compositions of them, by name."""
    from sklearn.gaussian_process import kernels as k

    simple = {
        "constant": k.ConstantKernel(2.0, (1e-2, 1e2)),
        "white": k.WhiteKernel(0.1),
        "fixed white": k.WhiteKernel(np.float64(0.1), noise_level_bounds="fixed"),
        "RBF": k.RBF(),
        "fixed RBF": k.RBF(0.5, length_scale_bounds="fixed"),
        "RBF of four scales": k.RBF([1.0, 0.5, 2.0, 1.0], [(1e-2, 1e2)] * 4),
        "RBF of an array": k.RBF(np.ones(4), (0.1, 10)),
        "Matern 0.5": k.Matern(nu=0.5),
        "Matern 2.5": k.Matern(length_scale=np.ones(4), nu=2.5),
        "Matern inf": k.Matern(nu=np.inf),
        "rational quadratic": k.RationalQuadratic(alpha=0.5),
        "periodic": k.ExpSineSquared(1.0, 3.0, periodicity_bounds=(1e-2, 1e1)),
        "dot product": k.DotProduct(sigma_0=0.5),
        "pairwise rbf": k.PairwiseKernel(metric="rbf"),
        "pairwise laplacian": k.PairwiseKernel(gamma=0.5, metric="laplacian", pairwise_kernels_kwargs={}),
        "pairwise cosine": k.PairwiseKernel(metric="cosine"),
    }
    return simple | {
        "scaled RBF with noise": k.ConstantKernel(1.0) * k.RBF() + k.WhiteKernel(),
        "number times RBF": 1.0 * k.RBF(1.0) + 0.1,
        "power": k.Exponentiation(k.RationalQuadratic(), 2) + k.DotProduct() ** 2,
        "trend and season": 50.0**2 * k.RBF(50.0) + 2.0**2 * k.RBF(100.0) * k.ExpSineSquared(1.0, 1.0),
        "compound": k.CompoundKernel([k.RBF(), k.Matern()]),
    }


def gaussian_processes(data: Data) -> Iterator[Candidate]:
    """Gaussian processes with each kernel."""
    from sklearn import gaussian_process as gp

    inputs, numbers, classes, binary = (values[:24] for values in (data.X, data.numbers, data.classes, data.binary))
    for name, kernel in all_kernels().items():
        regressor = gp.GaussianProcessRegressor(kernel, alpha=0.01, n_restarts_optimizer=1, random_state=0)
        yield f"kernel {name}", lambda kernel=kernel: kernel
        yield f"GaussianProcessRegressor {name}", partial(fit, regressor, inputs, numbers)
        fixed = gp.GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True, copy_X_train=False)
        yield (
            f"GaussianProcessRegressor {name} without optimizer",
            partial(fit, fixed, inputs, numbers),
        )
        classifier = gp.GaussianProcessClassifier(kernel, max_iter_predict=5)
        yield (
            f"GaussianProcessClassifier {name}",
            partial(fit, classifier, inputs, classes),
        )
        two_classes = gp.GaussianProcessClassifier(kernel, optimizer=None)
        yield (
            f"GaussianProcessClassifier {name} of two classes",
            partial(fit, two_classes, inputs, binary),
        )
    two = gp.GaussianProcessClassifier(multi_class="one_vs_one")
    yield "GaussianProcessClassifier one against one", partial(fit, two, inputs, classes)
