"""Names of libraries that were chosen by hand, in their releases of the last years: what pickles name.

None of them is known to run a text, read or write a file, or import what it is told to. Left out, as is not
plain to see: ``scipy.stats``' distributions, which execute a text of their state; ``numpy.vectorize``,
``apply_along_axis`` and their like, which call what they are given; ``ParameterSampler``, which does so when it is
listed; ``Rotation``, which does so when it gets its state, and ``Delaunay`` and its like, when they are let go;
``CustomBusinessDay`` and its like, which ask any calendar; ``ZoneInfo``, which opens files.
"""

from __future__ import annotations


def _pairs(table: dict[str, str]) -> dict[str, list[str]]:
    return {module: names.split() for module, names in table.items()}


NUMPY_FUNCTIONS = """
    all allclose amax amin angle any append arange argmax argmin argpartition argsort argwhere around array
    array_equal array_split asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray atleast_1d atleast_2d
    atleast_3d average bincount broadcast_to clip column_stack concatenate convolve copy corrcoef correlate
    count_nonzero cov cross cumprod cumsum deg2rad delete diag diagonal diff digitize dot dstack ediff1d empty
    empty_like expand_dims extract eye fix flatnonzero flip fliplr flipud full full_like geomspace gradient histogram
    hstack i0 identity imag in1d inner insert interp intersect1d isclose iscomplex isin isneginf isposinf isreal kron
    lexsort linspace logspace max mean median min moveaxis msort nan_to_num nanargmax nanargmin nancumprod nancumsum
    nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim nonzero ones
    ones_like outer partition percentile polyfit polyval prod product ptp quantile ravel real repeat
    reshape resize roll rollaxis rot90 round round_ row_stack searchsorted select setdiff1d shape sinc size sometrue
    sort sort_complex split squeeze stack std sum swapaxes take take_along_axis tensordot tile trace transpose
    trapezoid trapz trim_zeros tril triu union1d unique unwrap vander var vdot vsplit vstack where zeros zeros_like
"""

_FREQUENCIES = """
    BQuarterBegin BQuarterEnd BYearBegin BYearEnd BusinessDay BusinessHour BusinessMonthBegin BusinessMonthEnd Day
    Easter FY5253 FY5253Quarter Hour LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd Nano QuarterBegin
    QuarterEnd Second SemiMonthBegin SemiMonthEnd Week WeekOfMonth YearBegin YearEnd
"""
_LOSSES = """
    CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss
    CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss
"""
_MAKERS_OF_LOSSES = " ".join(f"__pyx_unpickle_{loss}" for loss in _LOSSES.split())
_INTEGERS = "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype"
_PREPROCESSING = """
    add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform quantile_transform robust_scale scale
"""
_DISTANCES = """
    braycurtis canberra chebyshev cityblock correlation cosine dice euclidean hamming jaccard jensenshannon
    mahalanobis minkowski rogerstanimoto russellrao seuclidean sokalmichener sokalsneath sqeuclidean yule
"""
_METRICS = """
    BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Kulsinski Mahalanobis Manhattan Matching
    Minkowski PyFunc RogersTanimoto RussellRao SEuclidean SokalMichener SokalSneath WMinkowski
"""
_EXCEPTIONS = """
    ArithmeticError AssertionError AttributeError Exception FloatingPointError FutureWarning IndexError KeyError
    LookupError MemoryError NotImplementedError OverflowError RuntimeError RuntimeWarning StopIteration TypeError
    UserWarning ValueError Warning ZeroDivisionError
"""

CALLED = _pairs(
    {
        "_loss": f"{_LOSSES} {_MAKERS_OF_LOSSES}",  # scikit-learn 1.5 to 1.7: the loader takes them from scikit-learn
        "builtins": _EXCEPTIONS,
        "numpy._core._internal": "_convert_to_stringdtype_kwargs",
        "numpy.exceptions": "AxisError",
        "numpy.linalg": "LinAlgError",
        "numpy.ma.core": "MaskedConstant",
        "operator": "itemgetter",
        "pandas._libs.interval": "Interval __pyx_unpickle_IntervalMixin",
        "pandas._libs.lib": "_NoDefault",
        "pandas._libs.sparse": "BlockIndex IntIndex",
        "pandas._libs.tslibs.offsets": _FREQUENCIES,
        "pandas._libs.tslibs.nattype": "__nat_unpickle _nat_unpickle",
        "pandas._libs.tslibs.period": "Period",
        "pandas._libs.tslibs.timedeltas": "Timedelta",
        "pandas.core.arrays.string_": "StringDtype",
        "pandas.core.dtypes.dtypes": "PeriodDtype",
        "pandas.core.internals.managers": "BlockManager",
        "pyarrow.lib": "_restore_array duration py_buffer timestamp type_for_alias",
        "pytz": "FixedOffset _UTC _p",
        "sklearn._loss._loss": f"{_LOSSES} {_MAKERS_OF_LOSSES}",
        "sklearn.linear_model._sgd_fast": "Classification EpsilonInsensitive Hinge Huber Log LossFunction ModifiedHuber"
        " Regression SquaredEpsilonInsensitive SquaredHinge SquaredLoss",
        "sklearn.exceptions": "ConvergenceWarning NotFittedError",
    }
)
"""What pickles call while they are loaded, whatever they say it is called with."""

