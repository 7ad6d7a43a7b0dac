"""The application: its commands, each imported only when it is run, and the options that all of them take."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from modelreg import __version__
from modelreg.cli import output
from modelreg.errors import InvalidInput, did_you_mean, shown
from modelreg.registry import Registry

COMMANDS = {
    "register": "modelreg.cli.commands.register:register",
    "list": "modelreg.cli.commands.list:list_models",
    "versions": "modelreg.cli.commands.versions:versions",
    "show": "modelreg.cli.commands.show:show",
    "evaluate": "modelreg.cli.commands.evaluate:evaluate",
    "diff": "modelreg.cli.commands.diff:diff",
    "gate": "modelreg.cli.commands.gate:gate",
    "approve": "modelreg.cli.commands.approve:approve",
    "transition": "modelreg.cli.commands.transition:transition",
    "rollback": "modelreg.cli.commands.rollback:rollback",
    "load": "modelreg.cli.commands.load:load",
    "predict": "modelreg.cli.commands.predict:predict",
    "trust": "modelreg.cli.commands.trust:trust",
    "export": "modelreg.cli.commands.export:export",
    "history": "modelreg.cli.commands.history:history",
    "alias": "modelreg.cli.commands.alias:alias",
    "tag": "modelreg.cli.commands.tag:tag",
    "describe": "modelreg.cli.commands.describe:describe",
    "rename": "modelreg.cli.commands.rename:rename",
    "delete": "modelreg.cli.commands.delete:delete",
    "init": "modelreg.cli.commands.init:init",
    "info": "modelreg.cli.commands.info:info",
    "verify": "modelreg.cli.commands.verify:verify",
    "prune": "modelreg.cli.commands.prune:prune",
    "backup": "modelreg.cli.commands.backup:backup",
    "restore": "modelreg.cli.commands.restore:restore",
    "import-mlflow": "modelreg.cli.commands.import_mlflow:import_mlflow",
    "export-mlflow": "modelreg.cli.commands.export_mlflow:export_mlflow",
}
"""Command -> the function that runs it, or the group of its commands, in the order of a model's life."""

_ALIASES = {"ls": ("list",), "rm": ("delete",), "promote": ("transition", "Production")}
"""Words that people try first, with the command and the last arguments that they stand for; help does not list them."""

_EVERYWHERE = ("registry", "lock_timeout")
"""The options that may stand behind a command's name, too."""

CONTEXT = {"help_option_names": ["-h", "--help"]}

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
    130: "interrupted (129 by SIGHUP, 143 by SIGTERM)",
}
"""Exit status -> what it means, for every command."""


class Settings:
    """What the options that every command takes say."""

    def __init__(self, registry: Path | None, lock_timeout: float, named: bool) -> None:
        self.registry = registry
        self.lock_timeout = lock_timeout
        self.named = named
        """Whether the command line itself names the registry, so that the next one has to do so, too."""


def registry(context: typer.Context) -> Registry:
    """The registry that a command works on."""
    settings: Settings = context.find_root().obj
    return Registry(settings.registry, lock_timeout=settings.lock_timeout)


def tell_undo(context: typer.Context, *commands: Sequence[str]) -> None:
    """Show the command line that takes back what was done: one or more commands, each without the program's name."""
    import shlex

    settings: Settings = context.find_root().obj
    where = ["--registry", str(settings.registry)] if settings.named else []
    output.note("undo: " + " && ".join(shlex.join(["modelreg", *where, *words]) for words in commands))


def arguments(*words: str, options: Sequence[str] = ()) -> list[str]:
    """Words of a command line that are no options, even if one begins with a dash, and options."""
    if any(word.startswith("-") for word in words):
        return [*options, "--", *words]
    return [*words, *options]


def _is_named(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


class Interrupted(Exception):
    """Ctrl-C, or a question that nobody answered, in this command."""

    def __init__(self, command: str | None) -> None:
        super().__init__(command)
        self.command = command


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

    def invoke(self, ctx: Any) -> Any:
        """As Typer's, but that it says which command was interrupted."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort) as error:
            raise Interrupted(ctx.invoked_subcommand) from error

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, which takes the application's options too, so that they may stand before or after its name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        command = _made_from(getattr(import_module(module), function), cmd_name)
        for each in (command, *getattr(command, "commands", {}).values()):
            each.params += [_after_the_name(option) for option in self.params if option.name in _EVERYWHERE]
        return command


def _made_from(made: Callable[..., None] | typer.Typer, name: str) -> Any:
    if isinstance(made, typer.Typer):
        for command in made.registered_commands:
            command.cls = Command
        group = typer.main.get_command(made)
        group.name = name
        return group
    one = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT)
    one.command(name, cls=Command, context_settings=CONTEXT)(made)
    return typer.main.get_command(one)


class Command(TyperCommand):
    """Typer's command, but that an option which takes one value is refused when it is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """As Typer's; raises `InvalidInput` where the first value would be dropped silently."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        single = [
            each for each in given if each.nargs == 1 and not each.multiple and not getattr(each, "is_flag", False)
        ]
        twice = next((each for each in single if single.count(each) > 1), None)
        if twice is not None and not ctx.resilient_parsing:
            name = max(twice.opts, key=len)
            raise InvalidInput(f"{name} is given twice, and takes one value", f"say {name} once")
        return super().parse_args(ctx, args)


def _after_the_name(option: Any) -> Any:
    """A copy of an option of the application that a command takes, and that goes to the application's settings."""

    def remember(context: typer.Context, parameter: Any, value: Any) -> None:
        if value is not None:
            setattr(context.find_root().obj, parameter.name, value)
            context.find_root().obj.named |= parameter.name == "registry"

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
    context_settings=CONTEXT,
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
            readable=False,  # what it may not do there, the registry says itself
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
    context.obj = Settings(registry, lock_timeout, _is_named(context, "registry"))
