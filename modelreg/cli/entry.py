"""The installed command: `main`, without what a process that lives for a tenth of a second need not do."""

from __future__ import annotations

import gc
import os
import signal
from types import FrameType
from typing import NoReturn

from modelreg import commits

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Rather than Python's 700: the records of a list are no garbage either."""


def run() -> NoReturn:
    """Run the command line of this process and end it.

    While modules are imported nothing is garbage, and at the end nothing has to be taken apart: looking for the one
    and doing the other would take a fifth of the time of ``modelreg list``.
    """
    gc.disable()
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # 'nohup' and the like keep it ignored
            signal.signal(signal.SIGINT, _interrupt)
        from modelreg.cli.main import main

        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        gc.enable()
        status = main()
    except KeyboardInterrupt:  # before or after `main`, which catches its own
        os.write(2, b"interrupted\n")
        status = 130
    os._exit(status)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C ends what is done, unless that is being committed already: then the answer comes at once, and is true."""
    if not commits.begun():
        raise KeyboardInterrupt
