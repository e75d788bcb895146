"""The record of a run: one JSON line per begun task and per result, without any secret's value.

OPS_RECORD names the file (appended to), OPS_HIDDEN a JSON file {"hidden": {value: what to show instead}, "key": text}.
Lines, every one a single write, so that whoever is killed leaves whole lines only:

`{"begin": task, "host": h}`
`{"host", "task", "state", "seconds"}`, and where there is something to say `message`, `at` (file:line of the task),
    `role`, `play`, `handler` (its name, when it is one), `notify` (what a change notified), `about` (names of what
    changed), `changes` (`path`, `text` of the difference, `digest` of both sides), `output` (bytes and sha256 of what
    was too long to keep), `data` (the playbook's own `kominfo_verdict`), `includes` (how many files or roles a loop
    included: Ansible's statistics count each)
`{"due": handler, "host": h, "for": [names that notify it]}`, when handlers are about to run
`{"stats": …}` at the end.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.playbook.handler import Handler
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: kominfo_record
type: notification
short_description: One JSON line per result
description: Writes what a run does to the file named by OPS_RECORD; values in OPS_HIDDEN never reach it.
requirements: [the environment variable OPS_RECORD]
"""

LONGEST = 4000  # characters of a message
LONGEST_DIFF = 16_000  # characters of all differences of one result
MOST_LINES = 3000  # of a file that is compared
MOST_NAMES = 20  # of what changed
LONG_OUTPUT = 64_000  # characters of an output of which size and digest are kept
NOT_SHOWN = "(not shown: it holds secrets)"
_SAID = ("msg", "stderr", "stdout", "module_stderr", "module_stdout", "exception", "reason")
_NO_ANSWER = ("Module result deserialization failed", "MODULE FAILURE")  # the module never ran: others say why
_EMPTY_WORDS = {
    "non-zero return code",
    "One or more items failed",
    "All items completed",
    "(traceback unavailable)",
    "",
}
_ABOUT = ("path", "dest", "paths", "units", "name")


