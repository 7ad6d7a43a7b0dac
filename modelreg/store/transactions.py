"""A registry is read and changed, and what the operating system refuses meanwhile becomes an error of ours."""

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
def storing(needed: int | None = None, place: Path | None = None, inside: Path | None = None) -> Iterator[None]:
    """What the operating system refuses, in our words; ``inside`` is named where it says no file itself."""
    before = interrupts.count()
    try:
        yield
    except BrokenPipeError:  # whoever read our output has gone, which is no failure of storage
        raise
    except OSError as error:
        where = place or (None if isinstance(error.filename, (str, bytes)) else inside)  # else none, or a descriptor
        raise WriteFailed(error, where, needed, is_changed=interrupts.count() > before) from error
    except (WriteFailed, LockTimeout) as failure:
        if interrupts.count() == before:
            raise
        raise failure.after_a_change() from failure


@contextmanager
def reading(home: RegistryFolder) -> Iterator[CatalogReader]:
    """The catalog of a registry, which has to be there, as it is at one moment."""
    with storing(inside=home.path):
        home.require()
        with home.catalog.reading() as catalog:
            yield catalog


@contextmanager
def writing(home: RegistryFolder, message: str | None = None) -> Iterator[CatalogWriter]:
    """One change of a registry, which has to be there, made by the user of this process; ``message`` says why."""
    from modelreg.domain.statements import checked_message
    from modelreg.store.actor import current_actor

    with storing(inside=home.path):
        home.require()
        with home.catalog.writing(current_actor(), checked_message(message)) as change:
            yield change
