"""Evaluate a version on data, alone or beside the version in Production, and keep the scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelreg.data.tables.table_file import TextLayout
from modelreg.domain.evaluations import EvaluationOutcome, EvaluationRequest
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.errors import InvalidData
from modelreg.lifecycle.metadata import record_scores
from modelreg.loading.confined.conditions import ConfinementOptions
from modelreg.loading.running import running
from modelreg.store.folder import RegistryFolder
from modelreg.store.transactions import reading, translating_os_errors, writing

if TYPE_CHECKING:
    from modelreg.loading.running import Data


def evaluate_version(
    folder: RegistryFolder,
    reference: str,
    data: Data,
    layout: TextLayout | None,
    request: EvaluationRequest,
    dataset: str,
    *,
    with_production: bool,
    trust: str | None,
    message: str | None,
    options: ConfinementOptions,
    progress: Callable[[int, int | None], None] | None,
) -> EvaluationOutcome:
    """Measure a version and keep its scores on ``dataset``; `Registry.evaluate` documents the rest.

    ``with_production`` measures the version in Production on the same file. The scores of both are kept, or none.
    """
    with (
        translating_os_errors(),
        running(folder, reference, data, layout, trust=trust, message=message, options=options) as model,
    ):
        version = model.version.version
        with reading(folder) as catalog:
            model_number = catalog.model_number(model.version.name)  # it outlives a rename
        scores = model.evaluate(request, progress)
        incumbent = None
        if with_production:
            name, incumbent = _find_production(folder, model_number)
        if incumbent is not None and incumbent != version:
            in_production = f"{name}/{incumbent}"
            with running(folder, in_production, model.table, trust=trust, message=message, options=options) as other:
                try:
                    incumbent_scores = other.evaluate(request, progress)
                except InvalidData as error:
                    raise InvalidData(f"{in_production}, in Production: {error}", error.hint) from error
    with writing(folder, message) as writer:
        name = writer.name_of(model_number)
        if incumbent is not None and incumbent != version:
            record_scores(writer, f"{name}/{incumbent}", dataset, incumbent_scores)
        return record_scores(writer, f"{name}/{version}", dataset, scores)


def _find_production(folder: RegistryFolder, model_number: int) -> tuple[ModelName, int | None]:
    """The current name of a model, and its version in Production, if there is one."""
    with reading(folder) as catalog:
        name = catalog.name_of(model_number)
        return name, next(iter(catalog.in_stage(name, Stage.PRODUCTION)), None)
