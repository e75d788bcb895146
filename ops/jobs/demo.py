"""The main job in one go on a twin: boot, provision, apply, measure, call, back up, drill; each part must hold.

Every part is tried. One that this machine cannot do (the loopback twin has no servers) is skipped with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ops.errors import OpsError, ToolMissingError
from ops.jobs import demo_parts, status
from ops.jobs.demo_parts import Cast
from ops.progress import Event, Progress, State
from ops.system import netns
from ops.twin import lifecycle
from ops.world import World

Step = tuple[str, str, Callable[[World], str]]  # name, the same in Indonesian, what is done: the figure for the table


@dataclass
class Part:
    """One line of the closing table. `held` is None while it has not been tried, and when it was skipped."""

    name: str
    indonesian: str
    held: bool | None = None
    figure: str = ""
    seconds: float = 0.0

    @property
    def result(self) -> str:
        if self.held is None:
            return "skipped" if self.figure else "not tried"
        return "held" if self.held else "FAILED"

    @property
    def row(self) -> status.Row:
        return status.Row((self.indonesian, self.name), self.held, self.figure, f"{self.seconds:.1f}")


@dataclass
class Report:
    """What the demonstration showed. `pages`: files for a person to open, by what they are."""

    parts: list[Part] = field(default_factory=list)
    pages: dict[str, Path] = field(default_factory=dict)
    world: World | None = None
    interrupted: bool = False

    @property
    def held(self) -> bool:
        return bool(self.parts) and all(part.held for part in self.parts)


def run(inventory: Path, name: str, cast: Cast, progress: Progress) -> Report:
    """Do everything; a part that fails is named in the report, and the parts after it are tried all the same.

    Interrupted, it ends there and the report shows what was done and what was not.
    """
    report = Report()
    steps = _steps(cast, report, progress)
    report.parts = [Part("boot the twin", "menyalakan kembaran")]
    report.parts += [Part(name, indonesian) for name, indonesian, _ in steps]
    boot = partial(lifecycle.up, inventory, name, progress)
    try:
        _all(boot, [step for _, _, step in steps], report, cast.pages, progress)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def _all(
    boot: Callable[[], World], steps: Sequence[Callable[[World], str]], report: Report, pages: Path, progress: Progress
) -> None:
    with _timed(report.parts[0], progress):
        report.world = boot()
        report.parts[0].figure = demo_parts.booted(report.world)
    if report.world is None:
        report.parts[0].held = False  # nothing can be skipped before it
        return
    with _network(report.world):
        for part, step in zip(report.parts[1:], steps, strict=True):
            with _timed(part, progress):
                part.figure = step(report.world)
        rows = [part.row for part in report.parts]
        report.pages["status page"] = demo_parts.status_page(report.world, rows, pages / "status.html")


def _steps(cast: Cast, report: Report, progress: Progress) -> list[Step]:
    parts = demo_parts
    steps: list[Step] = [
        ("provision the servers", "membangun server", lambda world: parts.provisioned(world, progress)),
        ("apply what follows", "menerapkan rencana", lambda world: parts.applied(world, progress)),
        ("a second plan is empty", "rencana kedua kosong", parts.second_plan),
        ("ask every router", "menanyai semua router", lambda world: parts.asked_all(world, progress)),
        ("measure an office", "mengukur satu kantor", lambda world: parts.measured(world, cast, progress)),
        ("call from office to office", "menelepon antarkantor", lambda world: parts.called(world, cast, progress)),
    ]
    for key in cast.sets:
        steps += _protect(key, cast, report, progress)
    return steps


def _protect(key: str, cast: Cast, report: Report, progress: Progress) -> list[Step]:
    def restore(world: World) -> str:
        return demo_parts.restored(world, key, cast, report.pages, progress)

    return [
        (f"back up {key}", f"mencadangkan {key}", lambda world: demo_parts.backed_up(world, key, progress)),
        (f"restore and prove {key}", f"memulihkan dan membuktikan {key}", restore),
    ]


def _network(world: World) -> AbstractContextManager[None]:
    return netns.inside(world.station) if world.station else nullcontext()


@contextmanager
def _timed(part: Part, progress: Progress) -> Iterator[None]:
    """Time one part; a failure that a person can mend is its figure, and the demonstration goes on."""
    begun = time.monotonic()
    progress(Event(part.name, "", State.RUNNING))
    state = State.OK
    try:
        yield
        part.held = True
    except ToolMissingError as error:
        part.figure, state = f"{error.what} ({error.next_step})", State.SKIPPED
    except OpsError as error:
        part.held, part.figure, state = False, error.what, State.FAILED
    except KeyboardInterrupt:
        part.held, part.figure = False, "interrupted"
        raise
    finally:
        part.seconds = time.monotonic() - begun
    progress(Event(part.name, "", state, f"{part.figure} ({part.seconds:.1f} s)"))
