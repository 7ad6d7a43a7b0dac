"""Whether a pickle uses admitted names as the libraries' own models do.

Names alone do not make a pickle harmless: scikit-learn has classes that call whatever method a text of their state
names, pandas evaluates expressions, and Python looks up ``append`` and ``__setstate__`` on what a pickle hands it. So
of what is on the allow-list only what rebuilds objects may be called, and only containers are filled; methods that a
state names are those of estimators. Genuine models do nothing else: these rules were held against some 45,000 files of
scikit-learn 1.0 to 1.9, pandas 1.4 to 3, XGBoost and LightGBM. What goes beyond is unknown, and so is not unpickled.

Names that are not on the allow-list are nobody's business here: those who trust them say so.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelreg.security.joblib_arrays import array_type
from modelreg.security.names import allowed, only_mentioned
from modelreg.security.pickle_stream import UnreadablePickle
from modelreg.security.stand_ins import Global, Items, Made, Plain, StandIn, Table, class_of

_TAKES_A_CLASS = frozenset(
    {
        *("_array_reconstructor", "_mareconstruct", "_new_DatetimeIndex", "_new_Index", "_new_IntervalIndex"),
        *("_new_TimedeltaIndex", "_reconstruct", "_reconstructor", "newObj", "defaultdict", "partial"),
    }
)
"""Functions that call their first argument, or what is found in it, and are given something imported by models."""

_CONTAINERS = frozenset(
    {
        *(f"builtins.{name}" for name in ("bytearray", "dict", "list", "set")),
        *(f"collections.{name}" for name in ("ChainMap", "Counter", "OrderedDict", "UserDict", "defaultdict", "deque")),
        "scipy.optimize._optimize.OptimizeResult",
        "sklearn.covariance._graph_lasso._DictWithDeprecatedKeys",
        *("sklearn.utils.Bunch", "sklearn.utils._bunch.Bunch"),
    }
)
_METHODS_NAMED = frozenset({"stack_method", "stack_method_", "_response_method", "response_method"}) | frozenset(
    {"chain_method", "chain_method_"}
)
"""Attributes of scikit-learn's that hold the name of a method, or several, to be called with data."""

OPENS_FILES = frozenset({"numpy.memmap"})
"""Classes that open files when they are made, and which models name only as the class of an array."""

_METHODS = frozenset({"auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"})


def call(maker: Global, arguments: StandIn) -> str | None:
    """What models do not do when they call an import, as the end of 'it …'; None for what they do."""
    if not is_allowed(maker):
        return None
    if (maker.module, maker.name) in only_mentioned():
        return f"calls {maker.dotted}, which models only mention"
    given = arguments if isinstance(arguments, tuple) else (arguments,)
    takes_a_class = maker.name in _TAKES_A_CLASS or maker.name.startswith("__pyx_unpickle_")
    if takes_a_class and not (given and _may_be_called(maker, given[0])):
        return f"hands {maker.dotted} what it has made where models name a class"
    if maker.module == "numpy.random._pickle" and not all(isinstance(each, Global) for each in given[1:]):
        return f"hands {maker.dotted} what it has made where models name a function"
    return None


def addition(target: StandIn) -> str | None:
    """The same, when something is added to ``target``, or its items are set."""
    if isinstance(target, Items | Table) or (isinstance(target, Plain) and target.class_name in _CONTAINERS):
        return None
    made_of = class_of(target)
    if made_of in _CONTAINERS or (isinstance(target, Made) and not is_allowed(_class(target))):
        return None
    return f"adds to {made_of or 'what it has made'}, which is no container"


def state(target: Made, given: StandIn) -> Iterator[str]:
    """The same, when ``target`` is given a state."""
    if not is_allowed(_class(target)):
        return
    if target.state is not None:
        yield "gives one object two states"
    if isinstance(given, Made | Global):
        yield "gives an object a state that is no plain one"
    for table in (given, *given) if isinstance(given, tuple) else (given,):
        if isinstance(table, Table) and table.odd is not None:
            yield f"gives an object the attribute {table.odd}"
    function = given[0] if isinstance(given, tuple) and given else None
    if class_of(target) == "functools.partial" and not _may_be_called(target.maker, function):
        yield "hands functools.partial what it has made where models name a function"
    if isinstance(given, Table) and given.entries.get("input") == "filename":
        yield "opens the files that its input names"


def type_problem(target: Made) -> str | None:
    """What is wrong with the state of a NumPy type, which NumPy itself does not check."""
    if not (isinstance(target.maker, Global) and target.maker.dotted == "numpy.dtype"):
        return None
    try:
        array_type(target)
    except UnreadablePickle as problem:
        return f"has a type of arrays that NumPy never writes: {problem}"
    return None


def method_names(given: StandIn) -> list[StandIn]:
    """The values in a state that name methods to be called; what is in them may still be added to."""
    found: list[StandIn] = []
    for table in given if isinstance(given, tuple) else (given,):
        if isinstance(table, Table) and not _METHODS_NAMED.isdisjoint(table.entries):
            found += [value for name, value in table.entries.items() if name in _METHODS_NAMED]
    return found


def names_methods(value: StandIn) -> bool:
    """Whether ``value`` is a method of estimators, or some of them."""
    match value:
        case None:
            return True
        case str(name):
            return name in _METHODS
        case Items(items, True) | tuple(items):
            return all(each is None or (isinstance(each, str) and each in _METHODS) for each in items)
        case _:
            return False


def odd_key(key: StandIn) -> str | None:
    """A key that no attribute of a model has, as it is shown: a special name, or one that is computed."""
    if isinstance(key, str):
        return key if key.startswith("__") and key.endswith("__") else None
    return "with a name that it computes" if isinstance(key, Made | Plain) else None


def is_watched(key: str) -> bool:
    """Whether the value of this key decides what a model does."""
    return key in _METHODS_NAMED


def _may_be_called(maker: StandIn, value: StandIn) -> bool:
    """A class or function that is imported; a dictionary's default may be None."""
    return isinstance(value, Global) or (
        value is None and isinstance(maker, Global) and maker.dotted == "collections.defaultdict"
    )


def _class(target: Made) -> StandIn:
    """The import of which ``target`` is an instance, or which has made it."""
    if not target.as_class and isinstance(target.maker, Global) and target.maker.name in _TAKES_A_CLASS:
        first = target.arguments[0] if isinstance(target.arguments, tuple) and target.arguments else None
        return first if isinstance(first, Global) else target.maker
    return target.maker


def is_allowed(value: StandIn) -> bool:
    """Whether it is an import that the allow-list has."""
    return isinstance(value, Global) and (value.module, value.name) in allowed()
