"""Replace methods of libraries once, by functions that log if autologging is on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

Replacement = Callable[..., Any]
"""Called with the original function and the arguments of the call."""

_MARK = "_modelreg_autolog"


def replace(owner: Any, name: str, replacement: Replacement) -> None:
    """Make ``owner.name`` call ``replacement``, once; inherited functions are left to the class that defines them."""
    original = vars(owner).get(name)
    if not callable(original) or hasattr(original, _MARK):
        return

    @wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return replacement(original, *args, **kwargs)

    setattr(wrapper, _MARK, True)
    setattr(owner, name, wrapper)
