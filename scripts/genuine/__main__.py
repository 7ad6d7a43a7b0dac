"""Write the genuine models of the installed libraries as files: ``python -m genuine [FOLDER] [--seed N]``.

Run it with ``scripts`` on ``PYTHONPATH``. Without a folder, it creates a temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from genuine import use_one_core


def main() -> None:
    """Write a corpus, and print its summary on stderr."""
    parser = argparse.ArgumentParser(prog="python -m genuine", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where to write; default: a new temporary folder")
    parser.add_argument("--seed", type=int, default=0, help="seed of data, values and pairs of parameters; default: 0")
    parser.add_argument("--share", type=int, default=1, help="create one in SHARE of the single estimators; default: 1")
    parser.add_argument("--seconds", type=float, default=1200, help="stop after this time in seconds; default: 1200")
    options = parser.parse_args()
    use_one_core()
    from genuine.corpus import write_corpus

    folder = options.folder or Path(tempfile.mkdtemp(prefix="genuine-"))
    _silence_stdout()
    start = time.monotonic()
    corpus = write_corpus(folder, options.seed, options.share, options.seconds)
    summary = corpus.finish(options.seed, time.monotonic() - start)
    print(json.dumps({"folder": str(folder)} | summary, indent=1), file=sys.stderr)


def _silence_stdout() -> None:
    """Redirect stdout to /dev/null, also for compiled libraries."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


if __name__ == "__main__":
    main()
