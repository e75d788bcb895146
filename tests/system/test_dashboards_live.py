"""Every panel of every dashboard, asked of a real Prometheus that scrapes our exporter, a node exporter and itself.

The recording rules are the shipped ones, evaluated every second; the months before now are blocks that promtool made.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from beside_devices import backed_up, collectors
from dashboard_lint import boards_of
from exporter_place import CALL, OFFICES, place, served
from image_programs import program
from past_runs import whole

from exporters import fibre_state
from exporters.dashboards.board import NEVER, Board, Look, Panel
from exporters.service import Service
from ops.errors import HostFailedError
from ops.inventory.watched import watched
from ops.runs.tables import open_database
from ops.system import http
from ops.system.sockets import listen_udp
from ops.twin.agent_process import Agents
from ops.world import World

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
DAY = 86_400
PATIENCE = 90.0  # seconds until every panel must show something
SHIFT = 10 + 2 * (os.getpid() % 90)  # 127.50 to 127.229: two runs on one machine do not meet


def known(world: World) -> None:
    """What the exporter reads from the state folder: a test call, a sweep, a backup and a drill that went well."""
    for folder, name, told in (
        ("calls", "dinkes.rsud", CALL),
        ("drift", "dc-web", {"host": "dc-web", "at": time.time(), "unknown": False, "differ": {"_region": 2}}),
    ):
        (world.state / folder).mkdir()
        (world.state / folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    backed_up(world.state)
    database = open_database(world.state)
    whole(database)
    whole(database, kind="drill")
    database.close()


def serve(world: World, stack: ExitStack) -> str:
    """The exporter over two routers of the twin's own agents; where it listens."""
    with listen_udp(str(world.region.opd("dinkes").routers[0].address), 0) as free:
        port = free.getsockname()[1]
    agents, ended = Agents(world, snmp=port, ssh=0), threading.Event()
    agents.refresh()
    answering = threading.Thread(target=agents.serve, args=(ended.is_set,))
    answering.start()
    stack.callback(agents.close)
    stack.callback(answering.join)
    stack.callback(ended.set)
    service = Service(dataclasses.replace(world), agents.ports["dinkes-rtr1"][0], more=collectors)
    return served(service, stack)


