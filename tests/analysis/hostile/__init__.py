"""Hostile model files for tests. All are harmless: at most they create or delete one marker path.

``hostile_files(marker)`` yields all files; ``python -m hostile FOLDER`` writes them into a folder.
"""

from hostile.file import Effect, HostileFile, Trigger
from hostile.makers import hostile_files

__all__ = ["Effect", "HostileFile", "Trigger", "hostile_files"]
