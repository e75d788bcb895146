"""What a person can do about a host that failed: one sentence, from what Ansible or a program said."""

from __future__ import annotations

import re

_LONGEST = 300  # characters of a failure in one line

# the first that fits; `at` is put in where the task stands
_ADVICE = (
    (r"no space left on device|disk quota exceeded", "make room there (`df -h`), then run it again"),
    (r"read-only file system", "its disk was mounted read-only: look at `dmesg` there, then run it again"),
    (
        r"dpkg frontend lock|could not get lock|failed to lock apt|lock-frontend|var/lib/dpkg/lock",
        "another program installs packages there: wait for it, or see who (`fuser -v /var/lib/dpkg/lock-frontend`)",
    ),
    (
        r"sudo: (command )?not found|sudo: no such file|/sudo: not found|'sudo'",
        "install sudo there (as root: `apt-get install sudo`), and give the user its right in /etc/sudoers.d",
    ),
    (
        r"missing sudo password|sudo: a password is required|a terminal is required|is not in the sudoers",
        "the user may not become root there without a password: add it to /etc/sudoers.d with NOPASSWD",
    ),
    (
        (
            r"is undefined|undefinederror|template ?(syntax)?error|error while resolving value|unexpected templating|"
            r"syntax error in template|has no attribute|finalization of task args"
        ),
        "a mistake in the playbook or the inventory, not on the host{at}",
    ),
    (r"permission denied \(|authentication failed", "its user takes another SSH key: `ssh-copy-id` ours there"),
    (r"connection refused", "nothing answers at its SSH port: is sshd running there, and the port right?"),
    (
        r"timeout when waiting for \S+:\d+|waiting for privilege escalation prompt",
        "it answers nobody new, or not at all: a firewall on trial takes itself back within 90 s, then run it again",
    ),
    (r"could not resolve hostname|name or service not known", "its address in hosts.yml names no machine"),
    (
        r"no route to host|network is unreachable|timed out|host is down|not responding",
        "is it switched on, and the way to it up? `ops provision --limit` it when it answers",
    ),
    (
        (
            r"connection (was )?(closed|reset|abort|broke)|broken pipe|connection to .* closed|eof during|"
            r"lost connection|data could not be sent|mux_client|died unexpectedly|channel.*(closed|disconnected)"
        ),
        "it went away in the middle: when it is back, `ops jobs retry` goes on with it",
    ),
    (r"python3?: (command )?not found|no python interpreter|/python3: no such", "install python3 there"),
    (r"out of memory|cannot allocate memory|memoryerror", "it has too little memory for this"),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), text) for pattern, text in _ADVICE)


def advice(message: str, at: str = "") -> str:
    """What to do, or "" when nobody knows. `at`: file:line of the task that failed."""
    for pattern, text in _KNOWN:
        if pattern.search(message):
            return text.format(at=f": {at}" if at else "")
    return ""


def first_line(message: str) -> str:
    """A message as one line of sane length."""
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
