"""What stands on the wall, in words: the headline, problems in one line each, the offices to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.overview.chart import Chart, chart
from ops.overview.facts import ROUTERS
from ops.overview.model import Glass, OfficeView, Overview, Problem, SegmentView
from ops.overview.outline import Ring
from ops.overview.state import Figure, State, rank
from ops.texts import Words, mark
from ops.web import wording

PROBLEMS, ROWS = 6, 9  # that there is room for
STATES = {
    State.OK: mark("good"),
    State.WARN: mark("look at it"),
    State.BAD: mark("bad"),
    State.UNKNOWN: mark("not known"),
    State.STALE: mark("old"),
}
GLASS = {
    Glass.WHOLE: mark("whole"),
    Glass.CUT: mark("CUT"),
    Glass.SUSPECT: mark("MAYBE CUT"),
    Glass.UNKNOWN: mark("nobody is seen to cross it"),
}
SIGNS = {State.OK: "●", State.WARN: "◆", State.BAD: "▲", State.UNKNOWN: "○", State.STALE: "◌"}


@dataclass(frozen=True, slots=True)
class Line:
    """A problem in words. `about`: figures and whom it hits · `since`: as time of day or day."""

    state: State
    title: str
    about: str
    since: str


@dataclass(frozen=True)
class ToldWall:
    """`headline`: what a person must read in three seconds · `more`: problems that there is no room for."""

    headline: Line
    lines: tuple[Line, ...]
    more: int
    down: int  # offices
    rows: tuple[OfficeView, ...]
    chart: Chart
    states: dict[State, str]
    glass: dict[Glass, str]
    signs: dict[State, str]

    def job(self, kind: str) -> str:
        """The name of a kind of job, to be translated."""
        return wording.job(kind)


def told(words: Words, zone: str, made: Overview, border: Sequence[Ring]) -> ToldWall:
    names = {node.name: node.kecamatan or node.name for node in made.nodes}
    say = _Say(words, zone, made, names)
    lines = [say.line(one) for one in made.problems]
    drawn = chart(made, border, lambda segment: f"{segment.name} {words.text(GLASS[segment.glass])}")
    headline = say.headline(lines)
    others = [line for line in lines if line is not headline]
    return ToldWall(
        headline,
        tuple(others[:PROBLEMS]),
        max(0, len(others) - PROBLEMS),
        sum(one.up.state is State.BAD for one in made.offices),
        tuple(sorted((one for one in made.offices if one.links), key=_first)[:ROWS]),
        drawn,
        {state: words.text(text) for state, text in STATES.items()},
        {glass: words.text(text) for glass, text in GLASS.items()},
        SIGNS,
    )


def lines(words: Words, zone: str, made: Overview) -> list[Line]:
    """Every problem in words."""
    names = {node.name: node.kecamatan or node.name for node in made.nodes}
    say = _Say(words, zone, made, names)
    return [say.line(one) for one in made.problems]


def _first(one: OfficeView) -> tuple[int, int, int, float, str]:
    backup = rank(one.backup.state) if one.backup else rank(State.OK)
    least = one.margin.value if one.margin.value is not None else 99.0
    return rank(one.up.state), rank(one.margin.state), min(backup, rank(one.use.state)), least, one.code


@dataclass(frozen=True)
class _Say:
    words: Words
    zone: str
    made: Overview
    names: dict[str, str]

    def headline(self, lines: Sequence[Line]) -> Line:
        """The first problem; without one, whether that is because all is well or because nobody looks."""
        text = self.words.text
        if self.made.stale:
            data = self.made.headline.data
            about = text(data.why) if data.why else ""
            return Line(State.STALE, text("What is shown is old"), about, self._at(data.at))
        urgent = [line for line in lines if line.state in {State.BAD, State.WARN}]
        if urgent:
            return urgent[0]
        if lines or any(one.state is not State.OK for one in (self.made.headline.offices, self.made.headline.cut)):
            return Line(State.UNKNOWN, text("No problem is known, but not everything is measured"), "", "")
        return Line(State.OK, text("Everything that is measured is good"), "", "")

    def line(self, one: Problem) -> Line:
        title, about = getattr(self, f"_{one.trouble.value}")(one)
        return Line(one.state, title, about, self._at(one.since))

    def _at(self, at: float | None) -> str:
        if at is None:
            return ""
        same_day = self.words.date(at, self.zone) == self.words.date(self.made.now, self.zone)
        when = self.words.clock(at, self.zone) if same_day else self.words.date(at, self.zone, "d MMM")
        minutes = max(1, round((self.made.now - at) / 60))  # by the second it would be sent anew at every look
        return self.words.text("since {when}", when=when) + f" ({self.words.span(minutes * 60)})"

    def _source(self, one: Problem) -> tuple[str, str]:
        name = self.words.text(one.subject)
        if one.subject == ROUTERS:
            return self.words.text("Nobody measures the offices now"), one.text
        return self.words.text("Not read: {source}", source=name), one.text

    def _cut(self, one: Problem) -> tuple[str, str]:
        segment = self._segment(one.subject)
        known = segment is not None and segment.glass is Glass.CUT
        title = mark("Fibre {segment} is cut: {hit}") if known else mark("Fibre {segment} may be cut: {hit}")
        hit = self.words.count("{n} office hit", "{n} offices hit", len(one.opds))
        round_about = len(one.opds) - one.dark
        parts = [" – ".join(self.names.get(node, node) for node in segment.between)] if segment else []
        parts += [self.words.text("{n} without connection", n=one.dark)] if one.dark else []
        parts += [self.words.text("{n} on a detour", n=round_about)] if round_about else []
        if segment and not known:
            parts.append(self.words.text("{share} sure", share=self.words.percent(segment.share)))
        return self.words.text(title, segment=one.subject, hit=hit), " · ".join(parts)

    def _segment(self, name: str) -> SegmentView | None:
        return next((segment for segment in self.made.segments if segment.name == name), None)

    def _down(self, one: Problem) -> tuple[str, str]:
        if not one.subject:
            return self.words.count("{n} office is not measured", "{n} offices are not measured", len(one.opds)), ""
        return self.words.text("{office} has no connection", office=one.subject.upper()), self._why(one.figure)

    def _dim(self, one: Problem) -> tuple[str, str]:
        title = self.words.text("{office} has little light left", office=one.subject.upper())
        margin = self.made.office(one.subject).margin
        days = min(
            (link.days.value for link in self.made.office(one.subject).links if link.days.value is not None),
            default=None,
        )
        parts = [] if margin.value is None else [f"{self.words.number(margin.value, 1)} dB"]
        if days is not None:
            gone = self.words.date(self.made.now + days * 86400, self.zone)
            parts.append(self.words.text("dark by {day}", day=gone))
        return title, " · ".join(parts) or self._why(one.figure)

    def _drift(self, one: Problem) -> tuple[str, str]:
        count = int(one.figure.value or 0) if one.figure else 0
        title = self.words.text("{server} is not as it was left", server=one.subject)
        return title, self.words.count("{n} difference", "{n} differences", count)

    def _call(self, one: Problem) -> tuple[str, str]:
        return self.words.text("The test call of {office} was bad", office=one.subject.upper()), one.text

    def _backup(self, one: Problem) -> tuple[str, str]:
        title = self.words.text("No fresh backup: {set}", set=one.subject.partition(".")[2])
        if one.figure is None or one.figure.value is None:
            return title, self._why(one.figure)
        age, most = self.words.span(one.figure.value), self.words.span(one.figure.limit)
        return title, self.words.text("{age} old, {most} agreed", age=age, most=most)

    def _drill(self, one: Problem) -> tuple[str, str]:
        if not one.subject:
            text = self.words.count("Drills are due at {n} office", "Drills are due at {n} offices", len(one.opds))
            return text, ""
        return self.words.text("Restoring is not proven: {set}", set=one.subject.partition(".")[2]), self._why(
            one.figure
        )

    def _use(self, one: Problem) -> tuple[str, str]:
        share = self.words.percent(one.figure.value if one.figure else None)
        title = self.words.text("{office} uses all of its contract", office=one.subject.upper())
        return title, self.words.text("{share} of it", share=share)

    def _alert(self, one: Problem) -> tuple[str, str]:
        return one.subject, one.text

    def _why(self, figure: Figure | None) -> str:
        return self.words.text(figure.why) if figure and figure.why else ""
