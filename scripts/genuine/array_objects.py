"""Arrays, sparse matrices, random states and fitted objects of NumPy and SciPy, which are saved beside models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import interpolate, optimize, signal, sparse, spatial, special, stats

from genuine.attempts import Candidate
from genuine.datasets import Data

# fmt: off
CODES = (
    "?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "g", "F", "D", "S5", "U7", "V3", "M8[ns]", "M8[D]",
    "M8[us]", "m8[s]", "m8[ns]", ">i4", ">f8", "<f4", ">U3",
)
# fmt: on


def arrays(data: Data) -> Iterator[Candidate]:
    """Arrays and scalars of every type and layout."""
    for code in CODES:
        yield f"array of {code}", lambda c=code: np.arange(3).astype(c) if c[0] not in "SUV>mM" else np.zeros(3, c)
        yield f"scalar of {code}", lambda c=code: np.zeros(1, c)[0]
        yield f"dtype of {code}", lambda c=code: np.dtype(c)
        yield f"type of {code}", lambda c=code: np.dtype(c).type
    texts = ["Berlin", "Lagos", ""]
    makers: dict[str, Any] = {
        "strings": lambda: np.array(texts),
        "bytes": lambda: np.array([b"a", b"bc"]),
        "object strings": lambda: np.array(texts, dtype=object),
        "object strings and None": lambda: np.array(["a", None], dtype=object),
        "object strings and NaN": lambda: np.array(["a", np.nan], dtype=object),
        "object numbers": lambda: np.array([1, 2.5, True, None], dtype=object),
        "object arrays": lambda: _build_ragged_array([np.arange(2), np.arange(3)]),
        "object lists": lambda: _build_ragged_array([["a"], ["b", "c"]]),
        "object table": lambda: data.strings,
        "StringDType": lambda: np.array(texts, dtype=np.dtypes.StringDType()),
        "StringDType with NaN": lambda: np.array(["a", np.nan], dtype=np.dtypes.StringDType(na_object=np.nan)),
        "structured": lambda: np.array([(1, 2.0, "a")], dtype=[("n", "i4"), ("x", "f8"), ("t", "U5")]),
        "structured with subarrays": lambda: np.zeros(2, [("p", "f4", (2, 2)), ("q", [("r", "u1")])]),
        "structured aligned": lambda: np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        "structured with titles": lambda: np.zeros(1, np.dtype({"names": ["a"], "formats": ["i4"], "titles": ["A"]})),
        "structured of objects": lambda: np.array([("a", 1)], dtype=[("s", "O"), ("n", "i4")]),
        "recarray": lambda: np.rec.array([(1, 2.0)], names="a,b"),
        "matrix": lambda: np.matrix(data.X[:2]),
        "masked": lambda: np.ma.masked_array(data.X, data.X > 0.5),
        "masked constant": lambda: np.ma.masked,
        "dates": lambda: np.array(["2026-01-01", "NaT"], dtype="M8[D]"),
        "column-major": lambda: np.asfortranarray(data.X),
        "not contiguous": lambda: data.X[::2, ::2],
        "read-only": lambda: _make_read_only(data.X.copy()),
        "broadcast": lambda: np.broadcast_to(np.arange(3), (2, 3)),
        "without elements": lambda: np.empty((0, 4)),
        "without dimensions": lambda: np.array(1.5),
        "of five dimensions": lambda: np.zeros((1, 2, 1, 2, 1)),
        "infinite": lambda: np.array([np.inf, -np.inf, np.nan, -0.0]),
        "memmap copy": lambda: np.array(np.zeros(3)),
        "empty strings": lambda: np.array([], dtype="U1"),
    }
    for name, make in makers.items():
        yield f"array {name}", make
    twice = np.arange(5.0)
    yield "arrays that are one array twice", lambda: {"a": twice, "b": twice, "view": twice[1:3]}


def _build_ragged_array(parts: list[Any]) -> Any:
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array


def _make_read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def random_states(data: Data) -> Iterator[Candidate]:
    """Random generators, fresh and used, and polynomials."""
    for name in ("PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"):
        yield f"Generator of {name}", lambda n=name: np.random.Generator(getattr(np.random, n)(data.seed))
        yield f"RandomState of {name}", lambda n=name: np.random.RandomState(getattr(np.random, n)(data.seed))
        yield f"bit generator {name}", lambda n=name: getattr(np.random, n)(data.seed)
    yield "SeedSequence", lambda: np.random.SeedSequence(data.seed, spawn_key=(1,))
    yield "default_rng", lambda: _use(np.random.default_rng(data.seed))
    yield "RandomState used", lambda: _use(np.random.RandomState(data.seed))
    yield "random state tuple", lambda: np.random.RandomState(1).get_state()
    for name in ("Polynomial", "Chebyshev", "Hermite", "HermiteE", "Legendre", "Laguerre"):
        yield f"numpy.polynomial.{name}", lambda n=name: getattr(np.polynomial, n)([1.0, 2.0, 0.5], domain=[0, 2])
    yield "poly1d", lambda: np.poly1d([1.0, -2.0])
    yield "ufuncs of NumPy", lambda: [f for f in vars(np).values() if isinstance(f, np.ufunc)]
    yield "ufuncs of SciPy", lambda: [f for f in vars(special).values() if isinstance(f, np.ufunc)]


def _use(random: Any) -> Any:
    random.normal(size=3)
    return random


def sparse_matrices(data: Data) -> Iterator[Candidate]:
    """Sparse matrices and arrays of every format, index type and element type."""
    dense = np.where(data.X > 0.7, data.X, 0)[:8]
    for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        for form in ("matrix", "array"):
            make = getattr(sparse, f"{kind}_{form}")
            for dtype in (np.float64, np.float32, np.int64, np.bool_, np.complex128):
                name = f"{kind}_{form} of {dtype.__name__}"
                yield name, partial(_convert, make, dense, dtype)
            yield f"{kind}_{form} without elements", partial(make, (3, 4))
    yield "csr_matrix with sorted indices", lambda: _sort_indices(sparse.csr_matrix(dense))
    yield (
        "csr_matrix of int64 indices",
        lambda: sparse.csr_matrix(
            (np.ones(2), np.array([0, 1], dtype=np.int64), np.array([0, 1, 2], dtype=np.int64)), shape=(2, 3)
        ),
    )
    yield "coo_array of one dimension", lambda: sparse.coo_array(np.array([0.0, 1.0]))
    yield "random csr", lambda: sparse.random(20, 10, 0.2, "csr", random_state=data.seed)


def _convert(make: Any, dense: Any, dtype: Any) -> Any:
    return make(dense.astype(dtype))


def _sort_indices(matrix: Any) -> Any:
    matrix.sort_indices()
    matrix.sum_duplicates()
    _ = matrix.has_canonical_format
    return matrix


def fitted_by_scipy(data: Data) -> Iterator[Candidate]:
    """Interpolators, trees of points, filters and results of optimisation."""
    steps = np.arange(12.0)
    values = np.sin(steps) + data.X[:12, 0]
    makers: dict[str, Any] = {
        "KDTree": lambda: spatial.KDTree(data.X),
        "cKDTree": lambda: spatial.cKDTree(data.X, leafsize=4),
        "Rotation": lambda: spatial.transform.Rotation.from_euler("z", 90, degrees=True),
        "CubicSpline": lambda: interpolate.CubicSpline(steps, values),
        "CubicSpline natural": lambda: interpolate.CubicSpline(steps, values, bc_type="natural", extrapolate=False),
        "PchipInterpolator": lambda: interpolate.PchipInterpolator(steps, values),
        "Akima1DInterpolator": lambda: interpolate.Akima1DInterpolator(steps, values),
        "make_interp_spline": lambda: interpolate.make_interp_spline(steps, values, k=2),
        "make_smoothing_spline": lambda: interpolate.make_smoothing_spline(steps, values, lam=0.5),
        "BSpline": lambda: interpolate.BSpline(*interpolate.splrep(steps, values)),
        "splrep": lambda: interpolate.splrep(steps, values),
        "PPoly": lambda: interpolate.PPoly.from_spline(interpolate.splrep(steps, values)),
        "BPoly": lambda: interpolate.BPoly([[1.0], [2.0]], [0.0, 1.0]),
        "UnivariateSpline": lambda: interpolate.UnivariateSpline(steps, values, s=1),
        "InterpolatedUnivariateSpline": lambda: interpolate.InterpolatedUnivariateSpline(steps, values),
        "LSQUnivariateSpline": lambda: interpolate.LSQUnivariateSpline(steps, values, [3.0, 6.0]),
        "BarycentricInterpolator": lambda: interpolate.BarycentricInterpolator(steps, values),
        "KroghInterpolator": lambda: interpolate.KroghInterpolator(steps[:4], values[:4]),
        "RegularGridInterpolator": lambda: interpolate.RegularGridInterpolator((steps,), values, bounds_error=False),
        "NearestNDInterpolator": lambda: interpolate.NearestNDInterpolator(data.X, data.numbers),
        "LinearNDInterpolator": lambda: interpolate.LinearNDInterpolator(data.X[:, :2], data.numbers),
        "RBFInterpolator": lambda: interpolate.RBFInterpolator(data.X[:, :2], data.numbers),
        "RectBivariateSpline": lambda: interpolate.RectBivariateSpline(steps, steps, np.outer(values, values)),
        "interp1d": lambda: interpolate.interp1d(steps, values, fill_value="extrapolate"),
        "interp1d cubic": lambda: interpolate.interp1d(steps, values, kind="cubic", bounds_error=False),
        "OptimizeResult": lambda: optimize.minimize(lambda x: float(x @ x), [1.0, 2.0]),
        "curve_fit": lambda: optimize.curve_fit(lambda x, a, b: a * x + b, steps, values),
        "Bounds": lambda: optimize.Bounds([0.0], [1.0]),
        "LinearConstraint": lambda: optimize.LinearConstraint([[1.0, 1.0]], 0, 1),
        "butter": lambda: signal.butter(3, 0.2),
        "sos": lambda: signal.butter(3, 0.2, output="sos"),
        "dlti": lambda: signal.dlti([1.0], [1.0, 0.5]),
        "linregress": lambda: stats.linregress(steps, values),
        "ttest": lambda: stats.ttest_ind(values, steps),
        "pearsonr": lambda: stats.pearsonr(steps, values),
        "ConvexHull equations": lambda: spatial.ConvexHull(data.X[:, :2]).equations,
        "gaussian_kde": lambda: stats.gaussian_kde(data.numbers),
        "frozen distribution": lambda: stats.norm(0, 2),
        "loguniform": lambda: stats.loguniform(1e-3, 1e2),
        "ecdf": lambda: stats.ecdf(values),
    }
    for name, make in makers.items():
        yield f"scipy {name}", make
