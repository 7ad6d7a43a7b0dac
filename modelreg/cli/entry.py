"""The installed command: `main`, without what a process that lives for a tenth of a second need not do."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from modelreg.system import interrupts

_BY_SIGNAL = 128
"""A shell's exit status of a command that a signal ended is this and its number."""
_INTERRUPTED = _BY_SIGNAL + signal.SIGINT
_received: int = signal.SIGINT
"""The signal that ended the command; at a question, Ctrl-C may come as a character instead."""
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Rather than Python's 700: the records of a list are no garbage either."""


def run() -> NoReturn:
    """Run the command line of this process and end it.

    While modules are imported nothing is garbage, and at the end nothing has to be taken apart: looking for the one
    and doing the other would take a fifth of the time of ``modelreg list``.
    """
    gc.disable()
    try:
        _handle_signals()
        from modelreg.cli.main import main

        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        gc.enable()
        status = main()
    except KeyboardInterrupt:  # before or after `main`, which catches its own
        with suppress(OSError):  # whoever read it may have gone
            os.write(2, b"interrupted\n")
        status = _INTERRUPTED
    os._exit(_BY_SIGNAL + _received if status == _INTERRUPTED else status)


def _handle_signals() -> None:
    """Let what ends a command undo what it began: files that have no name yet, and files beside an output.

    'nohup' and the like keep signals ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End what is done, unless that is being committed already: then the answer comes at once, and is true."""
    global _received
    if not interrupts.has_begun_commit():
        _received = number
        raise KeyboardInterrupt
