"""The command `ops`: finds the verb, parses, runs, and is the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import pkgutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType, ModuleType

import ops
import ops.cli
from ops.cli.common import add_common
from ops.cli.screen import Screen
from ops.errors import InventoryInvalidError, OpsError

BUG, INTERRUPTED = 70, 130
_MACHINES = {  # what a machine refuses wherever it is asked: error number → next step
    errno.ENOSPC: "make space there (`df -h`), then run the same command again; no file was left half-written",
    errno.EDQUOT: "make space there (`quota`), then run the same command again; no file was left half-written",
    errno.ENOTDIR: "set OPS_STATE to a folder",
    errno.EROFS: "set OPS_STATE to a folder that can be written",
    errno.EACCES: "run the same command with sudo, or set OPS_STATE to a folder of your own",
    errno.EPERM: "run the same command with sudo",
}
_NOT_VERBS = {"main", "common", "running", "screen", "backup_prune", "backup_quarantine", "drill_services"}


def verbs() -> dict[str, ModuleType]:
    """Every verb by name: a file of this folder with HELP, arguments(parser) and run(args, screen) -> exit code."""
    names = sorted(module.name for module in pkgutil.iter_modules(ops.cli.__path__) if module.name not in _NOT_VERBS)
    return {name.replace("_", "-"): importlib.import_module(f"ops.cli.{name}") for name in names}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ops",
        description="Declare an office once; see what follows; apply exactly that; prove it can be recovered.",
        epilog="example: ops twin up && ops --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kominfo-ops {ops.__version__}")
    below = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, module in verbs().items():
        verb = below.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=getattr(module, "EPILOG", ""),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_common(verb)
        module.arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code (README lists them)."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal; nohup's wish is respected
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminated)
    args = build_parser().parse_args(argv)
    screen = Screen(as_json=args.json, quiet=args.quiet)
    try:
        return int(args.run(args, screen))
    except OpsError as error:
        return _explain(error)
    except KeyboardInterrupt:
        print("ops: interrupted; what was reported done is done, the rest is not", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 0
    except OSError as error:
        return _machine(error)
    except Exception as bug:  # noqa: BLE001 # the one handler for bugs
        return _report(bug)


def _explain(error: OpsError) -> int:
    if isinstance(error, InventoryInvalidError):
        for problem in error.problems:
            print(problem, file=sys.stderr)
    print(f"ops: {error.what}", file=sys.stderr)
    if error.next_step:
        print(f"     {error.next_step}", file=sys.stderr)
    return error.exit_code


def _machine(error: OSError) -> int:
    """No space, no right: a person can mend that."""
    if error.errno not in _MACHINES:
        return _report(error)
    where = f"{error.filename}: " if error.filename else ""
    return _explain(OpsError(f"{where}{error.strerror}", _MACHINES[error.errno]))


def _report(bug: Exception) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="ops-bug-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(f"kominfo-ops {ops.__version__}\n")
        traceback.print_exception(bug, file=log)
    print(f"ops: this is a bug in ops: {type(bug).__name__}; details in {log.name}", file=sys.stderr)
    return BUG


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
