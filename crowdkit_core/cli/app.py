"""The `crowdkit` group: commands loaded when called, errors without tracebacks."""

import importlib
import sys
from contextlib import nullcontext
from typing import Any

import click

from crowdkit_core.cli.short_warnings import short_warnings
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.printable import printable

DEBUG = "--debug"
COMMANDS = {
    "list": "crowdkit_core.cli.list_command:list_components_command",
    "info": "crowdkit_core.cli.info_command:info",
    "train": "crowdkit_core.cli.train_command:train",
    "finetune": "crowdkit_core.cli.finetune_command:finetune_command",
    "grid": "crowdkit_core.cli.grid_command:grid_command",
    "eval": "crowdkit_core.cli.eval_command:evaluate_command",
    "score": "crowdkit_core.cli.score_command:score_command",
    "tune": "crowdkit_core.cli.tune_command:tune",
    "count": "crowdkit_core.cli.count_command:count_command",
    "calibrate": "crowdkit_core.cli.calibrate_command:calibrate_command",
    "export": "crowdkit_core.cli.export_command:export_command",
    "density": "crowdkit_core.cli.density_command:density",
    "weights": "crowdkit_core.cli.weights_command:weights",
    "data": "crowdkit_core.cli.data_command:data",
    "plugin": "crowdkit_core.cli.plugin_command:plugin",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when called; plugins add theirs through a hook."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        """Own commands in reading order, then those of plugins."""
        self._ask_plugins()
        return [*COMMANDS, *sorted(set(self.commands) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; plugins are asked only when the name is not crowdkit's own."""
        if cmd_name in COMMANDS:
            module, attribute = COMMANDS[cmd_name].split(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        from crowdkit_core.registry.catalogue import known_plugins

        self._ask_plugins()
        found = super().get_command(ctx, cmd_name)
        if found is None and (package := known_plugins("command").get(cmd_name)):
            raise UsageError(
                f"the command {cmd_name!r} is not installed", hint=f"pip install {package}"
            )
        return found

    def _ask_plugins(self) -> None:
        if not self.commands:
            from crowdkit_core.registry.hooks import hooks

            hooks().register_commands(self)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crowdkit-core", prog_name="crowdkit")
@click.option(DEBUG, is_flag=True, help="Show the traceback of an error; allowed anywhere.")
def crowdkit(debug: bool) -> None:
    """Count people (or cells, birds, cars) in images with networks trained on dots."""


def main() -> Any:
    """Run the command line; exit codes are 0 done, 1 failed, 2 wrong usage."""
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        with nullcontext() if debug else short_warnings():
            return crowdkit.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (CrowdkitError, OSError) as error:
        if debug:
            raise
        click.echo(f"crowdkit: {printable(str(error), keep=chr(10))}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
