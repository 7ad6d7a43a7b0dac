"""PyTorch: the zip that ``torch.save`` writes since 1.6, and the earlier format (``torch/serialization.py``).

The zip holds one folder with ``data.pkl``, ``version`` and the tensors. The earlier format begins with the pickle of a
magic number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from modelreg.analysis.containers.archive import Archive, open_archive, zip_errors
from modelreg.analysis.containers.content import Files, OpenModel, head, only_file
from modelreg.analysis.pickle.object_graph import class_of
from modelreg.analysis.pickle.reader import read_pickle
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("pytorch-zip", "pytorch-legacy")

_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # 0x1950a86a20f9469cfc6c as a pickle of protocol 2


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a zip of ``torch.save``, with the class in its pickle, or a file with the old magic number."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    if head(path, len(_LEGACY)) == _LEGACY:
        return RecognisedModel("pytorch", "pytorch-legacy")
    with open_archive(path) as archive:
        return None if archive is None else _describe(archive)


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load the saved object on the CPU, with ``weights_only`` unless trust is full; raises `UnloadableModel`.

    ``weights_only`` allows tensors and plain containers. Raises `UntrustedModel` for a whole module without full trust.
    """
    from modelreg.loading.unpickle import examine_trusted_file

    file = model.only_file
    examine_trusted_file(file, trust)
    file.seek(0)
    with library_errors():
        import torch  # about 2 s

        loaded: object = torch.load(file, map_location="cpu", weights_only=not trust.full)
    return loaded


def _describe(archive: Archive) -> RecognisedModel | None:
    pickles = [name for name in archive.names if name.count("/") == 1 and name.endswith("/data.pkl")]
    folder = pickles[0].removesuffix("data.pkl") if len(pickles) == 1 else ""
    if not folder or f"{folder}version" not in archive.names:
        return None
    if f"{folder}constants.pkl" in archive.names:
        note = "it is a TorchScript program, which modelreg does not load: use torch.jit.load"
        return RecognisedModel("pytorch", "pytorch-zip", notes=(note,))
    return RecognisedModel("pytorch", "pytorch-zip", _class(archive, pickles[0]))


def _class(archive: Archive, name: str) -> str | None:
    with archive.open_member(name) as content:
        if content is None:
            return None
        try:
            return class_of(read_pickle(cast("BinaryIO", content), size=None, persistent=True).top)
        except zip_errors():
            return None
