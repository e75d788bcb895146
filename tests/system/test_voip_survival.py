"""Telephones outlive their exchange and their passwords: on real Asterisks, with real registrations and calls."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal

import pytest
from exchange_plans import PLAN
from throwaway_asterisk import Exchange, desk, exchange, phone

from ops.derive import pbx
from ops.errors import HostFailedError
from ops.inventory.model import Region
from ops.jobs import call_test
from ops.jobs.voip_rotate import forget_old, numbers_of, renew
from ops.plan.change import Artifact
from ops.system.sip.agent import Agent

pytestmark = pytest.mark.system
STANDBY = PLAN.server("drc-pbx")


def of(region: Region, host: str) -> list[Artifact]:
    return [artifact for artifact in pbx.artifacts(region) if artifact.host == host]


def dinkes(running: Exchange, number: str) -> Agent:
    return phone(running, PLAN, number, desk(PLAN.opd("dinkes")), call_test.CALLER_HZ)


async def registers(agent: Agent) -> bool:
    async with agent:
        try:
            await agent.register()
        except HostFailedError:
            return False
        return True


def test_both_exchanges_hold_the_same_but_for_their_own_address() -> None:
    first, second = (
        {artifact.key.partition("/")[2]: artifact.content for artifact in of(PLAN, host)}
        for host in ("dc-pbx", "drc-pbx")
    )
    assert [name for name in first if first[name] != second.get(name)] == ["_region.transport.conf"]
    assert first.keys() == second.keys()
    assert "bind=10.40.8.15:5060" in second["_region.transport.conf"]


def test_when_the_exchange_is_killed_the_other_one_takes_over() -> None:
    """As a telephone does: no answer from the first server of its file, so it registers with the second and calls."""
    addresses = [str(PLAN.server("dc-pbx").address), *(desk(PLAN.opd(code)) for code in ("dinkes", "disdik"))]
    with (
        exchange(of(PLAN, "dc-pbx"), addresses) as first,
        exchange(of(PLAN, "drc-pbx"), [str(STANDBY.address)], beside=first) as second,
    ):
        assert asyncio.run(registers(dinkes(first, "20100")))
        os.kill(first.pid, signal.SIGKILL)
        asyncio.run(call_by_the_other(second))


async def call_by_the_other(running: Exchange) -> None:
    second = (str(STANDBY.address), 5060)
    caller = dinkes(running, "20100")
    caller.account = dataclasses.replace(caller.account, others=(second,))
    callee = phone(running, PLAN, "20200", desk(PLAN.opd("disdik")), call_test.CALLEE_HZ)
    callee.account = dataclasses.replace(callee.account, server=second)
    report = await call_test.between(caller, callee, 1, ("dinkes", "disdik"))
    assert report.ok, report.faults
    assert report.exchange == str(STANDBY.address)


def test_new_passwords_lose_no_registration_and_the_old_ones_end_when_it_is_finished() -> None:
    addresses = [str(PLAN.server("dc-pbx").address), desk(PLAN.opd("dinkes"))]
    with exchange(of(PLAN, "dc-pbx"), addresses) as running:
        numbers = numbers_of(PLAN, ("dinkes",))
        before = {number: dinkes(running, number) for number in numbers}
        old = {number: running.secrets.get(f"voip/{number}") for number in numbers}
        renew(running.secrets, numbers, "run-1/passwords")
        new = {number: running.secrets.get(f"voip/{number}") for number in numbers}
        renew(running.secrets, numbers, "run-1/passwords")  # an attempt that was repeated
        assert new == {number: running.secrets.get(f"voip/{number}") for number in numbers}
        assert not set(old.values()) & set(new.values())
        running.put(of(PLAN, "dc-pbx"))
        assert running.take_up() == ""
        held = (running.etc() / "current/dinkes.auth.conf").read_text(encoding="utf-8")
        assert not [value for value in (*old.values(), *new.values()) if value in held], "the exchange has digests only"
        for agents in (before, {number: dinkes(running, number) for number in numbers}):
            assert [number for number, agent in agents.items() if not asyncio.run(registers(agent))] == []
        forget_old(running.secrets, numbers, "")
        running.put(of(PLAN, "dc-pbx"))
        assert running.take_up() == ""
        after = dinkes(running, numbers[0])
        assert asyncio.run(registers(after))
        after = dinkes(running, numbers[0])
        after.account = dataclasses.replace(after.account, password=old[numbers[0]])
        assert not asyncio.run(registers(after))
