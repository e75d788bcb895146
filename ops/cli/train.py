"""ops train: exercises on a twin, with a score sheet."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ops.cli.common import add_common_again, world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from ops.training.scenario import Scenario
    from ops.training.session import Session, Sheet

HELP = "hold an exercise on a twin: a real fault, goals that are judged by looking, a score sheet"
EPILOG = """examples:
  ops train list
  ops train start fibre-cut --twin batubara --team "Tim A"
  ops train answer segment=r1-03 links=4 --twin batubara
  ops train check --twin batubara --language id
  ops train stop --twin batubara                        # mends whatever is still broken"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = below.add_parser("list", help="the exercises there are")
    start = below.add_parser("start", help="break something on a twin and tell the story")
    start.add_argument("scenario", help="ops train list names them")
    start.add_argument("--team", default="", help="who trains; stands on the score sheet")
    start.add_argument("--seed", type=int, help="the same number gives the same fault (default: another one each time)")
    show = below.add_parser("show", help="the story and the goals of the exercise under way")
    answers = below.add_parser("answer", help="say what you found out")
    answers.add_argument("answers", nargs="+", metavar="GOAL=ANSWER")
    check = below.add_parser("check", help="the score sheet, now; may be asked for again and again")
    stop = below.add_parser("stop", help="end it and mend whatever is still broken")
    for one in (listed, start, show, answers, check, stop):
        one.add_argument("--language", choices=("en", "id"), default="en", help="of story and sheet")
        add_common_again(one)


def run(args: argparse.Namespace, screen: Screen) -> int:
    handlers = {"list": _list, "start": _start, "answer": _answer, "check": _check, "stop": _stop, "show": _show}
    return handlers[args.action](args, screen)


def _list(args: argparse.Namespace, screen: Screen) -> int:
    from ops.training.scenario import scenarios  # noqa: PLC0415 # what --help need not load

    found = list(scenarios().values())
    rows = [(one.name, one.title.told(args.language), one.minutes, one.points) for one in found]
    screen.table(("exercise", "title", "minutes", "points"), rows)
    screen.data([dict(zip(("name", "title", "minutes", "points"), row, strict=True)) for row in rows])
    return 0


def _start(args: argparse.Namespace, screen: Screen) -> int:
    import secrets  # noqa: PLC0415
    import time  # noqa: PLC0415

    from ops.training import session  # noqa: PLC0415

    seed = secrets.randbelow(10**6) if args.seed is None else args.seed
    begun = session.start(world_of(args), args.scenario, args.team, seed, time.time(), screen.progress)
    return _told(begun, args, screen)


def _show(args: argparse.Namespace, screen: Screen) -> int:
    from ops.training import session  # noqa: PLC0415

    return _told(session.current(world_of(args)), args, screen)


def _told(begun: Session, args: argparse.Namespace, screen: Screen) -> int:
    """The story and what is asked; never what was planted."""
    from ops.training.session import story_of  # noqa: PLC0415

    wanted: Scenario = story_of(begun)
    screen.say(f"{wanted.title.told(args.language)} · {wanted.minutes} min · seed {begun.seed}")
    screen.say(wanted.story.told(args.language))
    rows = [
        (goal.key, goal.text.told(args.language), goal.points, "answer" if goal.answer else "do it")
        for goal in wanted.goals
    ]
    screen.table(("goal", "what", "points", "how"), rows)
    goals = [dict(zip(("goal", "text", "points", "how"), row, strict=True)) for row in rows]
    screen.data(
        {"scenario": wanted.name, "seed": begun.seed, "story": wanted.story.told(args.language), "goals": goals}
    )
    return 0


def _answer(args: argparse.Namespace, screen: Screen) -> int:
    from ops.training import session  # noqa: PLC0415

    pairs = [word.partition("=") for word in args.answers]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise UsageError(f"{wrong[0]}: what is the answer?", "GOAL=ANSWER, e.g. segment=r1-03")
    kept = session.answer(world_of(args), {key: value for key, _, value in pairs})
    screen.say(f"noted: {', '.join(kept.answers)}; ops train check judges")
    screen.data({"answers": dict(kept.answers)})
    return 0


def _check(args: argparse.Namespace, screen: Screen) -> int:
    import time  # noqa: PLC0415

    from ops.training import session  # noqa: PLC0415

    sheet: Sheet = session.check(world_of(args), args.language, time.time(), screen.progress)
    rows = [(goal.text, "✓" if goal.reached else "✗", f"{goal.points}/{goal.worth}") for goal in sheet.goals]
    screen.table(("goal", "", "points"), rows, title=f"{sheet.title} · {sheet.team or 'no team'}")
    late = "" if sheet.in_time else ", over time"
    screen.say(f"{sheet.points} of {sheet.worth} points after {sheet.seconds / 60:.0f} min{late}")
    screen.data(sheet.as_dict())
    return 0 if sheet.points == sheet.worth else 1


def _stop(args: argparse.Namespace, screen: Screen) -> int:
    from ops.training import session  # noqa: PLC0415

    name = session.stop(world_of(args))
    screen.say(f"{name} is over; what it broke is mended")
    screen.data({"stopped": name})
    return 0
