"""The entry point of the installed command: runs `main` with garbage collection tuned for a short process."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from modelreg.system import interrupts

_BY_SIGNAL = 128
"""Exit status of a command that was ended by signal N: 128 + N, as in shells."""
_INTERRUPTED = _BY_SIGNAL + signal.SIGINT
_received: int = signal.SIGINT
"""The last signal received. At a prompt, Ctrl-C may arrive as a character instead, hence the default."""
_COLLECTION_THRESHOLD = 100_000
"""New objects before a garbage collection; Python's default is 700, which is wasted on lists of live records."""


def run() -> NoReturn:
    """Run the command line of this process and exit.

    Garbage collection is off during imports and teardown is skipped at exit, which saves a fifth of the time of
    ``modelreg list``.
    """
    gc.disable()
    try:
        _handle_signals()
        from modelreg.cli.main import main

        gc.freeze()
        gc.set_threshold(_COLLECTION_THRESHOLD)
        gc.enable()
        status = main()
    except KeyboardInterrupt:  # outside `main`, which catches its own
        with suppress(OSError):  # stderr may be closed
            os.write(2, b"interrupted\n")
        status = _INTERRUPTED
    os._exit(_BY_SIGNAL + _received if status == _INTERRUPTED else status)


def _handle_signals() -> None:
    """Turn signals that end a command into KeyboardInterrupt, so that temporary files are removed.

    Signals that are ignored stay ignored, as under 'nohup'.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, except during a commit: then the command finishes and reports the true outcome."""
    global _received
    if not interrupts.has_begun_commit():
        _received = number
        raise KeyboardInterrupt
