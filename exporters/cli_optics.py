"""Light of devices that have no optical OIDs: read over SSH now and then, served as the same metrics as over SNMP.

A poll takes what was read last, and asks for a new reading when it is due (`exporters/cli_turns.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from exporters.cli_turns import Budget, Turns, time_left
from exporters.metrics import Sample, sample
from ops.catalogue.cli.answer import Row, rows
from ops.catalogue.cli.platform import Dialogue, Platform, Quantity
from ops.errors import HostFailedError
from ops.inventory.watched import Watched, WatchedPort
from ops.system.device_cli import DeviceCli, DeviceLogin, device_cli

__all__ = ["Budget", "CliOptics", "same_port"]
_METRICS: Mapping[Quantity, str] = {
    "receive_power_dbm": "opd_optical_receive_power_dbm",
    "transmit_power_dbm": "opd_optical_transmit_power_dbm",
    "rx_loss": "opd_optical_rx_loss",
    "temperature_celsius": "opd_optical_temperature_celsius",
    "voltage_volts": "opd_optical_voltage_volts",
    "bias_amperes": "opd_optical_bias_amperes",
    "receive_low_alarm_dbm": "opd_optical_power_low_alarm_dbm",
    "receive_low_warning_dbm": "opd_optical_power_low_warning_dbm",
    "receive_high_warning_dbm": "opd_optical_power_high_warning_dbm",
    "receive_high_alarm_dbm": "opd_optical_power_high_alarm_dbm",
    "transmit_low_alarm_dbm": "opd_optical_transmit_power_low_alarm_dbm",
    "transmit_low_warning_dbm": "opd_optical_transmit_power_low_warning_dbm",
    "transmit_high_warning_dbm": "opd_optical_transmit_power_high_warning_dbm",
    "transmit_high_alarm_dbm": "opd_optical_transmit_power_high_alarm_dbm",
}
_OLT_METRICS: Mapping[Quantity, str] = {
    "olt_receive_power_dbm": "opd_optical_receive_power_dbm",
    "olt_transmit_power_dbm": "opd_optical_transmit_power_dbm",
}
_PORT = re.compile(r"(?P<kind>[A-Za-z-]*?)[\s_]*(?P<number>\d.*)")


class CliOptics(Turns):
    """One device. `links`: the ports that are asked for; `onus`: as the OLT names them. `clock` counts seconds."""

    def __init__(
        self,
        login: DeviceLogin,
        platform: Platform,
        links: Sequence[Watched | WatchedPort],
        onus: Sequence[str] = (),
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(login, budget or Budget(), clock)
        self.about = (login, platform, tuple(links), self._budget)
        self._platform, self._links = platform, self.about[2]
        ports = tuple(one.ifname for one in links)
        self._dialogues = [one for question in platform.questions for one in question.dialogues(ports, onus)]
        self._read = float("-inf")
        self._rows: tuple[Row, ...] = ()

    def same(self, other: CliOptics) -> bool:
        """Whether both read the same ports of the same device in the same way."""
        return self.about == other.about

    def take(self, deadline: float) -> None:
        self._keep(_ask_all(self._login, self._platform, self._dialogues, deadline, self._clock))

    def rows(self) -> tuple[Row, ...]:
        """What was read last; nothing when that is too long ago."""
        with self._lock:
            return self._rows if self._clock() - self._read <= self._budget.stale else ()

    def samples(self) -> Iterator[Sample]:
        """The declared ports' light, as it was read last."""
        known = self.rows()
        for one in self._links:
            for row in known:
                if same_port(row.port, one.ifname):
                    yield from _samples(one, row)

    def _keep(self, found: Sequence[Row]) -> None:
        with self._lock:
            self._rows, self._read = tuple(found), self._clock()


def _ask_all(
    login: DeviceLogin, platform: Platform, dialogues: Sequence[Dialogue], deadline: float, clock: Callable[[], float]
) -> list[Row]:
    """Every answer's rows, in one login. HostFailedError: away, too slow, or nothing known was answered."""
    found: list[Row] = []
    wrong = ""
    with device_cli(login.within(deadline - clock())) as cli:
        for dialogue in dialogues:
            answer = _ask(cli, login.name, dialogue, deadline, clock)
            refused = re.search(platform.error, answer)
            if refused:
                wrong = wrong or f"{dialogue.command}: {refused[0].strip()}"
                continue
            try:
                found += rows(platform, dialogue, answer)
            except ValueError as error:
                wrong = wrong or f"{dialogue.command}: {error}"
    if wrong and not found:
        raise HostFailedError(login.name, f"SSH: {wrong}")
    return _merged(found)


def _merged(found: Iterable[Row]) -> list[Row]:
    """One row for each port, ONU and lane, whichever commands told of it. The first figure counts."""
    values: dict[tuple[str, str, str], dict[Quantity, float]] = {}
    for row in found:
        place = values.setdefault((row.port, row.onu, row.lane), {})
        place.update({name: value for name, value in row.values.items() if name not in place})
    return [Row(*place, known) for place, known in values.items()]


def _ask(cli: DeviceCli, name: str, dialogue: Dialogue, deadline: float, clock: Callable[[], float]) -> str:
    """The answer to a dialogue's command. OverBudgetError when there is no time left for it."""

    def left() -> float:
        return time_left(deadline, clock, name)

    for command in dialogue.before:
        cli.step(command, left())
    answer = cli.ask(dialogue.command, left())
    for command in dialogue.after:
        cli.step(command, left())
    return answer


def same_port(said: str, declared: str) -> bool:
    """Whether a device means the declared port: `Gi1/0/25` is GigabitEthernet1/0/25."""
    if said.lower() == declared.lower():
        return True
    one, other = _PORT.fullmatch(said.strip()), _PORT.fullmatch(declared.strip())
    if not one or not other or one["number"] != other["number"]:
        return False
    short, long = sorted((one["kind"].lower(), other["kind"].lower()), key=len)
    return bool(short) and long.startswith(short)


def _samples(one: Watched | WatchedPort, row: Row) -> Iterable[Sample]:
    for quantity, value in row.values.items():
        side = "olt" if quantity in _OLT_METRICS else ""
        metric = _OLT_METRICS[quantity] if side else _METRICS.get(quantity)
        labels = one.light_labels(row.onu, side)
        if metric and labels is not None:
            yield sample(metric, labels | {"lane": row.lane}, value)
