"""ops completion: a completion script for the shell (shtab writes it from the parser itself)."""

from __future__ import annotations

import argparse

from ops.cli.screen import Screen

HELP = "print a completion script for bash, zsh or tcsh"
EPILOG = 'example: eval "$(ops completion bash)"'


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def run(args: argparse.Namespace, screen: Screen) -> int:
    import shtab  # noqa: PLC0415 # only here

    from ops.cli.main import build_parser  # noqa: PLC0415 # main imports every verb

    screen.say(shtab.complete(build_parser(), shell=args.shell))
    return 0
