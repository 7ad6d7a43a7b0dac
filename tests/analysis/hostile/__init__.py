"""Makers of hostile model files. All are inert: at most they make or delete one marker path.

``hostile_files(marker)`` returns every file; ``python -m hostile FOLDER`` writes them into a folder.
"""

from hostile.file import Effect, HostileFile, Trigger
from hostile.makers import hostile_files

__all__ = ["Effect", "HostileFile", "Trigger", "hostile_files"]