MENTIONED = _pairs(
    {
        "builtins": "Ellipsis NotImplemented abs len round sum",
        "collections": "ChainMap UserDict UserList",
        "dateutil.relativedelta": "relativedelta",
        "math": "ceil cos exp expm1 fabs floor log log10 log1p log2 sin sqrt tan tanh trunc",
        "numpy.char": "chararray",
        "numpy": f"{NUMPY_FUNCTIONS} chararray",
        "numpy.core._multiarray_umath": "true_divide",
        "numpy.fft": "fft fftfreq fftshift ifft irfft rfft",
        "numpy.linalg": "det inv norm pinv",
        "numpy.ma.core": "mvoid",
        "numpy.polynomial.chebyshev": "Chebyshev",
        "numpy.polynomial.hermite": "Hermite",
        "numpy.polynomial.hermite_e": "HermiteE",
        "numpy.polynomial.laguerre": "Laguerre",
        "numpy.polynomial.legendre": "Legendre",
        "numpy.random._generator": "Generator",  # skops names the classes
        "numpy.random.bit_generator": "ISeedSequence",
        "numpy.random.mtrand": "RandomState",
        "pandas": f"ArrowDtype Float32Dtype IntervalDtype {_INTEGERS} concat cut factorize get_dummies isna notna qcut"
        " to_datetime to_numeric to_timedelta DateOffset",
        "pandas._libs.tslibs.offsets": "DateOffset",
        "pandas.arrays": "ArrowExtensionArray IntervalArray NumpyExtensionArray StringArray",
        "pandas.core.algorithms": "factorize",
        "pandas.core.arrays.arrow.array": "ArrowExtensionArray",
        "pandas.core.arrays.floating": "Float32Dtype",
        "pandas.core.arrays.integer": _INTEGERS,
        "pandas.core.arrays.interval": "IntervalArray",
        "pandas.core.arrays.numpy_": "NumpyExtensionArray PandasArray",
        "pandas.core.arrays.sparse.dtype": "SparseDtype",
        "pandas.core.arrays.string_": "StringArray StringArrayNumpySemantics",
        "pandas.core.arrays.string_arrow": "ArrowStringArray ArrowStringArrayNumpySemantics",
        "pandas.core.dtypes.dtypes": "ArrowDtype IntervalDtype NumpyEADtype PandasDtype",
        "pandas.core.dtypes.missing": "isna notna",
        "pandas.core.indexes.numeric": "Float64Index Int64Index NumericIndex UInt64Index",
        "pandas.core.reshape.concat": "concat",
        "pandas.core.reshape.encoding": "get_dummies",
        "pandas.core.reshape.reshape": "get_dummies",
        "pandas.core.reshape.tile": "cut qcut",
        "pandas.core.tools.datetimes": "to_datetime",
        "pandas.core.tools.numeric": "to_numeric",
        "pandas.core.tools.timedeltas": "to_timedelta",
        "scipy.interpolate._cubic": "CubicHermiteSpline",
        "scipy.interpolate._fitpack2": "InterpolatedUnivariateSpline RectBivariateSpline SmoothBivariateSpline",
        "scipy.interpolate._interpolate": "BPoly PPoly RegularGridInterpolator",
        "scipy.interpolate._ndgriddata": "NearestNDInterpolator",
        "scipy.interpolate._polyint": "BarycentricInterpolator KroghInterpolator",
        "scipy.interpolate._rgi": "RegularGridInterpolator",
        "scipy.optimize._constraints": "Bounds LinearConstraint",
        "scipy.optimize._optimize": "OptimizeResult",
        "scipy.sparse._arrays": "bsr_array coo_array csc_array csr_array dia_array dok_array lil_array",
        "scipy.sparse._construct": "hstack vstack",
        "scipy.spatial._kdtree": "Rectangle",
        "scipy.spatial.distance": _DISTANCES,
        "scipy.special._logsumexp": "log_softmax logsumexp softmax",
        "sklearn._loss.glm_distribution": "DistributionBoundary GammaDistribution InverseGaussianDistribution"
        " NormalDistribution PoissonDistribution TweedieDistribution",
        "sklearn._loss.link": "IdentityLink Interval LogLink LogitLink HalfLogitLink MultinomialLogit",
        "sklearn.covariance._graph_lasso": "_DictWithDeprecatedKeys",
        "sklearn.ensemble._gb_losses": "BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError"
        " LeastSquaresError MultinomialDeviance QuantileLossFunction",
        "sklearn.ensemble._hist_gradient_boosting.loss": "BinaryCrossEntropy CategoricalCrossEntropy"
        " LeastAbsoluteDeviation LeastSquares Poisson",
        "sklearn.feature_extraction.text": "strip_accents_ascii strip_accents_unicode strip_tags",
        "sklearn.impute._iterative": "_ImputerTriplet",
        "sklearn.linear_model._glm.link": "IdentityLink LogLink LogitLink",
        "sklearn.metrics._dist_metrics": " ".join(f"{metric}Distance" for metric in _METRICS.split()),
        "sklearn.metrics._scorer": "_MultimetricScorer _PassthroughScorer _PredictScorer _ProbaScorer"
        " _ThresholdScorer _passthrough_scorer negative_likelihood_ratio positive_likelihood_ratio",
        "sklearn.model_selection._search": "ParameterGrid",
        "sklearn.preprocessing._data": _PREPROCESSING,
        "sklearn.preprocessing._label": "label_binarize",
        "sklearn.utils": "Bunch",
        "sklearn.utils._tags": "ClassifierTags InputTags RegressorTags Tags TargetTags TransformerTags",
        "sklearn.utils.validation": "as_float_array",
    }
)
"""What pickles name without calling it: functions to be used later, and classes of which they fill an instance."""
