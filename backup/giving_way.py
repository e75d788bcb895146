"""Programs that give way to all others of their machine: a drill must starve nobody on the server it restores on.

By systemd a scope of its own, with a small share of CPU and disk where others want them too; alone it has all of both.
Without systemd only a low priority. Both are shares and no limits: memory and the network are not divided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.system.process import Ask, Done, Exec

SHARE = 20  # of CPU and disk, where every other service has 100
_NICE = 15
_SCOPE = f"--quiet --scope --property=CPUWeight={SHARE} --property=IOWeight={SHARE}"
# Tried first with a program that does nothing: what a scope's program says and its exit code must stay its own.
_WORDS = f"""if [ -d /run/systemd/system ] && systemd-run --quiet --scope true </dev/null 2>/dev/null; then
exec systemd-run {_SCOPE} -- "$@"
fi
exec nice -n {_NICE} "$@\""""


class GivingWay:
    """An Exec on the same place as another one."""

    def __init__(self, where: Exec) -> None:
        self.name, self._where = where.name, where
        self.python = getattr(where, "python", "python3")

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        done = self._where.run(["sh", "-c", _WORDS, "sh", *argv], ask)
        return Done(tuple(argv), done.code, done.out, done.err)
