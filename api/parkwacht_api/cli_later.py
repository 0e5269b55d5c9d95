"""
Groups of commands whose module is imported when one of them is asked for.

A start stays short so: `parkwacht --help` and bad input need neither database nor web server.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


def later(module: str, name: str, *, help: str) -> typer.Typer:
    """
    Return a stand-in for a group of commands.

    Parameters
    ----------
    module, name
        Where the `typer.Typer` of the group is.
    help
        What it is for: shown without importing it.
    """

    class Later(TyperGroup):
        def make_context(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            if not self.commands:
                self.commands = get_group(getattr(import_module(module), name)).commands
            return super().make_context(*args, **named)

    return typer.Typer(cls=Later, no_args_is_help=True, help=help)
