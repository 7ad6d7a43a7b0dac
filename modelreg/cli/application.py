"""The application: its commands, each imported only when it is run, and the options that all of them take."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from modelreg import __version__
from modelreg.errors import InvalidInput, did_you_mean, shown
from modelreg.registry import Registry

COMMANDS = {
    "register": "modelreg.cli.register:register",
    "list": "modelreg.cli.list:list_models",
    "versions": "modelreg.cli.versions:versions",
    "show": "modelreg.cli.show:show",
    "transition": "modelreg.cli.stages:transition",
    "load": "modelreg.cli.loading:load",
    "export": "modelreg.cli.loading:export",
    "history": "modelreg.cli.journal:history",
    "delete": "modelreg.cli.deletion:delete",
    "init": "modelreg.cli.folder:init",
    "info": "modelreg.cli.folder:info",
    "verify": "modelreg.cli.folder:verify",
}
"""Command -> the function that runs it, in the order of a model's life."""

_ALIASES = {"ls": ("list",), "rm": ("delete",), "promote": ("transition", "Production")}
"""Words that people try first, with the command and the last arguments that they stand for; help does not list them."""

_CONTEXT = {"help_option_names": ["-h", "--help"]}

EXIT_CODES = {
    0: "done",
    1: "unexpected",
    2: "bad usage or input",
    3: "not found",
    4: "conflict",
    5: "refused by a gate",
    6: "damaged",
    7: "untrusted model",
    8: "storage",
    9: "busy",
    10: "no registry, or a newer one",
    130: "interrupted",
}
"""Exit status -> what it means, for every command."""


@dataclass(slots=True)
class Settings:
    """What the options that every command takes say."""

    registry: Path | None
    lock_timeout: float


def registry(context: typer.Context) -> Registry:
    """The registry that a command works on."""
    settings: Settings = context.find_root().obj
    return Registry(settings.registry, lock_timeout=settings.lock_timeout)


class Commands(TyperGroup):
    """Typer's group, but that a command's module is imported when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer's, but that it knows aliases, and suggests commands that are not imported yet."""
        name, *rest = args
        if name in _ALIASES:
            name, *last = _ALIASES[name]
            rest += last
        if name not in COMMANDS and not name.startswith("-"):
            raise InvalidInput(f"there is no command {shown(name)}", did_you_mean(name, COMMANDS) or "modelreg --help")
        return super().resolve_command(ctx, [name, *rest])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, which takes the application's options too, so that they may stand before or after its name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        command = _made_from(getattr(import_module(module), function), cmd_name)
        command.params += [_after_the_name(option) for option in self.params if option.name in Settings.__slots__]
        return command


def _made_from(function: Callable[..., None], name: str) -> Any:
    one = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_CONTEXT)
    one.command(name, context_settings=_CONTEXT)(function)
    return typer.main.get_command(one)


def _after_the_name(option: Any) -> Any:
    """A copy of an option of the application that a command takes, and that goes to the application's settings."""

    def remember(context: typer.Context, parameter: Any, value: Any) -> None:
        if value is not None:
            setattr(context.find_root().obj, parameter.name, value)

    again = copy.copy(option)
    again.default, again.envvar, again.show_default = None, None, False
    again.expose_value, again.callback = False, remember
    return again


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelreg {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="modelreg",
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
    epilog="Exit codes: " + ", ".join(f"{status} {meaning}" for status, meaning in EXIT_CODES.items()) + ".",
)


@app.callback()
def application(
    context: typer.Context,
    registry: Annotated[
        Path | None,
        typer.Option(
            envvar="MODELREG_HOME",
            metavar="DIR",
            help="The registry folder. Without it: the nearest .modelreg upward, else the user's data folder.",
            show_envvar=True,
        ),
    ] = None,
    lock_timeout: Annotated[
        float,
        typer.Option(
            envvar="MODELREG_LOCK_TIMEOUT", metavar="SECONDS", min=0, help="How long to wait for another process."
        ),
    ] = 30.0,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """A model registry in one folder: versions, stages and the exact bytes of trained models.

    \b
    modelreg register model.pkl --name churn    store a model as the next version
    modelreg versions churn                     see its versions and their stages
    modelreg transition churn 1 Production      promote one; only one can be there
    modelreg load churn/Production              get the path of its verified bytes
    """
    context.obj = Settings(registry, lock_timeout)
