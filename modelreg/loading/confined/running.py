"""One run of a version's model on one file of data, seen from the parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from modelreg.data.tables.source import TableFile
from modelreg.data.tables.writing import OutputFile
from modelreg.domain.evaluations import EvaluationRequest, Scores
from modelreg.domain.references import Digest
from modelreg.domain.versions import ModelVersion
from modelreg.errors import ModelStopped
from modelreg.loading.confined.job import Job, PredictionTask
from modelreg.loading.confined.messages import Measured, Predicted, is_asked_for
from modelreg.loading.confined.process import ModelProcess, Progress
from modelreg.loading.trust import Trust


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A child that is ready, with everything that it works on: opened here, and checked here."""

    process: ModelProcess
    version: ModelVersion
    trust: Trust
    table: TableFile
    data_digest: Digest
    model: BinaryIO | None
    """The file that was checked; None for a folder, of which the child was told."""

    def predict(
        self, output: OutputFile, *, proba: bool, id_column: str | None, ignore_extra: bool, progress: Progress | None
    ) -> Predicted:
        """Write predictions to ``output``; raises what `ModelProcess.run` raises."""
        task = PredictionTask(proba, id_column, ignore_extra, output.format)
        answer = self._run(task, [output.file.fileno()], progress)
        if not isinstance(answer, Predicted):
            raise ModelStopped(self.version.reference, "its process sent what is no answer")
        self._require_possible(answer.rows)
        self._check(output, answer)
        return answer

    def evaluate(self, request: EvaluationRequest, progress: Progress | None) -> Scores:
        """The model's scores on the data; raises what `ModelProcess.run` raises."""
        from dataclasses import replace

        answer = self._run(request, [], progress)
        if not isinstance(answer, Measured) or not is_asked_for(answer.scores, request):
            raise ModelStopped(self.version.reference, "its process sent what is no answer")
        self._require_possible(answer.scores.data_rows or 0)
        scores = answer.scores
        return replace(scores, data_digest=self.data_digest, terms=request.terms(scores.task))

    def _check(self, output: OutputFile, answer: Predicted) -> None:
        """Raise `ModelStopped` unless the output is what the child says it is: it replaces what was there."""
        from modelreg.data.tables.written import TableMismatch, check_table

        reference = self.version.reference
        try:
            check_table(output, answer.rows, answer.columns, lambda: self.process.require_time(reference))
        except TableMismatch as error:
            raise ModelStopped(reference, "its output is not the table that its process reported") from error

    def _require_possible(self, rows: int) -> None:
        """Raise `ModelStopped` where the file cannot have so many rows."""
        most = self.table.most_rows()
        if rows == 0 or (most is not None and rows > most):
            raise ModelStopped(self.version.reference, "its process sent what is no answer")

    def _run(
        self, task: PredictionTask | EvaluationRequest, output: list[int], progress: Progress | None
    ) -> Predicted | Measured:
        job = Job(
            format=self.version.format,
            trust=self.trust,
            signature=self.version.signature,
            data_name=self.table.name,
            data_format=self.table.format,
            is_gzipped=self.table.is_gzipped,
            layout=self.table.layout,
            data_rows=self.table.known_rows,
            task=task,
            imports=self.version.imports,
        )
        model = [] if self.model is None else [self.model.fileno()]
        watched = progress and self._with_total(progress)
        return self.process.run(job, [self.table.file.fileno(), *model, *output], watched)

    def _with_total(self, progress: Progress) -> Progress:
        """How many rows a text has is known when its lines were counted, which is done while the model works."""
        known: list[int | None] = []

        def advanced(done: int, total: int | None) -> None:
            if total is None and not known:
                known.append(None if self.table.is_gzipped else self.table.most_rows())
            progress(done, total if total is not None else known[0])

        return advanced
