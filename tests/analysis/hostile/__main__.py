"""Write all hostile files into a folder: ``python -m hostile FOLDER``."""

import sys
from pathlib import Path

from hostile.makers import hostile_files

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for file in hostile_files("/nonexistent/marker"):
    (folder / file.file_name).write_bytes(file.content)
