"""A throw-away Asterisk in namespaces of its own: no network but a loopback, own folders, gone with its process.

Standard library only: this also runs on the exchange (role pbx). Needs root.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ops.system.asterisk_console import Console, NoAnswerError

BOOT_SECONDS = 60.0
INSIDE = "/mnt"  # where the trial's folder is mounted, in a mount namespace of its own
_FOLDERS = ("etc", "var", "db", "keys", "spool", "run", "log")
_SCRIPT = """
root="$1"; folder="$2"; shift 2
mount --make-rprivate /
mount --bind "$folder" "${root}/mnt"
ip link set lo up
for address in "$@"; do ip address add "$address/32" dev lo; done
exec chroot "${root:-/}" asterisk -C /mnt/etc/asterisk.conf -f -n
"""
_MAIN = """\
[directories]
astetcdir => {at}/etc
astmoddir => {modules}
astvarlibdir => {at}/var
astdbdir => {at}/db
astkeydir => {at}/keys
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {at}/spool
astrundir => {at}/run
astlogdir => {at}/log

[options]
documentation_language = en
hideconnect = yes
"""
_LOG = "[general]\ndateformat = %F %T\n\n[logfiles]\nmessages.log => notice,warning,error\n"
_COMPLAINT = re.compile(r"(WARNING|ERROR)\[\d+\](?:\[[^]]*\])? ([\w.]+\.c): (.*)")
# Of the package, of an empty network, or of a busy machine: none says anything of a release.
_EXCUSED = re.compile(
    r"users\.conf|musiconhold|Taskprocessor|taskprocessor|stir_shaken|pjproject|res_prometheus|phoneprov"
    r"|Unable to (?:open|load|find).*(?:cdr|cel|sounds)|getaddrinfo|Failed to resolve|No route|Network is unreachable"
)
# Asterisk quotes what it does not take, passwords too.
_SECRET = re.compile(r"(password\w*[\s'=>:,]+|(?:MD5|SHA-256|SHA-512-256):)[^\s']+")


_KEYS = re.compile(
    r"^(?:cert_file|priv_key_file|method)=.*\n", re.MULTILINE
)  # private keys leave their host for no trial


class TrialError(Exception):
    """The throw-away Asterisk did not come up; the text says why."""


@dataclass(frozen=True)
class Trial:
    """One that is up. `complaints`: what it warned of while it booted."""

    ask: Console
    folder: Path
    pid: int

    @property
    def complaints(self) -> list[str]:
        return [] if not self.log.exists() else complaints(self.log.read_text(encoding="utf-8", errors="replace"))

    @property
    def log(self) -> Path:
        return self.folder / "log/messages.log"


def complaints(log: str) -> list[str]:
    """Warnings and errors of a log, but for those that say nothing of the configuration."""
    found = [match for line in log.splitlines() if (match := _COMPLAINT.search(line))]
    return [_SECRET.sub(r"\1…", f"{match[2]}: {match[3]}") for match in found if not _EXCUSED.search(match[0])]


@contextmanager
def trial(
    static: Sequence[Path], release: Mapping[str, str], root: str = "", seconds: float = BOOT_SECONDS
) -> Iterator[Trial]:
    """Boot the release with the configuration files of `static` (/etc/asterisk; later folders win); `root`: an image
    to boot it from.

    TrialError when it does not come up.
    """
    folder = Path(tempfile.mkdtemp(prefix="kominfo-trial-", dir="/var/tmp"))  # a folder of its own, 0700
    child: subprocess.Popen[bytes] | None = None
    try:
        _fill(folder, static, release, root)
        addresses = sorted(set(re.findall(r"^bind=([\d.]+)", "\n".join(release.values()), re.MULTILINE)))
        with (folder / "console").open("wb") as console:
            child = subprocess.Popen(
                ["unshare", "-n", "-m", "-i", "sh", "-ec", _SCRIPT, "sh", root, str(folder), *addresses],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        ask = Console(str(folder / "run/asterisk.ctl"))
        try:
            ask.wait(seconds, child)
        except NoAnswerError:
            raise TrialError(_why(folder, child)) from None
        yield Trial(ask, folder, child.pid)
    except OSError as error:
        raise TrialError(f"{error.filename or 'trial'}: {error.strerror}") from None
    finally:
        if child:
            _end(child)
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, static: Sequence[Path], release: Mapping[str, str], root: str) -> None:
    for name in _FOLDERS:
        (folder / name).mkdir()
    etc = folder / "etc"
    for path in (path for part in static for path in part.glob("*.conf")):
        shutil.copy(path, etc)
    current = etc / "current"
    current.mkdir()
    for name, text in release.items():
        (current / name).write_text(_KEYS.sub("", text).replace("protocol=tls\n", "protocol=tcp\n"), encoding="utf-8")
    modules = next(Path(root or "/").glob("usr/lib*/**/asterisk/modules"), None)
    if modules is None:
        raise TrialError("there are no modules of Asterisk")
    inside = "/" + str(modules.relative_to(root or "/"))
    (etc / "asterisk.conf").write_text(_MAIN.format(at=INSIDE, modules=inside), encoding="utf-8")
    (etc / "logger.conf").write_text(_LOG, encoding="utf-8")


def _why(folder: Path, child: subprocess.Popen[bytes]) -> str:
    said = (folder / "console").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    ended = child.poll()
    state = "it did not boot in time" if ended is None else f"it ended ({ended})"
    return f"{state}: {said[-1] if said else 'without a word'}"


def _end(child: subprocess.Popen[bytes]) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            child.wait(2)
            return
