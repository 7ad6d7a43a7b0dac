"""Methods are replaced once, and ask at each call whether logging is on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

Logged = Callable[..., Any]
"""Called with the original function, then the arguments of the call."""

_MARK = "_modelreg_autolog"


def replace(owner: Any, name: str, logged: Logged) -> None:
    """Let ``owner.name`` call ``logged``, once; a function that is inherited is left to its own class."""
    original = vars(owner).get(name)
    if not callable(original) or hasattr(original, _MARK):
        return

    @wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        return logged(original, *args, **kwargs)

    setattr(replaced, _MARK, True)
    setattr(owner, name, replaced)