class Scrub:
    """Puts what may be shown in the place of secrets' values."""

    def __init__(self, hidden: dict[str, str]) -> None:
        self._hidden = dict(sorted(hidden.items(), key=lambda pair: -len(pair[0])))
        # also as they look inside of JSON: a line is taken apart only when one of these is in it
        self._forms = {form for value in hidden for form in (value, json.dumps(value, ensure_ascii=False)[1:-1])}
        self._longest = max(map(len, self._forms), default=0)

    def line(self, line: dict[str, Any]) -> str:
        text = json.dumps(line, ensure_ascii=False, default=str)
        return json.dumps(self.value(line), ensure_ascii=False, default=str) if self.within(text) else text

    def within(self, text: str) -> bool:
        return any(form in text for form in self._forms)

    def text(self, text: str) -> str:
        for secret, shown in self._hidden.items():
            text = text.replace(secret, shown)
        return text

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
        return [self.value(inner) for inner in value] if isinstance(value, list | tuple) else value

    def cut(self, text: str, most: int) -> str:
        """The beginning of a text. A secret that the cut goes through leaves no half of itself behind."""
        if len(text) <= most:
            return self.text(text)
        window = self.text(text[: most + 2 * self._longest])
        kept = window[: min(most, max(0, len(window) - self._longest))]
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        return f"{kept} … (cut: {len(text)} characters in all, sha256 {digest})"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kominfo_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get("OPS_RECORD")
        if not path:
            self.disabled = True
            return
        self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        file = os.environ.get("OPS_HIDDEN")
        told = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
        self._scrub = Scrub(told.get("hidden", {}))
        self._key = str(told.get("key", "")).encode()
        self._begun: dict[tuple[str, str], float] = {}
        self._play = ""

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._begun[host.get_name(), task._uuid] = time.monotonic()  # noqa: SLF001 # there is no public name
        self._write({"begin": task.get_name(), "host": host.get_name()})

    def v2_runner_on_ok(self, result: Any) -> None:
        self._result(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._result(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._result(result, "unreachable")

    def v2_playbook_on_notify(self, handler: Any, host: Any) -> None:
        """Comes when handlers are about to run: a run that dies before never says it."""
        names = {handler.name, handler.get_name(include_role_fqcn=False), handler.get_name(include_role_fqcn=True)}
        self._write(
            {"due": handler.get_name(), "host": host.get_name(), "for": sorted({*names, *(handler.listen or ())})}
        )

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._write({"stats": {host: stats.summarize(host) for host in sorted(stats.processed)}})

    def _result(self, result: Any, state: str) -> None:
        host, task, found = result.host.get_name(), result.task, result.result
        begun = self._begun.pop((host, task._uuid), None)  # noqa: SLF001
        line: dict[str, Any] = {"host": host, "task": task.get_name(), "state": state}
        if begun is not None:
            line["seconds"] = round(time.monotonic() - begun, 2)
        if isinstance(task, Handler):
            line["handler"] = task.get_name()
        if isinstance(task, TaskInclude) and (rounds := _items(found)) and state == "ok":
            line["includes"] = sum(not one.get("skipped") for one in rounds)
        if state in {"failed", "ignored", "unreachable"}:
            line |= {"message": self._scrub.cut(_message(found), LONGEST), "at": _at(task)}
        elif state == "changed":
            line |= self._changed(task, found)
        if long := _long_output(found):
            line["output"] = long
        if "kominfo_verdict" in found:
            line["data"] = found["kominfo_verdict"]
        self._write(line)

    def _changed(self, task: Any, found: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = {"at": _at(task), "about": _about(found)}
        if task.notify:
            role = task._role.get_name() if task._role else ""  # noqa: SLF001
            line |= {"notify": list(task.notify), "role": role, "play": self._play}
        if changes := self._changes(found):
            line["changes"] = changes
        return line

    def _changes(self, found: dict[str, Any]) -> list[dict[str, str]]:
        room, changes = LONGEST_DIFF, []
        for one in _differences(found):
            change = self._change(one, room)
            room = max(0, room - len(change["text"]))
            changes.append(change)
        return changes

    def _change(self, one: dict[str, Any], room: int) -> dict[str, str]:
        """A side that holds a secret is not shown, nor is the other one: it may hold the one before."""
        path = str(one.get("after_header") or one.get("before_header") or "")
        before, after = _side(one.get("before")), _side(one.get("after"))
        if "prepared" in one and not (before or after):
            before, after = "", str(one["prepared"])
        if self._scrub.within(before) or self._scrub.within(after):
            text = NOT_SHOWN
        else:
            text = self._scrub.cut(_compared(before, after, room), room)
        digest = hmac.new(self._key, f"{before}\0{after}".encode(errors="replace"), hashlib.sha256).hexdigest()
        return {"path": path, "text": text, "digest": digest}

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._out, (self._scrub.line(line) + "\n").encode(errors="replace"))


def _at(task: Any) -> str:
    """Where the task stands, from the playbooks' folder on."""
    path = str(task.get_path() or "")
    return path.rpartition("/playbooks/")[2]


def _items(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a loop's rounds; none when there was no loop."""
    results = found.get("results")
    return [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []


def _about(found: dict[str, Any]) -> list[str]:
    names: list[str] = []
    for one in [found, *(item for item in _items(found) if item.get("changed"))]:
        for key in _ABOUT:
            value = one.get(key)
            names += [str(name) for name in (value if isinstance(value, list) else [value]) if name]
    return [name[:LONGEST] for name in dict.fromkeys(names)][:MOST_NAMES]


def _differences(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in [found, *_items(found)]:
        told = one.get("diff")
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, dict) and (each.get("before") != each.get("after") or "prepared" in each):
                yield each


def _side(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _compared(before: str, after: str, room: int) -> str:
    old, new = before.splitlines(), after.splitlines()
    if room <= 0 or max(len(old), len(new)) > MOST_LINES or max(len(before), len(after)) > 100 * MOST_LINES:
        return f"(not shown: {len(before)} characters before, {len(after)} after)"
    return "\n".join(itertools.islice(difflib.unified_diff(old, new, lineterm="", n=1), 2, None))  # no names of files


def _long_output(found: dict[str, Any]) -> dict[str, Any]:
    """Size and digest of what a program wrote, when it was much."""
    text = found.get("stdout")
    if not isinstance(text, str) or len(text) <= LONG_OUTPUT:
        return {}
    body = text.encode(errors="replace")
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def _message(found: dict[str, Any]) -> str:
    """The most telling words of a failure; of a loop those of the round that failed."""
    if "censored" in found:
        return "hidden, because the task handles secrets"
    failed = [item for item in _items(found) if item.get("failed")]
    if failed and str(found.get("msg", "")) in _EMPTY_WORDS:
        return _message(failed[0])
    said = {name: str(found[name]).strip() for name in _SAID if found.get(name)}
    if dumb := said.get("msg", "").startswith(_NO_ANSWER):
        said["msg"] = said.pop("msg")  # to the end
    telling = next((text for text in said.values() if text not in _EMPTY_WORDS), "failed without a word")
    if found.get("rc") and (dumb or said.get("msg") in _EMPTY_WORDS):
        return f"exit {found['rc']}: {telling}"
    return telling
