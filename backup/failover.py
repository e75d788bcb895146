"""A failover drill: a standby is built, the service is restored on it and people could be sent there; then all back.

The name is switched in a test view on the drill server. The official name servers are only asked: before, while it is
switched, and after; an answer of theirs that changed makes the drill red.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backup import layout, production, service_drill, standby
from backup.hostside import probing, standby_there
from backup.service import ServiceDrill
from backup.service_drill import Case
from backup.standby import Standby
from backup.verify import standing
from ops.errors import RefusedError
from ops.system import hostpython

VIEW_PORT = 5300
_SHORTEST = 1.0  # seconds that are always left to ask


@dataclass(frozen=True)
class Failover:
    """`build`: places the standby (Ansible) · `home`: the address that the official name servers give."""

    standby: Standby
    build: Callable[[], None]
    home: str
    probes: list[dict[str, Any]]

    def prepare(self, case: Case) -> None:
        case.book.step("target", f"is {case.where.name} a drill server", lambda: self._target(case))
        case.tell("provision: a standby is built")
        case.book.step("provision", f"ansible-playbook standby.yml --limit {case.where.name}", self._provisioned)

    def ask(self, case: Case) -> None:
        """Start it, ask it, lead the test view there, ask it by name, lead back."""
        seen = case.drill
        units = [name for name in standby_there.UNITS if case.database or "database" not in name]
        case.tell("start: the service on the standby")
        case.book.step("start", f"systemctl start {' '.join(units)}", lambda: self._started(units))
        service_drill.judged(case, self.probes, case.book.step("probe", "by its address", lambda: self._asked(case)))
        if not seen.green:
            return
        seen.green = 0.0  # people ask by name
        before = self._viewed(case, "view", "before", self.home)
        case.tell(f"switch: the test view leads to {self.standby.address}")
        self._switch(case, "switch", self.standby.address)
        made = case.book.step("by name", f"{self.standby.name} through the test view", lambda: self._by_name(case))
        _by_name(seen, made)
        self._switch(case, "switch back", self.home)
        after = self._viewed(case, "back", "after", self.home)
        official = {str(one["official"]) for one in (before, made["view"], after)}
        seen.astray += ["the official name servers' answer changed"] if len(official) > 1 else []

    def clean(self, _case: Case) -> None:
        standby.stop(self.standby.where, self.standby.folder)

    def _target(self, case: Case) -> dict[str, Any]:
        """RefusedError on a machine that looks like production."""
        about = {"folder": case.folder, "sets": layout.SET_FOLDER, "units": production.SERVICES}
        told = hostpython.call(case.where, hostpython.Call((standing,), "standing", about, 30))
        if against := list(production.standing(case.where.name, told)):
            what = f"{case.where.name} looks like production: {against[0]}"
            raise RefusedError(what, "drills.server in drc.yml names it")
        return {"hostname": told["hostname"]}

    def _provisioned(self) -> dict[str, Any]:
        self.build()
        return {}

    def _started(self, units: list[str]) -> dict[str, Any]:
        standby.start(self.standby, units)
        return {}

    def _asked(self, case: Case) -> dict[str, Any]:
        """{answers, wrong, newest, at}: asked until all is as declared, or the time is over."""
        answers, wrong = standby.until_right(lambda: self._round(case, self.standby.address), _left(case.drill))
        asked_at = time.time()
        return {"answers": answers, "wrong": wrong, "newest": self._newest(case), "at": asked_at}

    def _round(self, case: Case, address: str) -> tuple[list[dict[str, Any]], list[str]]:
        queries = [probe["sql"] for probe in self.probes if probe["sql"]]
        told = standby.values(self.standby, case.database, f"{case.folder}/s", queries) if queries else []
        values = iter(told)
        answers = [
            standby.page(self.standby, address, probe) if probe["path"] else next(values) for probe in self.probes
        ]
        return answers, self._wrong(case.drill, answers)

    def _wrong(self, seen: ServiceDrill, answers: list[dict[str, Any]]) -> list[str]:
        found = [probing.wrong(probe, answer) for probe, answer in zip(self.probes, answers, strict=True)]
        for at, answer in enumerate(answers):
            if not found[at] and "status" in answer and answer["mark"] != seen.id:
                found[at] = f"somebody else answered: {answer['mark'] or 'no standby'}"
        return found

    def _newest(self, case: Case) -> float | None:
        query = case.drill.item.service.newest
        if not query or not case.database:
            return None
        (told,) = standby.values(self.standby, case.database, f"{case.folder}/s", [probing.epoch(query)])
        return float(told["value"]) if told.get("value") else None

    def _views(self) -> dict[str, Any]:
        """{test: addresses, official: addresses of each official name server}."""
        test, *official = standby.answers(self.standby, [self.standby.view, *self.standby.official])
        return {"test": test, "official": official}

    def _viewed(self, case: Case, step: str, when: str, expected: str) -> dict[str, Any]:
        """What name servers say now; noted, and astray where it is not the expected address."""
        said = case.book.step(step, f"kdig {self.standby.name} in the test view and officially", self._views)
        case.drill.view[when] = said
        if said["test"] != [expected]:
            case.drill.astray.append(f"{when}: the test view says {', '.join(said['test']) or 'nothing'}")
        for one in said["official"]:
            if one != [self.home]:
                case.drill.astray.append(f"{when}: an official name server says {', '.join(one) or 'nothing'}")
        return said

    def _switch(self, case: Case, step: str, address: str) -> None:
        def work() -> dict[str, Any]:
            standby.switch(self.standby, address)
            return {}

        case.book.step(step, f"knotc zone-set {self.standby.zone} A {address} in the test view", work)

    def _by_name(self, case: Case) -> dict[str, Any]:
        """As people come: the name is looked up in the test view, and whoever has that address is asked."""
        views = self._views()
        address = views["test"][0] if views["test"] else self.standby.address
        answers, wrong = standby.until_right(lambda: self._round(case, address), _left(case.drill))
        if views["test"] != [self.standby.address]:
            wrong[0] = wrong[0] or f"the test view leads to {', '.join(views['test']) or 'nobody'}"
        return {"answers": answers, "wrong": wrong, "view": views, "at": time.time()}


def _by_name(seen: ServiceDrill, made: dict[str, Any]) -> None:
    """Green is when it answers under its own name."""
    for one, answer, wrong in zip(seen.probes, made["answers"], made["wrong"], strict=True):
        one.update(answer=answer, wrong=wrong)
    seen.view["switched"] = made["view"]
    seen.asked = float(made["at"])
    seen.green = 0.0 if any(made["wrong"]) else seen.asked


def _left(seen: ServiceDrill) -> float:
    """Seconds that it may still take to answer."""
    service = seen.item.service
    return max(_SHORTEST, min(service.patience, seen.declared + service.rto - time.time()))