def history(world: World, folder: Path) -> None:
    """Eighty days in which the light of one office falls, as blocks of Prometheus."""
    one = next(one for one in watched(world.region.opds) if one.opd.code == "dinkes")
    labels = ",".join(f'{name}="{value}"' for name, value in {**one.labels, "ifname": one.link.ifname}.items())
    now = int(time.time()) // DAY * DAY
    told = ["# TYPE opd_optical_receive_power_dbm gauge"]
    told += [
        f"opd_optical_receive_power_dbm{{{labels}}} {-9 - 0.05 * (at - now + 80 * DAY) / DAY:.4f} {at}"
        for at in range(now - 80 * DAY, now, DAY // 4)
    ]
    (folder / "history.om").write_text("\n".join([*told, "# EOF\n"]))
    words = ("tsdb", "create-blocks-from", "--max-block-duration=2000h", "openmetrics")
    done = subprocess.run(
        [*program("promtool"), *words, str(folder / "history.om"), str(folder / "data")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def settings(folder: Path, exporter: str, node: str, own: str) -> Path:
    """Prometheus's configuration: the role's four jobs, each asked every second, and the rules as often."""
    for path in (ROOT / "exporters/rules").glob("*.yml"):
        text = re.sub(r"(?m)^    interval: \w+", "    interval: 1s", path.read_text(encoding="utf-8"))
        (folder / path.name).write_text(text, encoding="utf-8")
    jobs = "".join(
        f"  - {{job_name: {job}, metrics_path: {path}, honor_labels: true, static_configs: [{{targets: ['{at}']}}]}}\n"
        for job, at, path in (
            ("kominfo_exporter", exporter, "/metrics"),
            ("kominfo_devices", exporter, "/probe-all"),
            ("node", node, "/metrics"),
            ("prometheus", own, "/metrics"),
        )
    )
    written = folder / "prometheus.yml"
    written.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{folder}/bandwidth*.yml']\nscrape_configs:\n{jobs}"
    )
    return written


def started(stack: ExitStack, log: Path, *argv: str) -> None:
    """A process that ends with the test."""
    out = stack.enter_context(log.open("wb"))
    child = subprocess.Popen(argv, stdout=out, stderr=out)
    stack.callback(child.wait, 30)
    stack.callback(child.terminate)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dashboards")
    world = place(folder, SHIFT)
    known(world)
    patched = pytest.MonkeyPatch()
    patched.setattr(fibre_state, "FRESH_SECONDS", 1.0)
    station = str(world.region.group("monitoring")[0].address)
    own, node = f"{station}:9090", f"{station}:9100"
    with ExitStack() as stack:
        stack.callback(patched.undo)
        history(world, folder)
        written = settings(folder, serve(world, stack), node, own)
        started(stack, folder / "node.log", *program("prometheus-node-exporter"), f"--web.listen-address={node}")
        started(
            stack, folder / "prometheus.log", *program("prometheus"), f"--config.file={written}",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address={own}", "--storage.tsdb.retention.time=400d",
            "--log.level=warn",
        )  # fmt: skip
        yield f"http://{own}"


@dataclasses.dataclass(frozen=True)
class Asked:
    """One query of one panel, with its choices made."""

    board: str
    panel: Panel
    expr: str

    def rows(self, prometheus: str, at: float | None = None) -> int:
        """How many series it gives now, or at a Unix time."""
        now = at or time.time()
        if self.panel.look is Look.LINES:
            asked = {"query": self.expr, "start": str(now - 120), "end": str(now), "step": "5"}
            told = http.get_json(f"{prometheus}/api/v1/query_range", asked)
        else:
            told = http.get_json(f"{prometheus}/api/v1/query", {"query": self.expr, "time": str(now)})
        assert told["status"] == "success", f"{self.board}: {self.expr}: {told}"
        return len(told["data"]["result"])


def asked(boards: dict[str, Board]) -> list[Asked]:
    # of two vendors, as a MikroTik tells no thresholds
    made = {'="$opd"': '=~"dinkes|rsud"', "$upstream": "astinet", "$__rate_interval": "1m"}
    found = []
    for name, board in boards.items():
        for panel in board.panels:
            for query in panel.queries:
                expr = query.expr
                for word, value in made.items():
                    expr = expr.replace(word, value)
                assert "$" not in expr
                found.append(Asked(name, panel, expr))
    return found


def empty(prometheus: str, wanted: list[Asked]) -> list[Asked]:
    """Those that show nothing though they should, after waiting for the data to come."""
    left, end = wanted, time.monotonic() + PATIENCE
    while left:
        try:
            left = [one for one in left if not one.rows(prometheus)]
        except HostFailedError:
            assert time.monotonic() < end, "Prometheus does not answer"
        if not left or time.monotonic() > end:
            break
        time.sleep(1)
    return left


def test_every_panel_shows_something(prometheus: str) -> None:
    wanted = asked(boards_of())
    silent = empty(prometheus, [one for one in wanted if not one.panel.may_be_empty])
    assert [f"{one.board}/{one.panel.title}: {one.expr}" for one in silent] == []
    for one in wanted:
        one.rows(prometheus)  # those that may be empty must at least be understood


def test_choices_offer_what_there_is(prometheus: str) -> None:
    offered = {}
    for board in boards_of().values():
        for choice in board.choices:
            told = http.get_json(f"{prometheus}/api/v1/label/{choice.label}/values", {"match[]": choice.series})
            offered[choice.name] = set(told["data"])
    assert offered["opd"] == set(OFFICES)
    assert "astinet" in offered["upstream"]


def test_no_data_looks_like_no_data(prometheus: str) -> None:
    """Long before anything was measured no panel shows a figure, but the age says that there is nothing."""
    long_ago = 1_000_000_000.0
    for one in asked(boards_of()):
        rows = one.rows(prometheus, long_ago)
        assert rows == ("absent(" in one.expr), f"{one.board}/{one.panel.title}: {rows} rows of nothing"
        if rows:
            told = http.get_json(f"{prometheus}/api/v1/query", {"query": one.expr, "time": str(long_ago)})
            assert float(told["data"]["result"][0]["value"][1]) == NEVER
            assert one.panel.words[0][:2] == (str(NEVER), "no data")


def test_a_name_that_nobody_serves_is_seen(prometheus: str) -> None:
    board = boards_of()["office"]
    wrong = [
        dataclasses.replace(one, expr=one.expr.replace("opd_poll_up", "opd_pol_up")) for one in asked({"o": board})
    ]
    changed = [one for one in wrong if "opd_pol_up" in one.expr and "absent" not in one.expr]
    assert changed
    assert not any(one.rows(prometheus) for one in changed)
