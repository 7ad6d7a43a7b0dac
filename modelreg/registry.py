"""The registry: one method for each thing that a person can ask of it; keeps catalog and artifacts in step."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack

from modelreg.domain.references import (
    ModelName,
    Reference,
    is_utf8,
    parse_name,
    require_plain_alias,
    require_plain_name,
)
from modelreg.domain.stages import Stage, StageRules
from modelreg.errors import (
    BytesElsewhere,
    CatalogDamaged,
    DangerousName,
    InvalidData,
    InvalidInput,
    NameNotTrusted,
    SourceNotFound,
    shown,
)
from modelreg.store.folder import OPTIONAL, REQUIRED, SANDBOX, RegistryFolder, absolute, find_home
from modelreg.store.transactions import reading, storing, writing
from modelreg.system.files import refuse_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from pandas import DataFrame

    from modelreg.data.tables.source import TableFile, TextLayout
    from modelreg.domain.comparison import Difference
    from modelreg.domain.confinement import Permissions
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
    from modelreg.loading.confined.running import ModelRun
    from modelreg.loading.trust import Trust
    from modelreg.runs import Runs
    from modelreg.store.artifacts.copying import Progress
    from modelreg.store.artifacts.manifest import Manifest
    from modelreg.store.catalog.writer import CatalogWriter

    Count = Callable[[int, int], None]
    Rows = Callable[[int, int | None], None]

StrPath = str | os.PathLike[str]


class StoredVersionOptions(TypedDict, total=False):
    """What may be stated about a version of stored bytes; `Registry.register` says what each means."""

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
    """What may be stated about a version."""

    metrics: Mapping[str, float] | None
    params: Mapping[str, object] | None
    signature: Signature | None


class Registry:
    """A model registry in a folder.

    Without ``path`` it is the folder that the command line uses: ``$MODELREG_HOME``, else the nearest
    ``.modelreg`` upward, else the user's data folder. Nothing is opened or made until it is asked for something,
    and nothing stays open, so one object serves any number of threads.

    Methods raise the errors of `modelreg.errors`, which are those that the command line reports.
    """

    def __init__(self, path: StrPath | None = None, *, lock_timeout: float = 30.0) -> None:
        if not 0 <= lock_timeout < math.inf:
            raise InvalidInput(
                f"the time to wait for a lock is {lock_timeout}, not a number of seconds", "write --lock-timeout 30"
            )
        self._home = RegistryFolder(absolute(find_home(None if path is None else Path(path))), lock_timeout)

    @property
    def folder(self) -> Path:
        """The registry folder."""
        return self._home.path

    @property
    def stage_rules(self) -> StageRules:
        """The rules for stages, names and deletion, which were chosen when the registry was made."""
        with reading(self._home) as catalog:
            return catalog.rules

    def exists(self) -> bool:
        """Whether the folder is a registry already, sound or not."""
        return os.path.exists(self._home.catalog.path)

    @property
    def requires_sandbox(self) -> bool:
        """Whether models of this registry run only where they can be confined; see `require_sandbox`."""
        self._home.require()
        return self._home.requires_sandbox()

    def require_sandbox(self, required: bool = True, *, message: str | None = None) -> bool:
        """Let models of this registry run only where they can be confined, or not; returns whether that is new.

        `predict` and `evaluate` raise `SandboxUnavailable` elsewhere. `load` cannot confine a model at all, and is not
        concerned.
        """
        with writing(self._home, message) as change:
            return change.set_setting(SANDBOX, REQUIRED if required else OPTIONAL)

    def create(self, *, shared: bool = False, stages: StageRules | str | None = None) -> bool:
        """Make the registry unless it is there, which `register` does by itself; returns whether it was made now.

        ``shared`` makes it writable for its group. ``stages`` are the rules for stages, names and deletion, which are
        chosen once: ``strict``, which a new registry gets unless another is said, or ``mlflow``. Raises
        `RegistryExists` for one that was made in another way.
        """
        rules = None if stages is None else StageRules.parse(stages)
        with storing(inside=self.folder):
            return self._home.create(shared=shared, rules=rules)

    # What is there

    def models(
        self,
        glob: str | None = None,
        *,
        filter: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Model]:
        """The registered models, by name; those alone whose name fits the shell pattern ``glob``, if given.

        ``filter`` keeps the models for one version of which an expression is true (``name`` and ``tags`` in it are
        the model's), ``sort`` orders them by fields of models, and ``limit`` takes so many after the first ``offset``.
        Raises `InvalidExpression`.
        """
        if glob is not None and not is_utf8(glob):
            raise InvalidInput(f"the pattern {shown(glob)} is not UTF-8", "no model has such a name")
        where, order = _parsed(filter, sort, limit, of_models=True)
        with reading(self._home) as catalog:
            return catalog.models(glob, where, order, limit, offset)

    def model(self, name: str) -> Model:
        """One registered model; raises `ModelNotFound`."""
        with reading(self._home) as catalog:
            return catalog.model(parse_name(name))

    def versions(
        self, name: str, *, filter: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> list[ModelVersion]:
        """The versions of a model, newest first.

        ``filter`` keeps those for which an expression is true (``metrics.auc > 0.9 AND stage = 'Staging'``),
        ``sort`` orders them by fields (``metrics.auc DESC``), and ``limit`` takes the first so many. Raises
        `ModelNotFound` and `InvalidExpression`.
        """
        where, order = _parsed(filter, sort, limit, of_models=False)
        with reading(self._home) as catalog:
            return catalog.versions(parse_name(name), where, order, limit)

    def search(
        self, filter: str | None = None, *, sort: str | None = None, limit: int | None = None, offset: int = 0
    ) -> list[ModelVersion]:
        """The versions of all models for which ``filter`` is true, ordered by ``sort``, else by model, newest first.

        ``limit`` takes so many of them after the first ``offset``. Raises `InvalidExpression`.
        """
        where, order = _parsed(filter, sort, limit, of_models=False)
        with reading(self._home) as catalog:
            return catalog.search(where, order, limit, offset)

    def latest_in_stages(self, *names: str) -> dict[str, list[ModelVersion]]:
        """Of those of these models that there are the newest version in every stage that has one, by stage."""
        with reading(self._home) as catalog:
            found = filter(catalog.has_model, map(parse_name, names))
            return {name: catalog.latest_in_stages(name) for name in found}

    def version(self, reference: str) -> ModelVersion:
        """The version that ``reference`` names: ``NAME/3``, ``NAME/Production``, ``NAME/latest``, ``NAME@champion``.

        Raises `InvalidReference`, or `NotFound` in one of its forms.
        """
        with reading(self._home) as catalog:
            return catalog.version(Reference.parse(reference))

    def history(
        self,
        subject: str | None = None,
        *,
        since: datetime | str | None = None,
        user: str | None = None,
        action: str | None = None,
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """The journal, oldest entry first: all of it, or that of a model or of one version.

        A model's name leads to everything that ever happened under it, also to models that were deleted since. Of
        these the entries ``since`` a moment (as in `history_as_of`, of a day its beginning), of a ``user`` and of one
        ``action``, and the newest ``limit`` of them. Raises `InvalidInput`, `ModelNotFound` and `VersionNotFound`.
        """
        from modelreg.lifecycle import history

        chosen = history.checked(since=since, user=user, action=action, limit=limit)
        with reading(self._home) as catalog:
            return history.entries_of(catalog, subject, chosen)

    def stage_held(self, reference: str) -> StageAtMoment:
        """The stage that a version is in now, since when, and who put it there."""
        from modelreg.domain.journal import StageAtMoment

        with reading(self._home) as catalog:
            version = catalog.version(Reference.parse(reference))
            entry = catalog.last_into_stage(version.name, version.version)
        since, user = (version.created_at, version.created_by) if entry is None else (entry.at, entry.user)
        claimed, message = (None, None) if entry is None else (entry.claimed_user, entry.message)
        return StageAtMoment(version.name, version.version, version.stage, since, user, claimed, message)

    def history_as_of(self, moment: datetime | str, subject: str | None = None) -> list[StageAtMoment]:
        """Which version was in which stage at ``moment``: of every model, of one, or one version.

        ``moment`` is aware, or a text: ``2026-10-01T12:00:00Z``, ``2026-10-01`` for the end of that day in UTC,
        ``now``, ``today``, ``yesterday``, or ``3d`` for three days ago.
        Names are those of that time; a model is found under any name that it ever had. Raises `InvalidInput`,
        `ModelNotFound`, and `VersionNotFound` when there was no such version then.
        """
        from modelreg.domain.statements import checked_moment
        from modelreg.lifecycle import history

        asked = checked_moment(moment)
        with reading(self._home) as catalog:
            return history.held_at(catalog, subject, asked)

    def gates(self, name: str | None = None) -> list[Gate]:
        """The gates of a model, those for every model among them; all that there are without a name."""
        with reading(self._home) as catalog:
            return catalog.gates(None if name is None else parse_name(name))

    def check_gates(self, reference: str, stage: Stage | str) -> GateCheck:
        """What the gates of ``stage`` say of a version now; nothing is changed or journalled."""
        from modelreg.domain.gates import GateCheck
        from modelreg.lifecycle.promotion import check_version

        wanted = Stage.parse(stage)
        with reading(self._home) as catalog:
            version = catalog.version(Reference.parse(reference))
            check = check_version(catalog, version, wanted)
            return check or GateCheck(version.name, version.version, wanted, None, True, ())

    def evaluations(self, reference: str) -> list[Evaluation]:
        """What a version scored, by data set, with everything that is known of each."""
        with reading(self._home) as catalog:
            version = catalog.version(Reference.parse(reference))
            return catalog.evaluations(version.name, version.digest)

    def diff(self, before: str, after: str) -> Difference:
        """What differs between two versions, of one model or of two."""
        from modelreg.domain.comparison import compare

        with reading(self._home) as catalog:
            return compare(catalog.version(Reference.parse(before)), catalog.version(Reference.parse(after)))

    def information(self, *, size: bool = False) -> RegistryInformation:
        """Where the registry is, what it holds, and what reads it; its ``size`` only where that is asked for."""
        import platform
        import sqlite3

        from modelreg import __version__
        from modelreg.domain.registries import RegistryInformation
        from modelreg.loading.confined.sandbox import offered

        with reading(self._home) as catalog:
            head, (models, versions) = catalog.journal_head(), catalog.counts()
            return RegistryInformation(
                path=str(self.folder),
                shared=self._home.is_shared(),
                stages=catalog.rules,
                sandbox=offered().described,
                sandbox_required=catalog.setting(SANDBOX) == REQUIRED,
                models=models,
                versions=versions,
                size=catalog.size_of_files() if size else None,
                journal_head=None if head is None else f"{head.seq}:{head.hash}",
                schema_version=catalog.schema_version(),
                modelreg=__version__,
                python=platform.python_version(),
                sqlite=sqlite3.sqlite_version,
            )

    def verify(
        self, *references: str, expect_head: str | None = None, progress: Progress | None = None
    ) -> Iterator[Finding]:
        """Check the catalog, the journal and every stored byte; yields what is wrong, and changes nothing.

        With ``references`` the bytes of those versions alone are read. ``expect_head`` is a head of the journal that
        was kept elsewhere (``SEQ:HASH``, see `information`): the journal must still lead through it. ``progress`` is
        called now and then with how many bytes were read, and how many there are. Raises `InvalidInput` for what is
        no head, and `NotFound` in one of its forms.
        """
        from modelreg.domain.statements import parse_head
        from modelreg.maintenance.verify import VerifyRequest, verify

        with storing():
            self._home.require()
        chosen = tuple(map(Reference.parse, references)) or None
        head = None if expect_head is None else parse_head(expect_head)

        def findings() -> Iterator[Finding]:
            with storing(inside=self.folder):
                yield from verify(self._home, VerifyRequest(chosen, head), progress)

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
        """Store a model's file or folder as the next version of ``name``; makes registry and model if need be.

        The same bytes with the same metrics, parameters and signature give the version that is there already,
        unless ``new_version``; ``description``, ``tags``, ``aliases`` and ``stage`` are applied to it then.
        ``source`` says where the model came from when that is not ``path``, and ``run_id`` which run made it;
        neither decides the digest. ``message`` is kept in the journal. When ``stage`` is refused, nothing is
        registered; ``archive_existing`` archives what is in that stage.

        A folder that `export` wrote is the version in it, with its metrics, parameters and signature where none are
        stated.

        Pickles and archives are looked through without being run, and the verdict is kept as the version's ``scan``.
        Files that run code when they are loaded are refused, unless ``allow_unsafe`` says why. ``progress`` is called
        now and then with how many bytes are stored, and how many there are.

        Raises `InvalidInput` in one of its forms for what cannot be registered, `UnsafeModel`, `NameTaken`,
        `GateRefused`, `ProductionOccupied`, `StorageFailure` and `Busy`; then nothing was registered.
        """
        from modelreg.domain.statements import Statement, checked_reason
        from modelreg.registration.register import RegistrationRequest
        from modelreg.registration.register import register as register_source
        from modelreg.store.artifacts.exported import exported_version
        from modelreg.store.artifacts.source import find_source

        model = parse_name(name)
        statement = Statement.checked(
            description=description,
            metrics=metrics,
            params=params,
            tags=tags,
            aliases=aliases,
            stage=stage,
            archive_existing=archive_existing,
            signature=signature,
            message=message,
            run_id=run_id,
        )
        if not os.fspath(path):  # which Path takes for the current folder: a variable of a script that is not set
            raise SourceNotFound(path)
        self._require_plain_names(model, *statement.aliases)
        found = find_source(Path(path), self.folder, follow_symlinks=follow_symlinks)
        expected, exported = None, exported_version(found)
        if exported is not None:
            found, expected = exported.source, exported.expected
            statement = statement.with_facts(exported.metrics, exported.params, exported.signature)
        why = checked_reason(allow_unsafe)
        request = RegistrationRequest(model, found, statement, source or str(found.root), why, new_version, expected)
        with storing(needed=found.size, inside=self.folder):
            self._home.create()
            return register_source(self._home, request, progress)

    def log_model(
        self, estimator: object, name: str, *, input_example: object = None, **stated: Unpack[VersionOptions]
    ) -> Registration:
        """Write ``estimator`` with joblib and `register` the file, with everything that ``stated`` says.

        ``input_example`` (a DataFrame, an array, …) gives the signature: its columns are the inputs, and what
        ``estimator.predict`` makes of it the outputs. The version's ``source`` is the script that runs, where
        there is one, unless said.
        """
        from modelreg.registration.serialization import dumped, signature_by_example

        if input_example is not None and stated.get("signature") is None:
            stated["signature"] = signature_by_example(estimator, input_example)
        script = Path(sys.argv[0])
        stated.setdefault("source", str(script.absolute()) if script.is_file() else "log_model")
        with dumped(estimator) as path:
            return self.register(path, name, **stated)

    def register_stored(self, reference: str, name: str, **stated: Unpack[StoredVersionOptions]) -> Registration:
        """Register the stored bytes of ``OTHER/3`` or ``runs:/RUN/PATH`` as the next version of ``name``.

        A run's model comes with the run's metrics and parameters as they are now, a version with its own; the
        signature stays with the bytes: none of these is stated. ``stated`` may say everything else that `register`
        takes. Raises what that raises, `NotFound` in one of its forms, and `BlobDamaged`.
        """
        from modelreg.registration.register import register
        from modelreg.registration.stored import request_for

        with storing(inside=self.folder):
            self._home.require()
            return register(self._home, request_for(self._home, reference, parse_name(name), dict(stated)), None)

    def register_reference(self, location: str, name: str, **stated: Unpack[VersionOptions]) -> Registration:
        """Register what cannot be stored: the next version of ``name`` says where its bytes are, and has none.

        Its status is ``REFERENCE``; `load` and whatever else needs bytes raises `BytesElsewhere` for it. All the rest
        is as for any version: ``stated`` says what `register` takes. Raises what that raises.
        """
        from modelreg.registration.register import register
        from modelreg.registration.stored import reference_to

        request = reference_to(location, parse_name(name), dict(stated))
        self._require_plain_names(request.name, *request.statement.aliases)
        with storing(inside=self.folder):
            self._home.create()
            return register(self._home, request, None)

    def create_model(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, object] | None = None,
        message: str | None = None,
    ) -> Model:
        """Make a model without versions, which `register` does by itself; raises `ModelExists` and `NameTaken`."""
        from modelreg.domain.statements import checked_tags, checked_text

        model, described = parse_name(name), checked_text(description, "the description")
        self._require_plain_names(model)
        self.create()
        with writing(self._home, message) as change:
            change.add_model(model, described, checked_tags(tags))
            return change.model(model)

    @property
    def runs(self) -> Runs:
        """The runs in which models are made, and what was logged in them."""
        from modelreg.runs import Runs

        return Runs(self._home)

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
        """Put a version into a stage: ``transition("churn", 3, "Staging")`` or ``transition("churn/3", "Staging")``.

        Only one version of a model is in Production. ``archive_existing`` archives whatever is in the wanted stage,
        ``move_existing`` puts it into another one, ``existing`` limits either to that one version. With
        ``if_current`` nothing happens unless the version is in that stage now. ``force`` overrides gates, and needs
        a ``message``, which is kept in the journal. ``dry_run`` only says what would be done.

        Raises `GateRefused` (which is journalled), `ProductionOccupied`, `StageChanged`, `InvalidInput` or
        `NotFound`; then nothing was changed.
        """
        from modelreg.domain.statements import checked_reason
        from modelreg.lifecycle.promotion import carry_out, decide
        from modelreg.lifecycle.rules.transitions import Terms

        reference, wanted = _reference_and_stage(name, version, stage)
        if archive_existing and move_existing is not None:
            raise InvalidInput("archiving and moving what is there exclude each other", "choose one of the two")
        terms = Terms(
            stage=wanted,
            move_existing=Stage.ARCHIVED if archive_existing else _stage_or_none(move_existing),
            existing=existing,
            if_current=_stage_or_none(if_current),
        )
        if force:
            checked_reason(message or "", "overriding gates", "--message WHY")
        if dry_run:
            with reading(self._home) as catalog:
                return decide(catalog, reference, terms, force=force)
        with self._promoting(message) as change:
            decided = decide(change, reference, terms, force=force)
            carry_out(change, decided)
        return decided

    def rollback(self, name: str, *, message: str | None = None, dry_run: bool = False) -> Transition:
        """Bring back the version that was in Production before, as the journal tells.

        The version that it displaces returns to the stage that it came from. No gate is asked. Raises
        `NothingToRollBackTo` when there is none or it was deleted, and `BlobDamaged` when its bytes are not what
        was registered; then nothing was changed.
        """
        from modelreg.domain.statements import checked_message
        from modelreg.lifecycle.rollback import plan, roll_back

        model = parse_name(name)
        if dry_run:
            with reading(self._home) as catalog:
                return plan(catalog, model)
        with storing():
            self._home.require()
            return roll_back(self._home, model, checked_message(message))

    # The contract

    def add_gate(
        self, name: str, stage: Stage | str, expression: str, *, description: str = "", message: str | None = None
    ) -> AddedGate:
        """Let nothing of ``name`` (``*`` for every model) into ``stage`` unless ``expression`` is true of it.

        A gate that says the same is kept, with ``description`` if that is given. The answer's ``warnings`` say what
        may keep every version out. Raises `InvalidExpression`, `ModelNotFound`.
        """
        from modelreg.domain.statements import checked_text
        from modelreg.expressions.parsing import parse_gate
        from modelreg.lifecycle import adding_gates
        from modelreg.store.catalog.queries.gates import EVERY_MODEL

        model, wanted = None if name == EVERY_MODEL else parse_name(name), Stage.parse(stage)
        if wanted is Stage.NONE:
            raise InvalidInput("every version starts in None, so nothing can stand before it", "name another stage")
        parsed, checked = parse_gate(expression), checked_text(description, "the description")
        with writing(self._home, message) as change:
            return adding_gates.add_gate(change, model, wanted, parsed, expression.strip(), checked)

    def remove_gate(self, number: int, *, message: str | None = None) -> Gate:
        """Take the gate of this number away, and return what it was; raises `GateNotFound`."""
        from modelreg.errors import GateNotFound
        from modelreg.store.catalog.queries.gates import EVERY_MODEL

        with writing(self._home, message) as change:
            gate = next((gate for gate in change.gates() if gate.id == number), None)
            if gate is None:
                raise GateNotFound(number)
            change.remove_gate(None if gate.name == EVERY_MODEL else parse_name(gate.name), number)
        return gate

    def approve(self, reference: str, *, message: str = "", withdraw: bool = False) -> MetadataChange:
        """Vouch for a version as the OS user, or take that back; it holds for whatever has the same digest.

        A gate ``approvals >= 2`` counts everybody but who registered the version. Raises `ApprovalNotFound`.
        """
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            if withdraw:
                return metadata.withdraw_approval(change, Reference.parse(reference))
            return metadata.approve(change, Reference.parse(reference), message)

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
        """Let a version predict, and keep how well it does, with the digest of the data.

        ``data`` is a CSV, JSON Lines or parquet file, ``-`` for CSV from stdin, or a DataFrame, with the true values in
        the column ``target``; of a model with several outputs there is one for each. The scores are kept as those on
        ``dataset``, without it the file's name without its ending, in the place of earlier ones; with ``weight`` the
        name ends in ``_weighted``. ``task`` is ``classification`` or ``regression``, else what the model is.

        ``positive`` is the class that is looked for: it adds its precision, recall and f1. ``per_class`` adds them for
        every class, as ``recall:LABEL``. ``scorers`` are names of scikit-learn's. ``weight`` is a column with a weight
        for each row, ``by`` one by whose values the rows are measured again: ``accuracy[COLUMN=VALUE]``. ``id_column``
        names columns that are no input, ``ignore_extra`` leaves out all that the model does not take.

        ``production`` measures the version in Production on the same file as well, so that the scores of both compare:
        all are kept, or none. ``progress`` is called now and then with how many rows are done. The models run confined,
        see `predict`. Raises what `predict` raises; then nothing is kept.
        """
        from modelreg.domain.evaluations import EvaluationRequest
        from modelreg.domain.statements import checked_dataset
        from modelreg.lifecycle import metadata

        _refuse_nul(data)
        if dataset is None and not isinstance(data, str | os.PathLike):
            raise InvalidInput("a DataFrame has no name", 'name the data set, as dataset="holdout"')
        name = checked_dataset(dataset, data if isinstance(data, str | os.PathLike) else None)
        name = f"{name}_weighted" if weight is not None and not name.endswith("_weighted") else name
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
            raise InvalidInput("there is no target", "name the column with the true values")
        with storing(), self._running(reference, data, trust, message, options, layout) as model:
            measured, number = model.version.version, self._number_of(model.version.name)
            scores = model.evaluate(request, progress)
            incumbent = self._in_production(number) if production else None
            if incumbent not in (None, measured):
                reference = f"{self._name_of(number)}/{incumbent}"
                with self._running(reference, model.table, trust, message, options) as other:
                    try:
                        scores_of_incumbent = other.evaluate(request, progress)
                    except InvalidData as error:
                        raise InvalidData(f"{reference}, in Production: {error}", error.hint) from error
        with writing(self._home, message) as change:
            now = change.name_of(number)  # the model may have been renamed while it was measured
            if incumbent not in (None, measured):
                metadata.keep_scores(change, f"{now}/{incumbent}", name, scores_of_incumbent)
            return metadata.keep_scores(change, f"{now}/{measured}", name, scores)

    def record_evaluation(
        self,
        reference: str,
        dataset: str | None,
        metrics: Mapping[str, float],
        *,
        data: StrPath | None = None,
        message: str | None = None,
    ) -> EvaluationOutcome:
        """Keep metrics that were computed elsewhere, as those of a version on ``dataset``.

        ``data`` is the file that they were computed on, of whatever kind: its SHA-256 is kept, so that they compare
        with what other versions scored on it, and its name is the ``dataset`` unless that is given. Raises
        `InvalidMetric` and `SourceNotFound`.
        """
        from modelreg.data.tables.source import hash_data_file
        from modelreg.domain.evaluations import Scores
        from modelreg.domain.statements import checked_dataset, checked_metrics
        from modelreg.lifecycle import metadata

        _refuse_nul(data)
        name, checked = checked_dataset(dataset, data), checked_metrics(metrics)
        if not checked:
            raise InvalidInput("there are no metrics to keep", "give at least one, as in --metric auc=0.93")
        scores = Scores(None, checked, {}, None, None if data is None else hash_data_file(data), None)
        with writing(self._home, message) as change:
            return metadata.keep_scores(change, reference, name, scores)

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
        """Let a version predict for each row of a CSV, JSON Lines or parquet file, or a DataFrame, in chunks.

        ``output`` appears whole or not at all. The columns are checked against the signature and put into its order,
        and values into its types. ``proba`` adds a column for each class, ``id_column`` is copied and not given to the
        model, ``ignore_extra`` leaves out columns that it does not take. ``layout`` says how a text file is written,
        where that is not CSV in UTF-8 with a header.

        The model is loaded and run in a child process, which the kernel confines (Linux 5.13 and newer): it reads the
        Python installation, importable modules and the data, and writes its output; it has no network. ``trust="full"``
        changes nothing of that. ``allow_read`` names folders or files that it may read, ``allow_network`` lets it
        connect; both need ``message``, and are written into the journal. ``memory_limit`` (``"64GiB"``, or bytes) is
        the machine's memory unless given, and ``time_limit`` is in seconds. ``require_sandbox`` refuses to run the
        model where it cannot be confined.

        Raises `InvalidData`, `CannotPredict`, `UntrustedModel`, `ModelStopped` for a model that crashes or reaches a
        limit, `SandboxUnavailable`, `ConfinementFailed` where confining it fails, and what `load` raises.
        """
        from modelreg.data.tables.writing import open_output
        from modelreg.domain.evaluations import Prediction
        from modelreg.store.artifacts.delivery import refuse_place_of_registry

        _require_path(output)
        _refuse_nul(input, output)
        _refuse_idle_message(message, trust, options.get("allow_read"), options.get("allow_network"))
        if _is_same_file(input, output):
            raise InvalidInput("the predictions would take the place of the data", "name another file with --output")
        refuse_place_of_registry(Path(output))
        with (
            storing(place=Path(output)),
            self._running(reference, input, trust, message, options, layout) as model,
            open_output(output) as target,
        ):
            answer = model.predict(
                target, proba=proba, id_column=id_column, ignore_extra=ignore_extra, progress=progress
            )
            model.table.require_unchanged()
        return Prediction(os.fspath(output), answer.rows, answer.columns, model.data_digest)

    # Trust

    def trusted_names(self) -> list[TrustedName]:
        """The names that models may import besides those of the allow-list."""
        with reading(self._home) as catalog:
            return catalog.trusted_names()

    def trust(self, *names: str, message: str | None = None) -> tuple[str, ...]:
        """Let models import ``mypackage.features.Encoder`` (or ``mypackage:Outer.Inner``) when they are loaded.

        ``sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean`` does so where this attribute holds
        the name, and nowhere else.

        Versions that wanted for nothing else become ``safe``. Returns those of the names that were not trusted before.
        Raises `InvalidInput` for what is no name, and `DangerousName` for a name on the deny-list, with the reason;
        then none of them is trusted.
        """
        from modelreg.analysis.denied_names import trust_refusal
        from modelreg.loading.trust import parse_trusted_name

        asked = {parse_trusted_name(name): name for name in names}
        for pair, name in asked.items():
            refusal = trust_refusal(pair[0].rpartition("=")[2], pair[1])
            if refusal is not None:
                raise DangerousName(name, refusal.reason, refusal.instead)
        with writing(self._home, message) as change:
            new = asked.keys() - {each.pair for each in change.trusted_names()}
            for pair in sorted(new):
                change.trust(*pair)
        return tuple(name for pair, name in asked.items() if pair in new)

    def is_imported(self, name: str) -> bool:
        """Whether a version imports a name that is not on the allow-list; raises `InvalidInput` for what is no name."""
        from modelreg.loading.trust import parse_trusted_name

        with reading(self._home) as catalog:
            return catalog.is_imported(*parse_trusted_name(name))

    def distrust(self, *names: str, message: str | None = None) -> None:
        """Take that back; raises `NameNotTrusted`, and then all of them are as trusted as before."""
        from modelreg.loading.trust import parse_trusted_name

        asked = {parse_trusted_name(name): name for name in names}
        with writing(self._home, message) as change:
            for pair, name in asked.items():
                trusted = change.trusted_names()
                if all(each.pair != pair for each in trusted):
                    raise NameNotTrusted(name, [each.dotted for each in trusted])
                change.distrust(*pair)

    # Everyday changes

    def alias(self, reference: str, alias: str, *, message: str | None = None) -> MetadataChange:
        """Let ``alias`` mean a version, whatever it meant before; raises `InvalidAlias`."""
        from modelreg.domain.references import parse_alias
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            return metadata.set_alias(change, Reference.parse(reference), parse_alias(alias))

    def remove_alias(self, name: str, alias: str, *, message: str | None = None) -> MetadataChange:
        """Let ``alias`` mean nothing any more; raises `AliasNotFound`."""
        from modelreg.domain.references import parse_alias
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            return metadata.remove_alias(change, parse_name(name), parse_alias(alias))

    def tag(
        self,
        subject: str,
        tags: Mapping[str, object] | None = None,
        *,
        remove: Sequence[str] = (),
        message: str | None = None,
    ) -> MetadataChange:
        """Set tags of a model (``NAME``) or a version, and take others away; raises `TagNotFound`."""
        from modelreg.domain.statements import checked_tags
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            return metadata.tag(change, subject, checked_tags(tags), remove)

    def describe(self, subject: str, description: str, *, message: str | None = None) -> MetadataChange:
        """Replace the description of a model (``NAME``) or a version."""
        from modelreg.domain.statements import checked_text
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            return metadata.describe(change, subject, checked_text(description, "the description"))

    def rename(self, name: str, new: str, *, message: str | None = None) -> MetadataChange:
        """Give a model another name; references by the old one lead nowhere, and never to another model's versions.

        Raises `NameInUse`, and `NameTaken` for one that differs from another model's in case only.
        """
        from modelreg.lifecycle import metadata

        with writing(self._home, message) as change:
            return metadata.rename(change, parse_name(name), parse_name(new))

    # The bytes

    def path(self, reference: str, *, progress: Progress | None = None) -> Path:
        """The path of a read-only copy of the version's file or folder, every byte checked now.

        ``progress`` is called now and then with how many bytes were read, and how many there are. Raises `BlobDamaged`
        when the stored bytes are not those that were registered.
        """
        from modelreg.store.artifacts.checkout import check_out, safe_path
        from modelreg.store.artifacts.copying import counting

        with storing(inside=self.folder):
            version, manifest = self._version_and_manifest(reference)
        with storing(needed=version.size, inside=self.folder):
            checkout = check_out(
                self._home.artifacts,
                self._home.checkouts,
                version.reference,
                version.digest,
                manifest.files,
                self._home.keeping_still,
                progress and counting(progress, version.size),
            )
        return checkout if manifest.is_folder else checkout / safe_path(manifest.files[0].path)

    def load(self, reference: str, *, trust: str | None = None, message: str | None = None) -> Any:
        """The model itself, ready to predict, from bytes that were checked now.

        A pickle is looked through and unpickled only if it imports nothing but names of the allow-list and those of
        `trust`; otherwise `UntrustedModel` is raised before anything is imported. ``trust="full"`` lets it do whatever
        it does, which is written into the journal with ``message``, the reason. Formats without code need no trust.

        The model becomes an object of this very process, so it is **not confined**: what it runs, while it is loaded
        and whenever it is used, can do whatever this process can. `predict` and `evaluate` confine it.

        Warns when the library that made the model had another version than the one installed. Raises
        `BlobDamaged`, or `UnloadableModel` when the format is not known or its library not installed.
        """
        from modelreg.analysis.containers.content import OpenModel
        from modelreg.loading.flavors import load
        from modelreg.loading.installed import warn_of_other_libraries

        _refuse_idle_message(message, trust)
        version, manifest = self._version_and_manifest(reference)
        trusted = self._trust_in(version, trust, message)
        warn_of_other_libraries(version)
        folder = self.path(version.reference) if manifest.is_folder else None
        with storing(), self._opened(version, manifest) as file:
            return load(OpenModel(file, folder), version.format, trusted)

    def copy(
        self, reference: str, destination: StrPath, *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Write the version's checked bytes to ``destination``; returns the file or folder that was written.

        It appears whole or not at all. A file goes below ``destination`` when that is a folder, or ends in ``/``. A
        folder's destination must not exist or be empty. Raises `DestinationExists` (unless ``overwrite``, for a file)
        and `BlobDamaged`. ``progress`` is called as by `path`.
        """
        from modelreg.store.artifacts.copying import counting
        from modelreg.store.artifacts.delivery import copy_file, copy_folder

        _require_path(destination)
        target, store = Path(destination), self._home.artifacts
        version, manifest = self._version_and_manifest(reference)
        advance = progress and counting(progress, version.size)
        with storing(needed=version.size, place=target):
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
        """Write the bytes of a version of one file to a descriptor: the first only when all are checked.

        Raises `BlobDamaged`, and `InvalidInput` for a folder.
        """
        from modelreg.store.artifacts.delivery import stream

        with storing():
            version, manifest = self._version_and_manifest(reference)
        if manifest.is_folder:
            raise InvalidInput(f"{version.reference} is a folder, not one stream", "write it with -o DIRECTORY")
        with storing(place=Path("the output")):
            stream(self._home.artifacts, manifest.files[0], descriptor, version.reference)

    def export(self, reference: str, destination: StrPath, *, progress: Progress | None = None) -> Path:
        """Write an OCI image layout that holds this version alone, tagged with its number; returns its folder.

        ``skopeo copy oci:DIR:3 docker://…`` takes it to any OCI registry. Raises what `copy` raises.
        ``progress`` is called as by `path`.
        """
        from modelreg.store.artifacts.copying import counting
        from modelreg.store.artifacts.delivery import export

        _require_path(destination)
        version, manifest = self._version_and_manifest(reference)
        with storing(needed=version.size, place=Path(destination)):
            advance = progress and counting(progress, version.size)
            return export(self._home.artifacts, version, manifest, Path(destination), advance)

    # From MLflow, and to it

    def import_mlflow(
        self,
        tracking_uri: StrPath,
        *names: str,
        allow_unsafe: str | None = None,
        local_paths: bool = False,
        dry_run: bool = False,
        progress: Count | None = None,
    ) -> Transfer:
        """Bring in registered models of MLflow, all or those of these names: what is new there, or changed.

        ``tracking_uri`` is the address of a server, a SQLite file (``sqlite:///mlflow.db``, or its path) or a folder
        such as ``mlruns``; nothing is changed there. Versions keep their numbers, and come with bytes, stages,
        aliases, tags, descriptions and with the metrics and parameters of their runs, one transaction each. What is
        changed here is left alone until it changes in MLflow, too. No gate is asked. What cannot be brought in is
        told in the outcome, with the reason, and keeps nothing else out. Files that run code when they are loaded
        are such, unless ``allow_unsafe`` says why. ``local_paths`` says that a server runs on this machine, so that the
        paths that it names are read; otherwise they are refused. ``progress`` is called with how many versions are
        done, and how many there are.

        Raises `MLflowMissing`, and `SourceNotFound`, `InvalidInput` or `MLflowFailed` when MLflow cannot be read at
        all; `StorageFailure` and `Busy` when the registry cannot be written. Then the same call again goes on.
        """
        from modelreg.domain.statements import checked_reason
        from modelreg.mlflow_transfer.importing import ImportRequest, import_models
        from modelreg.mlflow_transfer.location import Location

        location = Location.parse(tracking_uri, local_paths=local_paths)
        request = ImportRequest(location, names, checked_reason(allow_unsafe), dry_run)
        with storing(inside=self.folder):
            return import_models(self._home, request, progress)

    def export_mlflow(
        self, tracking_uri: StrPath, *names: str, dry_run: bool = False, progress: Count | None = None
    ) -> Transfer:
        """Bring registered models to MLflow, all or those of these names: what is new here, or changed.

        ``tracking_uri`` is what `import_mlflow` takes; a SQLite file or folder is made if need be. The bytes of a
        version are artifacts of a run there, with its metrics and parameters, and stages, aliases, tags and
        descriptions are set as they are here. Nothing is taken away there. Numbers agree unless MLflow has other
        versions of the model already. What cannot be brought over is told in the outcome, with the reason.

        Raises `ModelNotFound`, `MLflowMissing`, and `InvalidInput` or `MLflowFailed` when MLflow cannot be used at
        all. Whatever ends it, the same call again goes on.
        """
        from modelreg.mlflow_transfer.exporting import ExportRequest, export_models
        from modelreg.mlflow_transfer.location import Location

        request = ExportRequest(Location.parse(tracking_uri), tuple(map(parse_name, names)), dry_run)
        with storing(inside=self.folder):
            self._home.require()
            return export_models(self._home, request, progress)

    # Deleting

    def delete(
        self, subject: str, *, with_versions: bool = False, message: str | None = None, dry_run: bool = False
    ) -> None:
        """Delete a version (``NAME/3``, ``NAME@alias``, …) or a model without versions (``NAME``) from the catalog.

        ``with_versions`` deletes those of the model first, by the same rules: all of them, or nothing. Numbers of
        deleted versions are never given out again. ``dry_run`` deletes nothing, and raises what deleting would.

        Raises `VersionInUse` for a version in Staging or Production or with an alias, unless the registry has MLflow's
        rules, and `ModelInUse` for a model with versions.
        """
        from modelreg.lifecycle import deletion

        if dry_run:
            with reading(self._home) as catalog:
                deletion.plan(catalog, subject, with_versions)
            return
        with writing(self._home, message) as change:
            deletion.delete(change, deletion.plan(change, subject, with_versions))

    # Cleaning, and copies of the whole

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
        """Take away bytes that no version refers to, and versions that the rules which are given do not keep.

        Bytes go once they were written longer than ``grace`` ago, those of versions that are removed now among them.
        A version is removed when all is true of it that is given: it is not among the ``keep_last`` newest of its
        model, it was registered longer ago than ``older_than``, it is in one of ``stages``; none when nothing is
        given. ``glob`` limits that to models of such names. Never removed is a version in Staging or Production, one
        with an alias, or the one to which a rollback would return. ``dry_run`` only says what would be done;
        ``agreed`` is such a plan, and then no other version is removed than it says. Lengths of time are
        `timedelta` or texts: ``30m``, ``24h``, ``90d``, ``2w``, ``0``. Without ``message`` the
        journal says by which rules versions were removed.

        Raises `CatalogDamaged` when the catalog cannot be believed, and `LockTimeout` while something is being
        registered or copied; then nothing was deleted.
        """
        from modelreg.domain.statements import checked_count, checked_duration, checked_message
        from modelreg.maintenance import pruning
        from modelreg.maintenance.retention import Retention
        from modelreg.system import clock

        retention = Retention(
            keep_last=checked_count(keep_last, "the number of versions to keep"),
            older_than=None if older_than is None else checked_duration(older_than, "the age"),
            stages=frozenset(Stage.parse(stage) for stage in stages),
        )
        if glob is not None and not (retention.is_given and is_utf8(glob)):
            raise InvalidInput(
                f"the pattern {shown(glob)} is for versions, and nothing says which of them to remove",
                "add --keep-last, --older-than or --stage; bytes that no version refers to are cleaned for all models",
            )
        request = pruning.PruneRequest(
            glob=glob,
            retention=retention,
            grace=checked_duration(grace, "the grace time"),
            moment=clock.now(),
            agreed=None if agreed is None else frozenset(fate.reference for fate in agreed.versions if fate.removed),
        )
        why = checked_message(message)
        with storing(inside=self.folder):
            self._home.require()
            return pruning.plan(self._home, request) if dry_run else pruning.prune(self._home, request, why)

    def backup(self, folder: StrPath, *, progress: Progress | None = None) -> Backup:
        """Copy the registry, as it is at one moment, into ``folder``, which is a registry itself then.

        Others may go on registering meanwhile. ``folder`` is new, empty, or an earlier backup of this registry,
        finished or not, which is brought up to date. Every byte is checked on its way. Raises `UnusableBackup` for
        any other folder; `BlobDamaged` or `CatalogDamaged` when something cannot be copied as it was registered, and
        then an earlier backup is as it was.
        """
        from modelreg.maintenance.backup import back_up

        _require_path(folder)
        with storing(place=Path(folder)):
            self._home.require()
            return back_up(self._home, Path(folder), progress)

    def restore(self, folder: StrPath, *, force: bool = False, progress: Progress | None = None) -> Restoration:
        """Copy the backup in ``folder`` into this registry's folder, every byte checked.

        Raises `RegistryExists` when there is a catalog, unless ``force``, which keeps that one beside the new one;
        `Damaged` or `NoRegistry` in one of their forms for a backup that cannot be used, and `UnusableBackup` for one
        in this very folder. Then nothing was changed.
        """
        from modelreg.maintenance.backup import restore

        _require_path(folder)
        with storing(inside=self.folder):
            return restore(self._home, Path(folder), progress, force=force)

    def _require_plain_names(self, model: ModelName, *aliases: str) -> None:
        """Before a registry is made for them: it will have the strict rules. One that is there is asked later."""
        if not self.exists():
            require_plain_name(model)
            for alias in aliases:
                require_plain_alias(alias)

    @contextmanager
    def _promoting(self, message: str | None) -> Iterator[CatalogWriter]:
        from modelreg.domain.statements import checked_message
        from modelreg.lifecycle.promotion import promoting

        with storing(inside=self.folder):
            self._home.require()
            with promoting(self._home, checked_message(message)) as change:
                yield change

    def _in_production(self, model: int) -> int | None:
        """The version in Production of the model with this number, if there is one."""
        with reading(self._home) as catalog:
            return next(iter(catalog.in_stage(catalog.name_of(model), Stage.PRODUCTION)), None)

    def _number_of(self, name: ModelName) -> int:
        """The catalog's number for a model, which outlives its name."""
        with reading(self._home) as catalog:
            return catalog.model_number(name)

    def _name_of(self, model: int) -> ModelName:
        with reading(self._home) as catalog:
            return catalog.name_of(model)

    @contextmanager
    def _running(
        self,
        reference: str,
        data: StrPath | DataFrame | TableFile,
        trust: str | None,
        message: str | None,
        options: ConfinementOptions,
        layout: TextLayout | None = None,
    ) -> Iterator[ModelRun]:
        """A version's model in a process of its own, and its data; the process starts while they are looked up."""
        from modelreg.data.tables.source import TableFile, open_data
        from modelreg.loading.confined.conditions import RunConditions
        from modelreg.loading.confined.job import WorkerSetup
        from modelreg.loading.confined.process import ModelProcess
        from modelreg.loading.confined.running import ModelRun
        from modelreg.loading.installed import warn_of_other_libraries

        with RunConditions.checked(options, str(self.folder)) as conditions, ModelProcess() as process:
            version, manifest = self._version_and_manifest(reference)
            trusted = self._trust_in(version, trust, message, conditions.permissions)
            warn_of_other_libraries(version)
            process.prepare(
                WorkerSetup(
                    permissions=conditions.permissions,
                    limits=conditions.limits,
                    is_required=conditions.is_required or self._home.requires_sandbox(),
                    model_folder=str(self.path(version.reference)) if manifest.is_folder else None,
                    registry=str(self.folder),
                    flavor=version.flavor,
                ),
                conditions.granted,
            )
            with ExitStack() as files:
                with storing():
                    table = data if isinstance(data, TableFile) else files.enter_context(open_data(data, layout))
                    file = files.enter_context(self._opened(version, manifest))
                    digest = table.digest()
                yield ModelRun(process, version, trusted, table, digest, file)

    @contextmanager
    def _opened(self, version: ModelVersion, manifest: Manifest) -> Iterator[BinaryIO | None]:
        """The only file of a version, checked through the very descriptor that is handed out; None for a folder."""
        if manifest.is_folder:
            yield None
            return
        with self._home.artifacts.opened_and_checked(manifest.files[0], version.reference) as file:
            yield file

    def _trust_in(
        self,
        version: ModelVersion,
        trust: str | None,
        message: str | None,
        permissions: Permissions | None = None,
    ) -> Trust:
        """What a version may import; full trust is written down, and so is what it may do beyond computing."""
        from modelreg.domain.statements import checked_reason
        from modelreg.loading.trust import Trust, honoured
        from modelreg.system import interrupts

        if trust not in (None, "full"):
            raise InvalidInput(f"there is no trust {shown(str(trust))}", "--trust full, or 'modelreg trust add NAME'")
        if trust or permissions:
            what = "full trust" if trust else "what a model may do beyond computing"
            checked_reason(message or "", what, "--message WHY")
            with writing(self._home, message) as change:
                change.note_load(version, is_trusted=trust is not None, permissions=permissions)
            interrupts.go_on()
        if trust:
            return Trust(version.reference, full=True)
        return Trust(version.reference, honoured(self.trusted_names()))

    def _version_and_manifest(self, reference: str) -> tuple[ModelVersion, Manifest]:
        """The version, and what its digest says of its files; raises `BlobDamaged`, or `CatalogDamaged`.

        Raises `BytesElsewhere` for a version whose files are not here.
        """
        version = self.version(reference)
        with storing(inside=self.folder):
            manifest = self._home.artifacts.manifest(version)
        if manifest.location is not None:
            raise BytesElsewhere(version.reference, manifest.location)
        if manifest.files != version.files:
            raise CatalogDamaged(
                f"{version.reference}: its files in the catalog are not those of its manifest; nothing was handed out",
                "restore the catalog from a backup; 'modelreg verify' shows everything that is damaged",
            )
        return version, manifest


def _texts(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _is_same_file(data: StrPath | DataFrame, output: StrPath) -> bool:
    if not isinstance(data, str | os.PathLike) or not (os.path.exists(data) and os.path.exists(output)):
        return False
    return os.path.samefile(data, output)


def _refuse_idle_message(message: str | None, *granted: object) -> None:
    """Raise for a message that nothing would keep."""
    if message is not None and not any(granted):
        raise InvalidInput(
            "a message says why a model is trusted, or may do more than compute, and nothing of that is asked for",
            "leave the message out, or see --trust, --allow-read and --allow-network",
        )


def _require_path(folder: StrPath) -> None:
    """Raise for NUL, for no name at all, which Path takes for the current folder (a variable that is not set), and for
    an address, of which Path makes a folder named ``s3:``.
    """
    if not os.fspath(folder):
        raise InvalidInput("an empty path was given", "name a folder, or a file")
    _refuse_nul(folder)
    refuse_address(folder)


def _refuse_nul(*paths: object) -> None:
    """Raise for a path, if it is one, about which Python itself raises a bare ValueError."""
    for path in paths:
        if isinstance(path, (str, os.PathLike)) and "\0" in os.fspath(path):
            raise InvalidInput(f"{shown(os.fspath(path))} holds NUL, which no path does", "name a folder, or a file")


def load_model(
    reference: str, registry: Registry | None = None, *, trust: str | None = None, message: str | None = None
) -> Any:
    """The model that ``reference`` names in ``registry``, or in the default one; see `Registry.load`."""
    return (registry or Registry()).load(reference, trust=trust, message=message)


def _reference_and_stage(name: str, version: int | str, stage: Stage | str | None) -> tuple[Reference, Stage]:
    if stage is None:
        return Reference.parse(name), Stage.parse(str(version))
    selector = str(version)
    return Reference.parse(f"{parse_name(name)}{'' if selector.startswith('@') else '/'}{selector}"), Stage.parse(stage)


def _parsed(
    filter: str | None, sort: str | None, limit: int | None, *, of_models: bool
) -> tuple[Expression | None, tuple[Key, ...]]:
    """What is asked for, as the catalog takes it; raises `InvalidExpression`, and `InvalidInput` for no rows at all."""
    if limit is not None and limit < 1:
        raise InvalidInput(f"the limit is {limit}, and at least 1 is needed")
    if filter is None and sort is None:
        return None, ()
    from modelreg.expressions.parsing import parse_filter, parse_order, parse_order_of_models

    parse = parse_order_of_models if of_models else parse_order
    return None if filter is None else parse_filter(filter), () if sort is None else parse(sort)


def _stage_or_none(stage: Stage | str | None) -> Stage | None:
    return None if stage is None else Stage.parse(stage)
