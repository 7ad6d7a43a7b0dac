"""Run a version's model on one data file, and check the child's answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from modelreg.data.tables.table_file import TableFile
from modelreg.data.tables.writing import OutputFile
from modelreg.domain.evaluations import EvaluationRequest, Scores
from modelreg.domain.references import Digest
from modelreg.domain.versions import ModelVersion
from modelreg.errors import ModelStopped
from modelreg.loading.confined.job import Job, PredictionTask
from modelreg.loading.confined.messages import Measured, Predicted, has_requested_metrics
from modelreg.loading.confined.process import ModelProcess, Progress
from modelreg.loading.trust import Trust


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A prepared child process with its inputs: data and model, opened and checked by the parent."""

    process: ModelProcess
    version: ModelVersion
    trust: Trust
    table: TableFile
    data_digest: Digest
    model: BinaryIO | None
    """The model's checked file; None for a model that is a folder, whose path is in the `WorkerSetup`."""

    def predict(
        self, output: OutputFile, *, proba: bool, id_column: str | None, ignore_extra: bool, progress: Progress | None
    ) -> Predicted:
        """Write predictions to ``output``; raises the errors of `ModelProcess.run`."""
        task = PredictionTask(proba, id_column, ignore_extra, output.format)
        answer = self._run(task, [output.file.fileno()], progress)
        if not isinstance(answer, Predicted):
            raise self._build_invalid_answer_error()
        self._check_row_count(answer.rows)
        self._check_output(output, answer)
        return answer

    def evaluate(self, request: EvaluationRequest, progress: Progress | None) -> Scores:
        """Compute the model's scores on the data; raises the errors of `ModelProcess.run`."""
        answer = self._run(request, [], progress)
        if not isinstance(answer, Measured) or not has_requested_metrics(answer.scores, request):
            raise self._build_invalid_answer_error()
        scores = answer.scores
        self._check_row_count(scores.data_rows or 0)
        return replace(scores, data_digest=self.data_digest, terms=request.terms(scores.task))

    def _check_output(self, output: OutputFile, answer: Predicted) -> None:
        """Raise `ModelStopped` unless the output is the table that the child reported."""
        from modelreg.data.tables.written import TableMismatch, check_table

        reference = self.version.reference
        try:
            check_table(output, answer.rows, answer.columns, lambda: self.process.check_time_limit(reference))
        except TableMismatch as error:
            raise ModelStopped(reference, "its output is not the table that its process reported") from error

    def _check_row_count(self, rows: int) -> None:
        """Raise `ModelStopped` for more rows than the data file can have, and for none."""
        max_rows = self.table.max_rows()
        if rows == 0 or (max_rows is not None and rows > max_rows):
            raise self._build_invalid_answer_error()

    def _build_invalid_answer_error(self) -> ModelStopped:
        return ModelStopped(self.version.reference, "its process sent an invalid answer")

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
        report = progress and self._add_total(progress)
        return self.process.run(job, [self.table.file.fileno(), *model, *output], report)

    def _add_total(self, progress: Progress) -> Progress:
        """Add the total to progress without one: the parent counts a text file's lines once, while the model works."""
        totals: list[int | None] = []

        def report(done: int, total: int | None) -> None:
            if total is None and not totals:
                totals.append(None if self.table.is_gzipped else self.table.max_rows())
            progress(done, total if total is not None else totals[0])

        return report
