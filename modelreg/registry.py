"""The registry: one method for each thing that a person can ask of it; keeps catalog and artifacts in step."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from modelreg.errors import CatalogDamaged, InvalidInput, SourceNotFound, WriteFailed, shown
from modelreg.home import Home, find_home
from modelreg.references import Reference, is_utf8, parse_name
from modelreg.stages import Stage

if TYPE_CHECKING:
    from modelreg.artifacts.copying import Progress
    from modelreg.artifacts.manifest import Manifest
    from modelreg.catalog.change import Change
    from modelreg.catalog.snapshot import Snapshot
    from modelreg.records.inspection import Finding, RegistryInformation
    from modelreg.records.journal import JournalEntry
    from modelreg.records.model import Model
    from modelreg.records.registration import Registration
    from modelreg.records.signature import Signature
    from modelreg.records.transition import Transition
    from modelreg.records.version import ModelVersion

StrPath = str | os.PathLike[str]


class Stated(TypedDict, total=False):
    """What may be stated about a version; `Registry.register` says what each means."""

    description: str | None
    metrics: Mapping[str, float] | None
    params: Mapping[str, object] | None
    tags: Mapping[str, object] | None
    aliases: Sequence[str]
    stage: Stage | str | None
    signature: Signature | None
    message: str | None
    run_id: str | None
    source: str | None
    new_version: bool


class Registry:
    """A model registry in a folder.

    Without ``path`` it is the folder that the command line uses: ``$MODELREG_HOME``, else the nearest
    ``.modelreg`` upward, else the user's data folder. Nothing is opened or made until it is asked for something,
    and nothing stays open, so one object serves any number of threads.

    Methods raise the errors of `modelreg.errors`, which are those that the command line reports.
    """

    def __init__(self, path: StrPath | None = None, *, lock_timeout: float = 30.0) -> None:
        self._home = Home(find_home(None if path is None else Path(path)).absolute(), lock_timeout)

    @property
    def folder(self) -> Path:
        """The registry folder."""
        return self._home.path

    def create(self, *, shared: bool = False) -> bool:
        """Make the registry unless it is there, which `register` does by itself; returns whether it was made now.

        ``shared`` makes it writable for its group.
        """
        with _storing():
            return self._home.create(shared=shared)

    # What is there

    def models(self, glob: str | None = None) -> list[Model]:
        """The registered models, by name; those alone whose name fits the shell pattern ``glob``, if given."""
        if glob is not None and not is_utf8(glob):
            raise InvalidInput(f"the pattern {shown(glob)} is not UTF-8", "no model has such a name")
        with self._reading() as catalog:
            return catalog.models(glob)

    def model(self, name: str) -> Model:
        """One registered model; raises `ModelNotFound`."""
        with self._reading() as catalog:
            return catalog.model(parse_name(name))

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model, newest first; raises `ModelNotFound`."""
        with self._reading() as catalog:
            return catalog.versions(parse_name(name))

    def version(self, reference: str) -> ModelVersion:
        """The version that ``reference`` names: ``NAME/3``, ``NAME/Production``, ``NAME/latest``, ``NAME@champion``.

        Raises `InvalidReference`, or `NotFound` in one of its forms.
        """
        with self._reading() as catalog:
            return catalog.version(Reference.parse(reference))

    def history(self, subject: str | None = None) -> list[JournalEntry]:
        """The journal, oldest entry first: all of it, or that of a model or of one version.

        A model's name leads to everything that ever happened under it, also to models that were deleted since.
        """
        with self._reading() as catalog:
            if subject is None:
                return list(catalog.journal())
            if "/" in subject or "@" in subject:
                return list(catalog.journal_of_version(Reference.parse(subject)))
            return list(catalog.journal(parse_name(subject))) or _no_history(catalog, subject)

    def information(self) -> RegistryInformation:
        """Where the registry is, what it holds, and what reads it."""
        import platform
        import sqlite3

        from modelreg import __version__
        from modelreg.records.inspection import RegistryInformation

        with self._reading() as catalog:
            head, (models, versions) = catalog.journal_head(), catalog.counts()
            return RegistryInformation(
                path=str(self.folder),
                shared=self._home.is_shared(),
                models=models,
                versions=versions,
                journal_head=None if head is None else f"{head.seq}:{head.hash}",
                schema_version=catalog.schema_version(),
                modelreg=__version__,
                python=platform.python_version(),
                sqlite=sqlite3.sqlite_version,
            )

    def verify(self) -> Iterator[Finding]:
        """Check the catalog, every stored byte and the journal; yields what is wrong, and changes nothing."""
        from modelreg.verify import verify

        with _storing():
            self._home.require()
        return verify(self._home)

    # Registering

    def register(
        self,
        path: StrPath,
        name: str,
        *,
        description: str | None = None,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        aliases: Sequence[str] = (),
        stage: Stage | str | None = None,
        signature: Signature | None = None,
        message: str | None = None,
        run_id: str | None = None,
        source: str | None = None,
        new_version: bool = False,
        follow_symlinks: bool = False,
        progress: Progress | None = None,
    ) -> Registration:
        """Store a model's file or folder as the next version of ``name``; makes registry and model if need be.

        The same bytes with the same metrics, parameters and signature give the version that is there already,
        unless ``new_version``; ``description``, ``tags``, ``aliases`` and ``stage`` are applied to it then.
        ``source`` says where the model came from when that is not ``path``, and ``run_id`` which run made it;
        neither decides the digest. ``message`` is kept in the journal. When ``stage`` is refused, nothing is
        registered. ``progress`` is called now and then with how many bytes are stored, and how many there are.

        Raises `InvalidInput` in one of its forms for what cannot be registered, `NameTaken`,
        `ProductionOccupied`, `StorageFailure` and `Busy`; then nothing was registered.
        """
        from modelreg.artifacts.source import find_source
        from modelreg.registration import RegistrationRequest
        from modelreg.registration import register as register_source
        from modelreg.statements import Statement

        model = parse_name(name)
        statement = Statement.checked(
            description=description,
            metrics=metrics,
            params=params,
            tags=tags,
            aliases=aliases,
            stage=stage,
            signature=signature,
            message=message,
            run_id=run_id,
        )
        if not os.fspath(path):  # which Path takes for the current folder: a variable of a script that is not set
            raise SourceNotFound(path)
        found = find_source(Path(path), self.folder, follow_symlinks=follow_symlinks)
        request = RegistrationRequest(model, found, statement, source or str(found.root), new_version)
        with _storing(needed=found.size):
            self._home.create()
            return register_source(self._home, request, progress)

    def log_model(
        self, estimator: object, name: str, *, input_example: object = None, **stated: Unpack[Stated]
    ) -> Registration:
        """Write ``estimator`` with joblib and `register` the file, with everything that ``stated`` says.

        ``input_example`` (a DataFrame, an array, …) gives the signature: its columns are the inputs, and what
        ``estimator.predict`` makes of it the outputs. The version's ``source`` is the script that runs, where
        there is one, unless said.
        """
        from tempfile import TemporaryDirectory

        import joblib  # 150 ms, and NumPy with it

        from modelreg.signatures import infer_signature

        if input_example is not None and stated.get("signature") is None:
            predict = getattr(estimator, "predict", None)
            stated["signature"] = infer_signature(input_example, predict and predict(input_example))
        script = Path(sys.argv[0])
        stated.setdefault("source", str(script.absolute()) if script.is_file() else "log_model")
        with TemporaryDirectory(prefix="modelreg-") as folder:
            path = Path(folder, "model.joblib")
            joblib.dump(estimator, path)
            return self.register(path, name, **stated)

    # Stages

    def transition(
        self,
        name: str,
        version: int | str,
        stage: Stage | str | None = None,
        *,
        archive_existing: bool = False,
        move_existing: Stage | str | None = None,
        existing: int | None = None,
        if_current: Stage | str | None = None,
        message: str | None = None,
        dry_run: bool = False,
    ) -> Transition:
        """Put a version into a stage: ``transition("churn", 3, "Staging")`` or ``transition("churn/3", "Staging")``.

        Only one version of a model is in Production. ``archive_existing`` archives whatever is in the wanted stage,
        ``move_existing`` puts it into another one, ``existing`` limits either to that one version. With
        ``if_current`` nothing happens unless the version is in that stage now. ``dry_run`` only says what would be
        done. ``message`` is kept in the journal.

        Raises `ProductionOccupied`, `StageChanged`, `InvalidInput` or `NotFound`; then nothing was changed.
        """
        from modelreg.catalog.change import Change
        from modelreg.lifecycle.transitions import Terms, plan_transition
        from modelreg.records.transition import Transition

        reference, wanted = _reference_and_stage(name, version, stage)
        if archive_existing and move_existing is not None:
            raise InvalidInput("archiving and moving what is there exclude each other", "choose one of the two")
        terms = Terms(
            stage=wanted,
            move_existing=Stage.ARCHIVED if archive_existing else _stage_or_none(move_existing),
            existing=existing,
            if_current=_stage_or_none(if_current),
        )
        with self._reading() if dry_run else self._writing(message) as catalog:
            current = catalog.version(reference)
            occupants = [each for each in catalog.in_stage(reference.name, wanted) if each != current.version]
            changes = plan_transition(reference.name, current.version, current.stage, terms, occupants)
            if isinstance(catalog, Change):
                for each in changes:
                    catalog.set_stage(reference.name, each)
        return Transition(reference.name, current.version, wanted, changes)

    # The bytes

    def path(self, reference: str) -> Path:
        """The path of a read-only copy of the version's file or folder, every byte checked now.

        Raises `BlobDamaged` when the stored bytes are not those that were registered.
        """
        from modelreg.artifacts.checkout import check_out

        with _storing():
            version, manifest = self._version_and_manifest(reference)
            checkout = check_out(
                self._home.artifacts, self._home.checkouts, version.reference, version.digest, manifest.files
            )
        return checkout if manifest.is_folder else checkout / manifest.files[0].path

    def load(self, reference: str) -> Any:
        """The model itself, ready to predict, from bytes that were checked now.

        For a pickle this runs what the pickle says, as unpickling does: load from registries that you trust.
        Warns when the library that made the model had another version than the one installed. Raises
        `BlobDamaged`, or `UnloadableModel` when the format is not known or its library not installed.
        """
        from modelreg import provenance
        from modelreg.flavors import load

        version = self.version(reference)
        provenance.warn_of_other_libraries(version)
        return load(self.path(f"{version.name}/{version.version}"), version.format)

    def copy(self, reference: str, destination: StrPath, *, overwrite: bool = False) -> Path:
        """Write the version's checked bytes to ``destination``; returns the file or folder that was written.

        It appears whole or not at all. A folder's destination must not exist or be empty. Raises
        `DestinationExists` (unless ``overwrite``, for a file) and `BlobDamaged`.
        """
        from modelreg.artifacts.delivery import copy_file, copy_folder

        target, store = Path(destination), self._home.artifacts
        with _storing(place=target):
            version, manifest = self._version_and_manifest(reference)
            if manifest.is_folder:
                return copy_folder(store, manifest.files, target, version.reference)
            return copy_file(store, manifest.files[0], target, version.reference, overwrite=overwrite)

    def stream(self, reference: str, descriptor: int) -> None:
        """Write the bytes of a version of one file to a descriptor: the first only when all are checked.

        Raises `BlobDamaged`, and `InvalidInput` for a folder.
        """
        from modelreg.artifacts.delivery import stream

        with _storing():
            version, manifest = self._version_and_manifest(reference)
            if manifest.is_folder:
                raise InvalidInput(f"{version.reference} is a folder, not one stream", "write it with -o DIRECTORY")
            stream(self._home.artifacts, manifest.files[0], descriptor, version.reference)

    def export(self, reference: str, destination: StrPath) -> Path:
        """Write an OCI image layout that holds this version alone, tagged with its number; returns its folder.

        ``skopeo copy oci:DIR:3 docker://…`` takes it to any OCI registry. Raises what `copy` raises.
        """
        from modelreg.artifacts.delivery import export

        with _storing(place=Path(destination)):
            version, manifest = self._version_and_manifest(reference)
            return export(self._home.artifacts, version, manifest, Path(destination))

    # Deleting

    def delete(self, subject: str, *, message: str | None = None) -> None:
        """Delete a version (``NAME/3``, ``NAME@alias``, …) or a model without versions (``NAME``) from the catalog.

        Numbers of deleted versions are never given out again. Raises `VersionInUse` for a version in Staging or
        Production or with an alias, `ModelInUse` for a model with versions.
        """
        from modelreg.lifecycle.deletion import refuse_deletion_of_model, refuse_deletion_of_version

        with self._writing(message) as change:
            if "/" in subject or "@" in subject:
                version = change.version(Reference.parse(subject))
                refuse_deletion_of_version(version)
                change.delete_version(version.name, version.version)
            else:
                model = change.model(parse_name(subject))
                refuse_deletion_of_model(model)
                change.delete_model(model.name)

    @contextmanager
    def _reading(self) -> Iterator[Snapshot]:
        with _storing():
            self._home.require()
            with self._home.catalog.reading() as catalog:
                yield catalog

    @contextmanager
    def _writing(self, message: str | None) -> Iterator[Change]:
        from modelreg import provenance
        from modelreg.statements import checked_text

        if message is not None:
            checked_text(message, "the message")
        with _storing():
            self._home.require()
            with self._home.catalog.writing(provenance.actor(), message) as change:
                yield change

    def _version_and_manifest(self, reference: str) -> tuple[ModelVersion, Manifest]:
        """The version, and what its digest says of its files; raises `BlobDamaged`, or `CatalogDamaged`."""
        version = self.version(reference)
        manifest = self._home.artifacts.manifest(version)
        if manifest.files != version.files:
            raise CatalogDamaged(
                f"{version.reference}: its files in the catalog are not those of its manifest; nothing was handed out",
                "restore the catalog from a backup; 'modelreg verify' shows everything that is damaged",
            )
        return version, manifest


def load_model(reference: str, registry: Registry | None = None) -> Any:
    """The model that ``reference`` names in ``registry``, or in the default one; see `Registry.load`."""
    return (registry or Registry()).load(reference)


def _reference_and_stage(name: str, version: int | str, stage: Stage | str | None) -> tuple[Reference, Stage]:
    if stage is None:
        return Reference.parse(name), Stage.parse(str(version))
    selector = str(version)
    return Reference.parse(f"{parse_name(name)}{'' if selector.startswith('@') else '/'}{selector}"), Stage.parse(stage)


def _stage_or_none(stage: Stage | str | None) -> Stage | None:
    return None if stage is None else Stage.parse(stage)


def _no_history(catalog: Snapshot, name: str) -> list[JournalEntry]:
    catalog.model(parse_name(name))  # raises: nothing was ever named so
    return []


@contextmanager
def _storing(needed: int | None = None, place: Path | None = None) -> Iterator[None]:
    """What the operating system refuses, in our words."""
    try:
        yield
    except BrokenPipeError:  # whoever read our output has gone, which is no failure of storage
        raise
    except OSError as error:
        raise WriteFailed(error, place, needed) from error
