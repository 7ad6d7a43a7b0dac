"""The registry: one method for each task of a user; parses, calls, and returns."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from modelreg.domain.display import RecordList
from modelreg.domain.references import (
    ModelName,
    Reference,
    check_plain_alias,
    check_plain_name,
    is_utf8,
    parse_name,
)
from modelreg.domain.stages import Stage, StageRules
from modelreg.errors import (
    InvalidInput,
    SourceNotFound,
    quoted,
    shown,
)
from modelreg.store.folder import OPTIONAL, REQUIRED, SANDBOX, RegistryFolder, absolute_path, find_registry_folder
from modelreg.store.transactions import reading, translating_os_errors, writing
from modelreg.system.files import check_local_path
from modelreg.system.locks import DEFAULT_LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from pandas import DataFrame

    from modelreg.data.tables.table_file import TextLayout
    from modelreg.domain.comparison import Difference
    from modelreg.domain.evaluations import Evaluation, EvaluationOutcome, Prediction
    from modelreg.domain.gates import AddedGate, Gate, GateCheck
    from modelreg.domain.journal import JournalEntry, StageAtMoment
    from modelreg.domain.metadata import MetadataChange
    from modelreg.domain.models import Model
    from modelreg.domain.pruning import Pruning
    from modelreg.domain.registrations import Registration
    from modelreg.domain.registries import Backup, Finding, RegistryInformation, Restoration
    from modelreg.domain.scans import TrustedName
    from modelreg.domain.signatures import Signature
    from modelreg.domain.transfers import Transfer
    from modelreg.domain.transitions import Transition
    from modelreg.domain.versions import ModelVersion
    from modelreg.expressions.building import Key
    from modelreg.expressions.tree import Expression
    from modelreg.loading.confined.conditions import ConfinementOptions
    from modelreg.runs import Runs
    from modelreg.store.artifacts.copying import Progress
    from modelreg.store.catalog.writer import CatalogWriter

    Count = Callable[[int, int], None]
    Rows = Callable[[int, int | None], None]

StrPath = str | os.PathLike[str]


class StoredVersionOptions(TypedDict, total=False):
    """Options of a registration of stored bytes; see `Registry.register`."""

    description: str | None
    tags: Mapping[str, object] | None
    aliases: Sequence[str]
    stage: Stage | str | None
    archive_existing: bool
    message: str | None
    run_id: str | None
    source: str | None
    new_version: bool
    allow_unsafe: str | None


class VersionOptions(StoredVersionOptions, total=False):
    """Options of a registration; see `Registry.register`."""

    metrics: Mapping[str, float] | None
    params: Mapping[str, object] | None
    signature: Signature | None


_QUICKLY_SIZED = 10_000  # versions; adding up their files takes less than 10 ms


class Registry:
    """A model registry in a folder.

    Without ``path``, it is the folder that the command line uses: ``$MODELREG_HOME``, else the nearest ``.modelreg``
    in this folder or above, else the user's data folder. Methods open and close what they need, so one object can be
    shared between threads.

    Methods raise the errors of `modelreg.errors`, the same that the command line reports.
    """

    def __init__(self, path: StrPath | None = None, *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT) -> None:
        if not 0 <= lock_timeout < math.inf:
            raise InvalidInput(
                f"the time to wait for a lock is {lock_timeout}, not a number of seconds",
                f"write --lock-timeout {DEFAULT_LOCK_TIMEOUT:.0f}",
            )
        self._folder = RegistryFolder(
            absolute_path(find_registry_folder(None if path is None else Path(path))), lock_timeout
        )

    @property
    def folder(self) -> Path:
        """The registry folder."""
        return self._folder.path

    @property
    def stage_rules(self) -> StageRules:
        """The rules for stages, names and deletion; fixed when the registry was created."""
        with reading(self._folder) as catalog:
            return catalog.rules

    def exists(self) -> bool:
        """Whether the folder holds a registry, damaged or not."""
        return os.path.exists(self._folder.catalog.path)

    @property
    def requires_sandbox(self) -> bool:
        """Whether models of this registry run only in a complete sandbox; see `require_sandbox`."""
        self._folder.check()
        return self._folder.requires_sandbox()

    def require_sandbox(self, required: bool = True, *, message: str | None = None) -> bool:
        """Let models run only in a complete sandbox, or also without one; returns whether the setting changed.

        `predict` and `evaluate` then raise `SandboxUnavailable` on systems without one. `load` never confines a model,
        and is not affected.
        """
        with writing(self._folder, message) as writer:
            return writer.set_setting(SANDBOX, REQUIRED if required else OPTIONAL)

    def create(self, *, shared: bool = False, stages: StageRules | str | None = None) -> bool:
        """Create the registry if it does not exist; returns whether it was created now.

        `register` creates it by itself. ``shared`` makes it writable for its group. ``stages`` are the rules for
        stages, names and deletion, which cannot be changed later: ``strict`` (the default) or ``mlflow``. Raises
        `Conflict` for an existing registry with other settings.
        """
        rules = None if stages is None else StageRules.parse(stages)
        with translating_os_errors(inside=self.folder):
            return self._folder.create(shared=shared, rules=rules)

    # Reading

    def models(
        self,
        glob: str | None = None,
        *,
        filter: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> RecordList[Model]:
        """List registered models by name, or only those whose name matches the shell pattern ``glob``.

        ``filter`` keeps models with a version for which the expression is true (``name`` and ``tags`` are those of the
        model), ``sort`` orders them by fields of models, ``limit`` and ``offset`` select a page. Raises
        `InvalidExpression`.
        """
        from modelreg.domain.models import Model

        if glob is not None and not is_utf8(glob):
            raise InvalidInput(f"the pattern {shown(glob)} is not UTF-8", "no model has such a name")
        where, order = _parse_query(filter, sort, limit, of_models=True)
        with reading(self._folder) as catalog:
            return RecordList(Model, catalog.models(glob, where, order, limit, offset))

    def model(self, name: str) -> Model:
        """Get a registered model; raises `ModelNotFound`."""
        with reading(self._folder) as catalog:
            return catalog.model(parse_name(name))

    def versions(
        self, name: str, *, filter: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> RecordList[ModelVersion]:
        """List the versions of a model, newest first.

        ``filter`` keeps versions for which the expression is true (``metrics.auc > 0.9 AND stage = 'Staging'``),
        ``sort`` orders them by fields (``metrics.auc DESC``), ``limit`` keeps the first ones. Raises `ModelNotFound`
        and `InvalidExpression`.
        """
        from modelreg.domain.versions import ModelVersion

        where, order = _parse_query(filter, sort, limit, of_models=False)
        with reading(self._folder) as catalog:
            return RecordList(ModelVersion, catalog.versions(parse_name(name), where, order, limit))

    def search(
        self, filter: str | None = None, *, sort: str | None = None, limit: int | None = None, offset: int = 0
    ) -> RecordList[ModelVersion]:
        """List the versions of all models for which ``filter`` is true.

        They are ordered by ``sort``, else by model, newest first; ``limit`` and ``offset`` select a page. Raises
        `InvalidExpression`.
        """
        from modelreg.domain.versions import ModelVersion

        where, order = _parse_query(filter, sort, limit, of_models=False)
        with reading(self._folder) as catalog:
            return RecordList(ModelVersion, catalog.search(where, order, limit, offset))

    def latest_in_stages(self, *names: str) -> dict[str, list[ModelVersion]]:
        """For each existing model of ``names``, get the newest version in each non-empty stage."""
        with reading(self._folder) as catalog:
            existing = filter(catalog.has_model, map(parse_name, names))
            return {name: catalog.latest_in_stages(name) for name in existing}

    def version(self, reference: str) -> ModelVersion:
        """Get a version by reference: ``NAME/3``, ``NAME/Production``, ``NAME/latest``, ``NAME@champion``.

        Raises `InvalidReference`, or a subclass of `NotFound`.
        """
        with reading(self._folder) as catalog:
            return catalog.version(Reference.parse(reference))

    def history(
        self,
        subject: str | None = None,
        *,
        since: datetime | str | None = None,
        user: str | None = None,
        action: str | None = None,
        limit: int | None = None,
    ) -> RecordList[JournalEntry]:
        """List journal entries, oldest first: all of them, or those of a model or version.

        A model name selects everything that happened under it, also to deleted models. ``since`` (a time as in
        `history_as_of`; a day means its beginning), ``user`` and ``action`` select entries, and ``limit`` keeps the
        newest ones. Raises `InvalidInput`, `ModelNotFound` and `VersionNotFound`.
        """
        from modelreg.domain.journal import JournalEntry
        from modelreg.lifecycle import history

        journal_filter = history.parse_filter(since=since, user=user, action=action, limit=limit)
        with reading(self._folder) as catalog:
            return RecordList(JournalEntry, history.find_entries(catalog, subject, journal_filter))

    def current_stage(self, reference: str) -> StageAtMoment:
        """Get the current stage of a version, since when, and who set it."""
        from modelreg.domain.journal import StageAtMoment

        with reading(self._folder) as catalog:
            version = catalog.version(Reference.parse(reference))
            entry = catalog.journal.last_into_stage(version.name, version.version)
        since, user = (version.created_at, version.created_by) if entry is None else (entry.at, entry.user)
        claimed, message = (None, None) if entry is None else (entry.claimed_user, entry.message)
        return StageAtMoment(version.name, version.version, version.stage, since, user, claimed, message)

    def history_as_of(self, moment: datetime | str, subject: str | None = None) -> RecordList[StageAtMoment]:
        """List which version was in which stage at ``moment``: of all models, one model, or one version.

        ``moment`` is an aware datetime or a text: ``2026-10-01T12:00:00Z``, ``2026-10-01`` (the end of that day in
        UTC), ``now``, ``today``, ``yesterday``, ``3d`` (three days ago). The result has the names of that time; a model
        is found under any name that it ever had. Raises `InvalidInput`, `ModelNotFound`, and `VersionNotFound` for a
        version that did not exist then.
        """
        from modelreg.domain.journal import StageAtMoment
        from modelreg.domain.validation import parse_time
        from modelreg.lifecycle import history

        at = parse_time(moment)
        with reading(self._folder) as catalog:
            return RecordList(StageAtMoment, history.find_stages_at(catalog, subject, at))

    def gates(self, name: str | None = None) -> RecordList[Gate]:
        """List the gates of a model, including those for all models; without a name, all gates."""
        from modelreg.domain.gates import Gate

        with reading(self._folder) as catalog:
            return RecordList(Gate, catalog.gates(None if name is None else parse_name(name)))

    def check_gates(self, reference: str, stage: Stage | str) -> GateCheck:
        """Check a version against the gates of ``stage``; changes nothing and writes no journal entry."""
        from modelreg.domain.gates import GateCheck
        from modelreg.lifecycle.promotion import check_stage_gates

        target_stage = Stage.parse(stage)
        with reading(self._folder) as catalog:
            version = catalog.version(Reference.parse(reference))
            check = check_stage_gates(catalog, version, target_stage)
            return check or GateCheck(version.name, version.version, target_stage, None, True, ())

    def evaluations(self, reference: str) -> RecordList[Evaluation]:
        """List the evaluations of a version, by data set."""
        from modelreg.domain.evaluations import Evaluation

        with reading(self._folder) as catalog:
            version = catalog.version(Reference.parse(reference))
            return RecordList(Evaluation, catalog.evaluations(version.name, version.digest))

    def diff(self, before: str, after: str) -> Difference:
        """Compare two versions, of one model or of two."""
        from modelreg.domain.comparison import compare

        with reading(self._folder) as catalog:
            return compare(catalog.version(Reference.parse(before)), catalog.version(Reference.parse(after)))

    def information(self, *, size: bool | None = None) -> RegistryInformation:
        """Get the settings, counts and size of the registry.

        ``size`` says whether the stored bytes are added up; by default, if the registry has at most 10,000 versions.
        """
        import platform
        import sqlite3

        from modelreg import __version__
        from modelreg.domain.registries import RegistryInformation
        from modelreg.loading.confined.sandbox import get_available_confinement

        with reading(self._folder) as catalog:
            head, (models, versions) = catalog.journal.head(), catalog.counts()
            is_sized = versions <= _QUICKLY_SIZED if size is None else size
            return RegistryInformation(
                path=str(self.folder),
                shared=self._folder.is_shared(),
                stages=catalog.rules,
                sandbox=get_available_confinement().described,
                sandbox_required=catalog.setting(SANDBOX) == REQUIRED,
                models=models,
                versions=versions,
                size=catalog.storage.size_of_files() if is_sized else None,
                journal_head=None if head is None else f"{head.seq}:{head.hash}",
                schema_version=catalog.schema_version(),
                modelreg=__version__,
                python=platform.python_version(),
                sqlite=sqlite3.sqlite_version,
            )

    def verify(
        self, *references: str, expect_head: str | None = None, progress: Progress | None = None
    ) -> Iterator[Finding]:
        """Check the catalog, the journal and all stored bytes; yields the problems and changes nothing.

        With ``references``, only the bytes of those versions are read. ``expect_head`` is a journal head kept elsewhere
        (``SEQ:HASH``, see `information`), which the journal must contain. ``progress`` is called with the bytes read
        and their total. Raises `InvalidInput` for an invalid head, and `NotFound` or a subclass.
        """
        from modelreg.domain.validation import parse_journal_head
        from modelreg.maintenance.verify import VerifyRequest, verify

        with translating_os_errors():
            self._folder.check()
        parsed_references = tuple(map(Reference.parse, references)) or None
        head = None if expect_head is None else parse_journal_head(expect_head)

        def findings() -> Iterator[Finding]:
            with translating_os_errors(inside=self.folder):
                yield from verify(self._folder, VerifyRequest(parsed_references, head), progress)

        return findings()

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
        archive_existing: bool = False,
        signature: Signature | None = None,
        message: str | None = None,
        run_id: str | None = None,
        source: str | None = None,
        new_version: bool = False,
        follow_symlinks: bool = False,
        allow_unsafe: str | None = None,
        progress: Progress | None = None,
    ) -> Registration:
        """Store a model's file or folder as the next version of ``name``; creates registry and model if needed.

        The same bytes with the same metrics, parameters and signature give the existing version, unless
        ``new_version``; ``description``, ``tags``, ``aliases`` and ``stage`` are then applied to it. ``source`` is the
        origin of the model if that is not ``path``, ``run_id`` the run that made it; neither is part of the digest.
        ``message`` is kept in the journal. If ``stage`` is refused, nothing is registered; ``archive_existing``
        archives the versions in that stage.

        A folder written by `export` is registered as the version in it, with its metrics, parameters and signature
        where none are given.

        Pickles and archives are scanned without being run, and the verdict is kept as the version's ``scan``. Files
        that run code when they are loaded are refused, unless ``allow_unsafe`` gives a reason. ``progress`` is called
        with the bytes stored and their total.

        Raises `InvalidInput` or a subclass, `UnsafeModel`, `NameTaken`, `GateRefused`, `ProductionOccupied`,
        `StorageFailure` and `LockTimeout`; nothing is registered then.
        """
        from modelreg.domain.facts import Facts
        from modelreg.domain.metadata import VersionMetadata
        from modelreg.domain.validation import parse_reason
        from modelreg.registration.register import RegistrationRequest
        from modelreg.registration.register import register as register_source
        from modelreg.store.artifacts.exported import exported_version
        from modelreg.store.artifacts.source import find_source

        model = parse_name(name)
        metadata = VersionMetadata.parse(
            description=description,
            tags=tags,
            aliases=aliases,
            stage=stage,
            archive_existing=archive_existing,
            message=message,
            run_id=run_id,
        )
        facts = Facts.parse(is_folder=False, signature=signature, metrics=metrics, params=params)
        if not os.fspath(path):  # which Path takes for the current folder: a variable of a script that is not set
            raise SourceNotFound(path)
        self._check_plain_names(model, *metadata.aliases)
        files = find_source(Path(path), self.folder, follow_symlinks=follow_symlinks)
        expected, exported = None, exported_version(files)
        if exported is not None:
            files, expected = exported.source, exported.expected
            facts = facts.with_defaults(exported.metrics, exported.params, exported.signature)
        facts = replace(facts, is_folder=files.is_folder)
        reason, origin = parse_reason(allow_unsafe), source or str(files.root)
        request = RegistrationRequest(model, files, facts, metadata, origin, reason, new_version, expected)
        with translating_os_errors(needed=files.size, inside=self.folder):
            self._folder.create()
            return register_source(self._folder, request, progress)

    def log_model(
        self, estimator: object, name: str, *, input_example: object = None, **options: Unpack[VersionOptions]
    ) -> Registration:
        """Write ``estimator`` with joblib and `register` the file with these options.

        ``input_example`` (a DataFrame, an array, …) gives the signature: its columns are the inputs, and the result of
        ``estimator.predict`` the outputs. The default ``source`` is the running script.
        """
        from modelreg.registration.serialization import dumped, signature_by_example

        if input_example is not None and options.get("signature") is None:
            options["signature"] = signature_by_example(estimator, input_example)
        script = Path(sys.argv[0])
        options.setdefault("source", str(script.absolute()) if script.is_file() else "log_model")
        with dumped(estimator) as path:
            return self.register(path, name, **options)

    def register_stored(self, reference: str, name: str, **options: Unpack[StoredVersionOptions]) -> Registration:
        """Register the stored bytes of ``OTHER/3`` or ``runs:/RUN/PATH`` as the next version of ``name``.

        A model of a run keeps the run's current metrics and parameters, a version its own, and the signature stays with
        the bytes; none of these can be given. The other options are those of `register`. Raises what that raises,
        `NotFound` or a subclass, and `BlobDamaged`.
        """
        from modelreg.registration.register import register
        from modelreg.registration.stored import request_for_stored

        with translating_os_errors(inside=self.folder):
            self._folder.check()
            return register(
                self._folder, request_for_stored(self._folder, reference, parse_name(name), dict(options)), None
            )

    def register_reference(self, location: str, name: str, **options: Unpack[VersionOptions]) -> Registration:
        """Register the location of bytes that cannot be stored as the next version of ``name``.

        Its status is ``REFERENCE``; `load` and everything else that needs bytes raises `BytesNotStored` for it. The
        options are those of `register`. Raises what that raises.
        """
        from modelreg.registration.register import register
        from modelreg.registration.stored import request_for_reference

        request = request_for_reference(location, parse_name(name), dict(options))
        self._check_plain_names(request.name, *request.metadata.aliases)
        with translating_os_errors(inside=self.folder):
            self._folder.create()
            return register(self._folder, request, None)

    def create_model(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, object] | None = None,
        message: str | None = None,
    ) -> Model:
        """Create a model without versions; `register` creates it by itself. Raises `ModelExists` and `NameTaken`."""
        from modelreg.domain.validation import parse_tags, parse_text

        model, described = parse_name(name), parse_text(description, "the description")
        self._check_plain_names(model)
        self.create()
        with writing(self._folder, message) as writer:
            writer.add_model(model, described, parse_tags(tags))
            return writer.model(model)

    @property
    def runs(self) -> Runs:
        """The runs of this registry, with what was logged in them."""
        from modelreg.runs import Runs

        return Runs(self._folder)

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
        force: bool = False,
        message: str | None = None,
        dry_run: bool = False,
    ) -> Transition:
        """Move a version to a stage: ``transition("churn", 3, "Staging")`` or ``transition("churn/3", "Staging")``.

        Only one version of a model is in Production. ``archive_existing`` archives the versions in the target stage,
        ``move_existing`` moves them to another one, and ``existing`` limits both to that one version. ``if_current``
        changes nothing unless the version is in that stage now. ``force`` overrides gates and needs a ``message``,
        which is kept in the journal. ``dry_run`` only returns the plan.

        Raises `GateRefused` (which is journalled), `ProductionOccupied`, `StageChanged`, `InvalidInput` or
        `NotFound`; nothing is changed then.
        """
        from modelreg.domain.validation import parse_reason
        from modelreg.lifecycle.promotion import apply_transition, plan_gated_transition
        from modelreg.lifecycle.rules.transitions import TransitionRequest

        reference, to_stage = _parse_target(name, version, stage)
        if archive_existing and move_existing is not None:
            raise InvalidInput("archive_existing and move_existing cannot be combined", "choose one of the two")
        request = TransitionRequest(
            stage=to_stage,
            move_existing=Stage.ARCHIVED if archive_existing else _stage_or_none(move_existing),
            existing=existing,
            if_current=_stage_or_none(if_current),
        )
        if force:
            parse_reason(message or "", "overriding gates", "--message WHY")
        if dry_run:
            with reading(self._folder) as catalog:
                return plan_gated_transition(catalog, reference, request, force=force)
        with self._promoting(message) as writer:
            transition = plan_gated_transition(writer, reference, request, force=force)
            apply_transition(writer, transition)
        return transition

    def rollback(self, name: str, *, message: str | None = None, dry_run: bool = False) -> Transition:
        """Bring the previous version back to Production, as found in the journal.

        The version that it displaces returns to its previous stage. Gates are not checked. Raises
        `NothingToRollBackTo` when there is no such version or it was deleted, and `BlobDamaged` when its bytes differ
        from what was registered; nothing is changed then.
        """
        from modelreg.domain.validation import parse_message
        from modelreg.lifecycle.rollback import plan, roll_back

        model = parse_name(name)
        if dry_run:
            with reading(self._folder) as catalog:
                return plan(catalog, model)
        with translating_os_errors():
            self._folder.check()
            return roll_back(self._folder, model, parse_message(message))

    # Gates, approvals, evaluations

    def add_gate(
        self, name: str, stage: Stage | str, expression: str, *, description: str = "", message: str | None = None
    ) -> AddedGate:
        """Add a gate: only versions of ``name`` (``*`` for all models) with a true ``expression`` may enter ``stage``.

        An existing gate with the same expression is kept, with the new ``description`` if one is given. The
        ``warnings`` of the result name likely mistakes. Raises `InvalidExpression` and `ModelNotFound`.
        """
        from modelreg.domain.validation import parse_text
        from modelreg.expressions.parsing import parse_gate
        from modelreg.lifecycle import adding_gates
        from modelreg.store.catalog.queries.gates import EVERY_MODEL

        model, target_stage = None if name == EVERY_MODEL else parse_name(name), Stage.parse(stage)
        if target_stage is Stage.NONE:
            raise InvalidInput("gates cannot be added to the stage None", "name another stage")
        condition, text = parse_gate(expression), parse_text(description, "the description")
        with writing(self._folder, message) as writer:
            return adding_gates.add_gate(writer, model, target_stage, condition, expression.strip(), text)

    def remove_gate(self, number: int, *, message: str | None = None) -> Gate:
        """Remove a gate by its number and return it; raises `NotFound`."""
        from modelreg.errors import NotFound
        from modelreg.store.catalog.queries.gates import EVERY_MODEL

        with writing(self._folder, message) as writer:
            gate = next((gate for gate in writer.gates() if gate.id == number), None)
            if gate is None:
                raise NotFound(
                    f"there is no gate {number}",
                    "'modelreg gate list' shows the gates and their numbers",
                    python_hint="registry.gates() lists the gates and their numbers",
                    code="gate_not_found",
                )
            writer.remove_gate(None if gate.name == EVERY_MODEL else parse_name(gate.name), number)
        return gate

    def approve(self, reference: str, *, message: str = "", withdraw: bool = False) -> MetadataChange:
        """Approve a version as the OS user, or withdraw the approval; it applies to all versions with its digest.

        A gate ``approvals >= 2`` counts the approvals of others than those who registered the version. Raises
        `NotFound`.
        """
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            if withdraw:
                return metadata.withdraw_approval(writer, Reference.parse(reference))
            return metadata.approve(writer, Reference.parse(reference), message)

    def evaluate(
        self,
        reference: str,
        data: StrPath | DataFrame,
        target: str | Sequence[str],
        *,
        dataset: str | None = None,
        task: str | None = None,
        positive: str | None = None,
        per_class: bool = False,
        scorers: Sequence[str] = (),
        weight: str | None = None,
        by: str | None = None,
        id_column: str | Sequence[str] = (),
        ignore_extra: bool = False,
        layout: TextLayout | None = None,
        production: bool = False,
        trust: str | None = None,
        message: str | None = None,
        progress: Rows | None = None,
        **options: Unpack[ConfinementOptions],
    ) -> EvaluationOutcome:
        """Run a version on data and keep its metrics, with the digest of the data.

        ``data`` is a CSV, JSON Lines or parquet file, ``-`` for CSV from stdin, or a DataFrame, with the true values in
        the column ``target``, or one column per output. The scores replace earlier ones on ``dataset``, by default the
        file's name without its ending; with ``weight`` the name ends in ``_weighted``. ``task`` is ``classification``
        or ``regression``, by default that of the model.

        ``positive`` is the class for precision, recall and f1; ``per_class`` measures them for every class, as
        ``recall:LABEL``. ``scorers`` are names of scikit-learn scorers. ``weight`` is a column with a weight for each
        row; ``by`` is a column for whose values the rows are also measured separately: ``accuracy[COLUMN=VALUE]``.
        ``id_column`` names columns that are not inputs; ``ignore_extra`` ignores all other surplus columns.

        ``production`` also measures the version in Production on the same file, so that the scores are comparable; both
        are kept, or none. ``progress`` is called with the number of rows done. Models run confined, see `predict`.
        Raises what `predict` raises; nothing is kept then.
        """
        from modelreg.domain.evaluations import EvaluationRequest
        from modelreg.domain.validation import parse_dataset_name
        from modelreg.lifecycle.evaluation import evaluate_version

        _check_no_nul(data)
        if dataset is None and not isinstance(data, str | os.PathLike):
            raise InvalidInput("a DataFrame has no name", 'name the data set, as dataset="holdout"')
        name = parse_dataset_name(dataset, data if isinstance(data, str | os.PathLike) else None)
        request = EvaluationRequest(
            targets=_texts(target),
            task=task,
            positive=positive,
            per_class=per_class,
            scorers=tuple(dict.fromkeys(scorers)),
            weight=weight,
            by=by,
            id_columns=_texts(id_column),
            ignore_extra=ignore_extra,
        )
        if not request.targets:
            raise InvalidInput("no target column is given", "name the column with the true values")
        return evaluate_version(
            self._folder,
            reference,
            data,
            layout,
            request,
            f"{name}_weighted" if weight is not None and not name.endswith("_weighted") else name,
            with_production=production,
            trust=trust,
            message=message,
            options=options,
            progress=progress,
        )

    def record_evaluation(
        self,
        reference: str,
        dataset: str | None,
        metrics: Mapping[str, float],
        *,
        data: StrPath | None = None,
        message: str | None = None,
    ) -> EvaluationOutcome:
        """Keep metrics that were computed elsewhere as those of a version on ``dataset``.

        ``data`` is the file that they were computed on: its SHA-256 makes them comparable with those of other versions,
        and its name is the default ``dataset``. Raises `InvalidInput` and `SourceNotFound`.
        """
        from modelreg.data.tables.table_file import hash_data_file
        from modelreg.domain.evaluations import Scores
        from modelreg.domain.validation import parse_dataset_name, parse_metrics
        from modelreg.lifecycle import metadata

        _check_no_nul(data)
        name, values = parse_dataset_name(dataset, data), parse_metrics(metrics)
        if not values:
            raise InvalidInput("no metrics are given", "give at least one, as in --metric auc=0.93")
        scores = Scores(None, values, {}, None, None if data is None else hash_data_file(data), None)
        with writing(self._folder, message) as writer:
            return metadata.record_scores(writer, reference, name, scores)

    def predict(
        self,
        reference: str,
        input: StrPath | DataFrame,
        output: StrPath,
        *,
        proba: bool = False,
        id_column: str | None = None,
        ignore_extra: bool = False,
        layout: TextLayout | None = None,
        trust: str | None = None,
        message: str | None = None,
        progress: Rows | None = None,
        **options: Unpack[ConfinementOptions],
    ) -> Prediction:
        """Predict for each row of a CSV, JSON Lines or parquet file, or a DataFrame, in chunks.

        ``output`` appears complete or not at all. The columns are checked against the signature, put into its order and
        converted to its types. ``proba`` adds a column for each class, ``id_column`` is copied to the output and not
        given to the model, ``ignore_extra`` ignores surplus columns. ``layout`` describes a text file that is not
        CSV in UTF-8 with a header.

        The model is loaded and run in a child process that the kernel confines (Linux 5.13 and newer): it can read the
        Python installation, importable modules and the data, and write its output; it has no network, also with
        ``trust="full"``. ``allow_read`` names folders or files that it may read, ``allow_network`` lets it connect;
        both need ``message`` and are journalled. ``memory_limit`` (``"64GiB"``, or bytes) is by default the memory of
        the machine, ``time_limit`` is in seconds. ``require_sandbox`` refuses to run without a complete sandbox.

        Raises `InvalidData`, `CannotPredict`, `UntrustedModel`, `ModelStopped` for a model that crashes or reaches a
        limit, `SandboxUnavailable`, `ConfinementFailed`, and what `load` raises.
        """
        from modelreg.data.tables.writing import open_output
        from modelreg.domain.evaluations import Prediction
        from modelreg.loading.running import running
        from modelreg.store.artifacts.delivery import check_outside_registry

        _check_path(output)
        _check_no_nul(input, output)
        _check_message_is_used(message, trust, options.get("allow_read"), options.get("allow_network"))
        if _is_same_file(input, output):
            raise InvalidInput("the predictions would overwrite the data", "name another file with --output")
        check_outside_registry(Path(output))
        with (
            translating_os_errors(place=Path(output)),
            running(self._folder, reference, input, layout, trust=trust, message=message, options=options) as model,
            open_output(output) as target,
        ):
            answer = model.predict(
                target, proba=proba, id_column=id_column, ignore_extra=ignore_extra, progress=progress
            )
            model.table.check_unchanged()
        return Prediction(os.fspath(output), answer.rows, answer.columns, model.data_digest)

    # Trust

    def trusted_names(self) -> RecordList[TrustedName]:
        """List the names that models may import besides those on the allow-list."""
        from modelreg.domain.scans import TrustedName

        with reading(self._folder) as catalog:
            return RecordList(TrustedName, catalog.trusted_names())

    def trust(self, *names: str, message: str | None = None) -> tuple[str, ...]:
        """Let models import ``mypackage.features.Encoder`` (or ``mypackage:Outer.Inner``) when they are loaded.

        ``sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean`` allows the name only as the value of
        this attribute. Versions that needed nothing else become ``safe``. Returns the names that were not trusted
        before. Raises `InvalidInput` for text that is not a name, and `Untrusted` for a name on the deny-list; no
        name is trusted then.
        """
        from modelreg.lifecycle.trust import trust_names

        return trust_names(self._folder, names, message)

    def is_imported(self, name: str) -> bool:
        """Whether a version imports a name that is not on the allow-list; raises `InvalidInput`."""
        from modelreg.loading.trust import parse_trusted_name

        with reading(self._folder) as catalog:
            return catalog.is_imported(*parse_trusted_name(name))

    def distrust(self, *names: str, message: str | None = None) -> None:
        """Stop trusting names; raises `NotFound`, and changes nothing then."""
        from modelreg.lifecycle.trust import distrust_names

        distrust_names(self._folder, names, message)

    # Metadata

    def alias(self, reference: str, alias: str, *, message: str | None = None) -> MetadataChange:
        """Point an alias at a version; it moves if it exists. Raises `InvalidName`."""
        from modelreg.domain.references import parse_alias
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            return metadata.set_alias(writer, Reference.parse(reference), parse_alias(alias))

    def remove_alias(self, name: str, alias: str, *, message: str | None = None) -> MetadataChange:
        """Remove an alias; raises `AliasNotFound`."""
        from modelreg.domain.references import parse_alias
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            return metadata.remove_alias(writer, parse_name(name), parse_alias(alias))

    def tag(
        self,
        subject: str,
        tags: Mapping[str, object] | None = None,
        *,
        remove: Sequence[str] = (),
        message: str | None = None,
    ) -> MetadataChange:
        """Set and remove tags of a model (``NAME``) or a version; raises `TagNotFound`."""
        from modelreg.domain.validation import parse_tags
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            return metadata.tag(writer, subject, parse_tags(tags), remove)

    def describe(self, subject: str, description: str, *, message: str | None = None) -> MetadataChange:
        """Replace the description of a model (``NAME``) or a version."""
        from modelreg.domain.validation import parse_text
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            return metadata.describe(writer, subject, parse_text(description, "the description"))

    def rename(self, name: str, new: str, *, message: str | None = None) -> MetadataChange:
        """Rename a model. References by the old name stop working, and never name versions of another model.

        Raises `ModelExists`, and `NameTaken` for a name that differs from another one only in case.
        """
        from modelreg.lifecycle import metadata

        with writing(self._folder, message) as writer:
            return metadata.rename(writer, parse_name(name), parse_name(new))

    # Loading and copying

    def path(self, reference: str, *, progress: Progress | None = None) -> Path:
        """Get the path of a read-only copy of the version's file or folder; every byte is checked now.

        ``progress`` is called with the bytes read and their total. Raises `BlobDamaged` when the stored bytes differ
        from what was registered.
        """
        from modelreg.loading.versions import check_out_version, find_version

        return check_out_version(self._folder, *find_version(self._folder, reference), progress)

    def load(self, reference: str, *, trust: str | None = None, message: str | None = None) -> Any:
        """Load a version as a Python object, from bytes that are checked now.

        A pickle is scanned first, and unpickled only if it imports nothing but names on the allow-list and trusted
        names; otherwise `UntrustedModel` is raised before anything is imported. ``trust="full"`` lets it run any code,
        which is journalled with ``message``, the reason. Formats without code need no trust.

        The model becomes an object of this process, so it is **not confined**: its code can do whatever this process
        can. `predict` and `evaluate` confine it.

        Warns when the library that made the model had another version than the installed one. Raises `BlobDamaged`,
        and `UnloadableModel` for an unknown format or a missing library.
        """
        from modelreg.loading.versions import load_version

        _check_message_is_used(message, trust)
        return load_version(self._folder, reference, trust, message)

    def copy(
        self, reference: str, destination: StrPath, *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Copy the version's checked bytes to ``destination``; returns the file or folder that was written.

        It appears complete or not at all. A file is written into ``destination`` if that is a folder or ends in ``/``.
        For a folder, ``destination`` must not exist or be empty. Raises `DestinationExists` (unless ``overwrite``, for
        a file) and `BlobDamaged`. ``progress`` is called as by `path`.
        """
        from modelreg.loading.versions import find_version
        from modelreg.store.artifacts.copying import counting
        from modelreg.store.artifacts.delivery import copy_file, copy_folder

        _check_path(destination)
        target, store = Path(destination), self._folder.artifacts
        version, manifest = find_version(self._folder, reference)
        advance = progress and counting(progress, version.size)
        with translating_os_errors(needed=version.size, place=target):
            if manifest.is_folder:
                return copy_folder(store, manifest.files, target, version.reference, advance)
            return copy_file(
                store,
                manifest.files[0],
                target,
                version.reference,
                overwrite=overwrite,
                into_folder=os.fspath(destination).endswith(os.sep),
                advance=advance,
            )

    def stream(self, reference: str, descriptor: int) -> None:
        """Write the bytes of a version of one file to a descriptor, after all of them are checked.

        Raises `BlobDamaged`, and `InvalidInput` for a folder.
        """
        from modelreg.loading.versions import find_version
        from modelreg.store.artifacts.delivery import stream

        with translating_os_errors():
            version, manifest = find_version(self._folder, reference)
        if manifest.is_folder:
            raise InvalidInput(
                f"{version.reference} is a folder and cannot be written to a stream", "write it with -o DIRECTORY"
            )
        with translating_os_errors(place=Path("the output")):
            stream(self._folder.artifacts, manifest.files[0], descriptor, version.reference)

    def export(self, reference: str, destination: StrPath, *, progress: Progress | None = None) -> Path:
        """Write the version as an OCI image layout, tagged with its number; returns the folder.

        ``skopeo copy oci:DIR:3 docker://…`` copies it to any OCI registry. Raises what `copy` raises. ``progress`` is
        called as by `path`.
        """
        from modelreg.loading.versions import find_version
        from modelreg.store.artifacts.copying import counting
        from modelreg.store.artifacts.delivery import export

        _check_path(destination)
        version, manifest = find_version(self._folder, reference)
        with translating_os_errors(needed=version.size, place=Path(destination)):
            advance = progress and counting(progress, version.size)
            return export(self._folder.artifacts, version, manifest, Path(destination), advance)

    # Import and export

    def import_mlflow(
        self,
        tracking_uri: StrPath,
        *names: str,
        allow_unsafe: str | None = None,
        local_paths: bool = False,
        dry_run: bool = False,
        progress: Count | None = None,
    ) -> Transfer:
        """Import registered models from MLflow, all or those named: what is new or changed there.

        ``tracking_uri`` is the address of a server, a SQLite file (``sqlite:///mlflow.db``, or its path) or a folder
        such as ``mlruns``; it is not changed. Versions keep their numbers, and come with bytes, stages, aliases, tags,
        descriptions, and the metrics and parameters of their runs, in one transaction each. Changes made here stay
        until the same value changes in MLflow. Gates are not checked. What cannot be imported is reported with the
        reason, and the rest is imported. Files that run code when they are loaded are not imported, unless
        ``allow_unsafe`` gives a reason. ``local_paths`` says that the server runs on this machine, so that paths it
        names are read; otherwise they are refused. ``progress`` is called with the versions done and their total.

        Raises `SourceNotFound`, `InvalidInput` or `MLflowFailed` when MLflow cannot be read;
        `StorageFailure` and `LockTimeout` when the registry cannot be written. The same call then continues.
        """
        from modelreg.domain.validation import parse_reason
        from modelreg.mlflow_transfer.importing import ImportRequest, import_models
        from modelreg.mlflow_transfer.location import Location

        location = Location.parse(tracking_uri, local_paths=local_paths)
        request = ImportRequest(location, names, parse_reason(allow_unsafe), dry_run)
        with translating_os_errors(inside=self.folder):
            return import_models(self._folder, request, progress)

    def export_mlflow(
        self, tracking_uri: StrPath, *names: str, dry_run: bool = False, progress: Count | None = None
    ) -> Transfer:
        """Export registered models to MLflow, all or those named: what is new or changed here.

        ``tracking_uri`` is as for `import_mlflow`; a SQLite file or folder is created if needed. The bytes of a version
        become artifacts of a run with its metrics and parameters; stages, aliases, tags and descriptions are set.
        Nothing is removed there. Numbers agree unless MLflow already has other versions of the model. What cannot be
        exported is reported with the reason.

        Raises `ModelNotFound`, and `InvalidInput` or `MLflowFailed` when MLflow cannot be used. The
        same call then continues.
        """
        from modelreg.mlflow_transfer.exporting import ExportRequest, export_models
        from modelreg.mlflow_transfer.location import Location

        request = ExportRequest(Location.parse(tracking_uri), tuple(map(parse_name, names)), dry_run)
        with translating_os_errors(inside=self.folder):
            self._folder.check()
            return export_models(self._folder, request, progress)

    # Deleting

    def delete(
        self, subject: str, *, with_versions: bool = False, message: str | None = None, dry_run: bool = False
    ) -> None:
        """Delete a version (``NAME/3``, ``NAME@alias``, …) or a model without versions (``NAME``) from the catalog.

        ``with_versions`` first deletes the versions of the model, by the same rules: all or nothing. The numbers of
        deleted versions are not reused; with MLflow's rules, a new model of the same name starts at 1. ``dry_run``
        deletes nothing, and raises what deleting would raise.

        Raises `InUse` for a version in Staging or Production or with an alias, unless the registry has MLflow's
        rules, and for a model with versions.
        """
        from modelreg.lifecycle import deletion

        if dry_run:
            with reading(self._folder) as catalog:
                deletion.plan(catalog, subject, with_versions)
            return
        with writing(self._folder, message) as writer:
            deletion.delete(writer, deletion.plan(writer, subject, with_versions))

    # Pruning and backup

    def prune(
        self,
        glob: str | None = None,
        *,
        grace: timedelta | str = "24h",
        keep_last: int | None = None,
        older_than: timedelta | str | None = None,
        stages: Sequence[Stage | str] = (),
        dry_run: bool = False,
        message: str | None = None,
        agreed: Pruning | None = None,
    ) -> Pruning:
        """Delete bytes that no version refers to, and versions that the given rules do not keep.

        Bytes are deleted when they were written longer than ``grace`` ago; this includes those of versions deleted now.
        A version is deleted when all given rules apply: it is not among the ``keep_last`` newest of its model, it was
        registered longer ago than ``older_than``, it is in one of ``stages``. Without a rule no version is deleted.
        ``glob`` selects models by name. Versions in Staging or Production, with an alias, and the one to which a
        rollback would return are never deleted. ``dry_run`` only returns the plan; ``agreed`` is such a plan, and no
        other version is deleted. Durations are `timedelta` or texts: ``30m``, ``24h``, ``90d``, ``2w``, ``0``. Without
        ``message``, the journal names the rules.

        Raises `CatalogDamaged` when the catalog does not match the stored bytes, and `LockTimeout` while something is
        being registered or copied; nothing is deleted then.
        """
        from modelreg.domain.validation import parse_count, parse_duration, parse_message
        from modelreg.maintenance import pruning
        from modelreg.maintenance.retention import Retention
        from modelreg.system import clock

        retention = Retention(
            keep_last=parse_count(keep_last, "the number of versions to keep"),
            older_than=None if older_than is None else parse_duration(older_than, "the age"),
            stages=frozenset(Stage.parse(stage) for stage in stages),
        )
        if glob is not None and not (retention.has_rules and is_utf8(glob)):
            raise InvalidInput(
                f"the pattern {shown(glob)} is for versions, but no rule selects versions to remove",
                "add --keep-last, --older-than or --stage; unreferenced files are removed for all models",
            )
        request = pruning.PruneRequest(
            glob=glob,
            retention=retention,
            grace=parse_duration(grace, "the grace period"),
            moment=clock.now(),
            agreed=None
            if agreed is None
            else frozenset(decision.reference for decision in agreed.versions if decision.removed),
        )
        reason = parse_message(message)
        with translating_os_errors(inside=self.folder):
            self._folder.check()
            return pruning.plan(self._folder, request) if dry_run else pruning.prune(self._folder, request, reason)

    def backup(self, folder: StrPath, *, progress: Progress | None = None) -> Backup:
        """Copy the registry, as it is at one moment, into ``folder``, which is a registry afterwards.

        Others may register meanwhile. ``folder`` is new, empty, or an earlier backup of this registry, complete or
        not, which is updated. Every byte is checked. Raises `Conflict` for any other folder, and `BlobDamaged` or
        `CatalogDamaged` when something is damaged; an earlier backup is then unchanged.
        """
        from modelreg.maintenance.backup import back_up

        _check_path(folder)
        with translating_os_errors(place=Path(folder)):
            self._folder.check()
            return back_up(self._folder, Path(folder), progress)

    def restore(self, folder: StrPath, *, force: bool = False, progress: Progress | None = None) -> Restoration:
        """Restore the backup in ``folder`` into this registry's folder; every byte is checked.

        Raises `Conflict` when there is a catalog, unless ``force``, which keeps the old one beside the new one;
        `Damaged` or `NoRegistry` in one of their forms for an unusable backup, and `Conflict` for one in the same
        folder. Nothing is changed then.
        """
        from modelreg.maintenance.backup import restore

        _check_path(folder)
        with translating_os_errors(inside=self.folder):
            return restore(self._folder, Path(folder), progress, force=force)

    def _check_plain_names(self, model: ModelName, *aliases: str) -> None:
        """Check names for a registry that will be created with strict rules; an existing one checks them itself."""
        if not self.exists():
            check_plain_name(model)
            for alias in aliases:
                check_plain_alias(alias)

    @contextmanager
    def _promoting(self, message: str | None) -> Iterator[CatalogWriter]:
        from modelreg.domain.validation import parse_message
        from modelreg.lifecycle.promotion import writing_with_gates

        with translating_os_errors(inside=self.folder):
            self._folder.check()
            with writing_with_gates(self._folder, parse_message(message)) as writer:
                yield writer


