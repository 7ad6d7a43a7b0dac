"""Read and write transactions on a registry, with errors of the operating system translated into our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.errors import LockTimeout, WriteFailed
from modelreg.system import interrupts

if TYPE_CHECKING:
    from modelreg.store.catalog.reader import CatalogReader
    from modelreg.store.catalog.writer import CatalogWriter
    from modelreg.store.folder import RegistryFolder


@contextmanager
def translating_os_errors(
    needed: int | None = None, place: Path | None = None, inside: Path | None = None
) -> Iterator[None]:
    """Turn OSError into `WriteFailed`, which says whether a change was already committed.

    ``needed`` is the number of bytes that were to be written. The error names ``place``; without it the file that the
    operating system names; and if it names none, ``inside``.
    """
    commits_before = interrupts.commit_count()
    try:
        yield
    except BrokenPipeError:  # the reader of our output has gone: not a storage failure
        raise
    except OSError as error:
        has_path = isinstance(error.filename, (str, bytes))  # otherwise None, or a descriptor
        path = place or (None if has_path else inside)
        is_changed = interrupts.commit_count() > commits_before
        raise WriteFailed(error, path, needed, is_changed=is_changed) from error
    except (WriteFailed, LockTimeout) as failure:
        if interrupts.commit_count() == commits_before:
            raise
        raise failure.after_a_change() from failure


@contextmanager
def reading(folder: RegistryFolder) -> Iterator[CatalogReader]:
    """Read one consistent snapshot of an existing registry's catalog."""
    with translating_os_errors(inside=folder.path):
        folder.check()
        with folder.catalog.reading() as catalog:
            yield catalog


@contextmanager
def writing(folder: RegistryFolder, message: str | None = None) -> Iterator[CatalogWriter]:
    """Change an existing registry's catalog in one transaction by the current user; ``message`` is for the journal."""
    from modelreg.domain.validation import parse_message
    from modelreg.store.actor import current_actor

    with translating_os_errors(inside=folder.path):
        folder.check()
        with folder.catalog.writing(current_actor(), parse_message(message)) as writer:
            yield writer
