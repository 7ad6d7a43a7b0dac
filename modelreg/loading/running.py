"""Run a version on data, in a confined process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from modelreg.data.tables.table_file import TableFile, TextLayout, open_data
from modelreg.loading.confined.conditions import ConfinementOptions, RunConditions
from modelreg.loading.confined.job import WorkerSetup
from modelreg.loading.confined.model_run import ModelRun
from modelreg.loading.confined.process import ModelProcess
from modelreg.loading.installed import warn_of_other_library_version
from modelreg.loading.versions import check_out_version, decide_trust, find_version, opened_file
from modelreg.store.folder import RegistryFolder
from modelreg.store.transactions import translating_os_errors

if TYPE_CHECKING:
    from pandas import DataFrame

    Data = str | os.PathLike[str] | DataFrame | TableFile


@contextmanager
def running(
    folder: RegistryFolder,
    reference: str,
    data: Data,
    layout: TextLayout | None = None,
    *,
    trust: str | None,
    message: str | None,
    options: ConfinementOptions,
) -> Iterator[ModelRun]:
    """Start the process of a version's model, and open its data; the process starts while both are looked up."""
    with RunConditions.open(options, str(folder.path)) as conditions, ModelProcess() as process:
        version, manifest = find_version(folder, reference)
        trusted = decide_trust(folder, version, trust, message, conditions.permissions)
        warn_of_other_library_version(version)
        process.prepare(
            WorkerSetup(
                permissions=conditions.permissions,
                limits=conditions.limits,
                is_required=conditions.is_required or folder.requires_sandbox(),
                model_folder=str(check_out_version(folder, version, manifest)) if manifest.is_folder else None,
                registry=str(folder.path),
                flavor=version.flavor,
            ),
            conditions.granted,
        )
        with ExitStack() as files:
            with translating_os_errors():
                table = data if isinstance(data, TableFile) else files.enter_context(open_data(data, layout))
                file = files.enter_context(opened_file(folder, version, manifest))
                digest = table.digest()
            yield ModelRun(process, version, trusted, table, digest, file)