def _texts(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _is_same_file(data: StrPath | DataFrame, output: StrPath) -> bool:
    if not isinstance(data, str | os.PathLike) or not (os.path.exists(data) and os.path.exists(output)):
        return False
    return os.path.samefile(data, output)


def _check_message_is_used(message: str | None, *granted: object) -> None:
    """Raise `InvalidInput` for a message that would not be kept."""
    if message is not None and not any(granted):
        raise InvalidInput(
            "the message has no effect without trust or permissions",
            "leave the message out, or add --trust, --allow-read or --allow-network",
        )


def _check_path(folder: StrPath) -> None:
    """Raise `InvalidInput` for NUL, for an empty path (an unset variable in a script), and for an address.

    Path would take an empty path for the current folder, and make a folder named ``s3:``.
    """
    if not os.fspath(folder):
        raise InvalidInput("the path is empty", "name a folder or a file")
    _check_no_nul(folder)
    check_local_path(folder)


def _check_no_nul(*paths: object) -> None:
    """Raise `InvalidInput` for a path with NUL, for which Python raises a bare ValueError."""
    for path in paths:
        if isinstance(path, (str, os.PathLike)) and "\0" in os.fspath(path):
            raise InvalidInput(f"{shown(os.fspath(path))} contains a NUL character", "name a folder or a file")


def load_model(
    reference: str, registry: Registry | None = None, *, trust: str | None = None, message: str | None = None
) -> Any:
    """Load a version from ``registry``, or from the default one; see `Registry.load`."""
    return (registry or Registry()).load(reference, trust=trust, message=message)


def _parse_target(name: str, version: int | str, stage: Stage | str | None) -> tuple[Reference, Stage]:
    if stage is None:
        if str(version).removeprefix("v").isdecimal():
            raise InvalidInput(
                "the stage is missing",
                f"name a stage, as in: modelreg transition {quoted(name)} {version} Staging",
                python_hint=f"name a stage, as in: registry.transition({name!r}, {version!r}, 'Staging')",
            )
        return Reference.parse(name), Stage.parse(str(version))
    selector = str(version)
    return Reference.parse(f"{parse_name(name)}{'' if selector.startswith('@') else '/'}{selector}"), Stage.parse(stage)


def _parse_query(
    filter: str | None, sort: str | None, limit: int | None, *, of_models: bool
) -> tuple[Expression | None, tuple[Key, ...]]:
    """Parse a filter and an order; raises `InvalidExpression`, and `InvalidInput` for a limit below 1."""
    if limit is not None and limit < 1:
        raise InvalidInput(f"the limit must be at least 1, not {limit}")
    if filter is None and sort is None:
        return None, ()
    from modelreg.expressions.parsing import parse_filter, parse_order, parse_order_of_models

    parse = parse_order_of_models if of_models else parse_order
    return None if filter is None else parse_filter(filter), () if sort is None else parse(sort)


def _stage_or_none(stage: Stage | str | None) -> Stage | None:
    return None if stage is None else Stage.parse(stage)
