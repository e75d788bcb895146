"""The state of the regency at one moment, as plain frozen values. `ops.overview.assemble` makes it.

Times are seconds since the epoch, spans seconds, bandwidths bits per second, light dB or dBm. Everything that can be
missing is a `Figure` (its age and state with it) or None. Texts in `why` and `name` of sources are marked texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ops.overview.state import Figure, State, worst_of

Place = tuple[float, float]  # latitude, longitude in degrees


@dataclass(frozen=True, slots=True)
class Source:
    """Where readings come from. `at`: of the last good one · `why`: why there is none now, as the door said it."""

    name: str
    at: float | None
    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class LinkView:
    """One declared link. `name` is `<opd>/<link>`.

    up           1 or 0: its router answers and its port is up
    download     share of the contracted download that is used now, `upload` alike
    margin       dB of light above what the receiver needs (by the declared optics)
    days         days until dimming light reaches the threshold; UNKNOWN too when nothing dims
    latency      seconds, against the contract's
    detour       whether it runs on another way than declared; None: nobody knows
    behind       segment whose cut darkens it, "" for none
    """

    name: str
    node: str
    router: str
    ifname: str
    rides: tuple[str, ...]
    contract_download: float
    contract_upload: float
    up: Figure
    download: Figure
    upload: Figure
    received_dbm: Figure
    margin: Figure
    days: Figure
    latency: Figure
    detour: bool | None
    behind: str

    @property
    def use(self) -> Figure:
        """The direction that is nearer to its contract."""
        return worst_of((self.download, self.upload), lambda one: -(one.value or 0.0))


@dataclass(frozen=True, slots=True)
class SetView:
    """One declared backup set. `key` is `<opd>.<set>`.

    age       of the newest backup, against its RPO
    drilled   1 when the newest drill proved it, 0 when it did not; `at` is when the drill was
    covered   whether it has a backup within its RPO and a drill no older than 90 days that proved it
    """

    key: str
    opd: str
    name: str
    kind: str
    server: str
    rpo: float
    rto: float
    age: Figure
    drilled: Figure
    covered: State


@dataclass(frozen=True, slots=True)
class OfficeView:
    """One office. `up`: links that are up of those declared; `margin`, `use`: of its worst link.

    phones    telephones that are registered, of those declared
    call      1 or 0: the last test call that it was part of
    backup    age of its oldest newest backup, against that set's RPO; None when none is declared
    no_backup why it has none, by a signed decision ("" when it has, or nobody decided)
    """

    code: str
    name: str
    kind: str
    kecamatan: str
    location: Place
    up: Figure
    margin: Figure
    use: Figure
    links: tuple[LinkView, ...]
    phones: Figure
    call: Figure
    backup: Figure | None
    no_backup: str
    sets: tuple[SetView, ...]

    @property
    def behind(self) -> str:
        """The segment whose cut darkens it, "" for none."""
        return next((link.behind for link in self.links if link.behind), "")


class Glass(StrEnum):
    """What is known of a segment."""

    WHOLE = "whole"  # light or packets are seen to cross it
    CUT = "cut"  # rather cut than not
    SUSPECT = "suspect"  # it may be cut
    UNKNOWN = "unknown"  # nobody is seen to cross it


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One segment. `share`: how likely it is cut, 0 to 1 · `dark`, `detour`: offices a cut darkens, diverts."""

    name: str
    between: tuple[str, str]
    km: float
    ring: str
    owner: str
    glass: Glass
    state: State
    at: float | None
    share: float = 0.0
    dark: tuple[str, ...] = ()
    detour: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeView:
    name: str
    kind: str
    kecamatan: str
    location: Place


@dataclass(frozen=True, slots=True)
class ServerView:
    """One server. `drift`: things that are not as the last run left them; `at` is when it was looked at."""

    name: str
    address: str
    groups: tuple[str, ...]
    drift: Figure
    by_scope: tuple[tuple[str, int], ...] = ()  # office code or `_region` → things


@dataclass(frozen=True, slots=True)
class CallView:
    """The last test call between two offices."""

    from_opd: str
    to_opd: str
    ok: bool
    at: float
    setup: float | None  # seconds
    mos: float | None  # 1 to 4.4
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill's record. `file`: of the evidence folder · `state`: ok when proven within RTO and RPO."""

    id: str
    file: str
    sha256: str
    opd: str
    service: str
    at: float
    proven: bool
    failure: str
    rto_reached: float | None
    rto_target: float
    rpo_reached: float | None
    rpo_target: float
    state: State


@dataclass(frozen=True, slots=True)
class RunView:
    """A job that runs, waits, or will be asked for by the calendar. `at`: since when, or when it is due."""

    id: str
    kind: str
    state: str  # running | waiting | held | scheduled
    at: float
    who: str
    opds: tuple[str, ...] = ()


class Trouble(StrEnum):
    """What is wrong, causes before effects: the order in which people are told."""

    SOURCE = "source"
    CUT = "cut"
    DOWN = "down"
    DIM = "dim"
    DRIFT = "drift"
    CALL = "call"
    BACKUP = "backup"
    DRILL = "drill"
    USE = "use"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to act on, its effects folded into it.

    subject  what it is about: a segment, an office's code, `<opd>.<set>`, a server, a source or an alert's name
    opds     offices that are hit; of a cut: `dark` of them without a way, the rest on a detour
    since    when it began; None when nobody knows
    figure   what was measured
    text     what an alert says, in its own words
    """

    trouble: Trouble
    state: State
    subject: str
    opds: tuple[str, ...] = ()
    dark: int = 0
    since: float | None = None
    figure: Figure | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures above everything.

    offices   up, of those with a link · `cut`: segments that are cut or suspect, of those declared
    phones    registered, of those declared
    call      test calls of the last 36 hours that were good, of those made; `at` is the newest one
    backup    age of the oldest of all newest backups, against its RPO
    coverage  services with a backup and a proven drill of at most 90 days, of those declared
    rto, rpo  seconds that the last drill reached, against its target; `at` is when
    data      age of what the routers told last
    """

    offices: Figure
    cut: Figure
    phones: Figure
    call: Figure
    backup: Figure
    coverage: Figure
    rto: Figure
    rpo: Figure
    data: Figure


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything. Offices, segments, nodes, servers and sets by name; `problems` first things first.

    drills, calls    newest first · `running`: with what waits · `next_runs`: soonest first
    jobs             UNKNOWN when the job database is not there or does not answer
    """

    region: str
    code: str
    timezone: str
    now: float
    headline: Headline
    sources: tuple[Source, ...]
    offices: tuple[OfficeView, ...]
    segments: tuple[SegmentView, ...]
    nodes: tuple[NodeView, ...]
    servers: tuple[ServerView, ...]
    calls: tuple[CallView, ...]
    drills: tuple[DrillView, ...]
    problems: tuple[Problem, ...]
    jobs: State
    running: tuple[RunView, ...]
    next_runs: tuple[RunView, ...]

    @property
    def sets(self) -> tuple[SetView, ...]:
        return tuple(one for office in self.offices for one in office.sets)

    @property
    def stale(self) -> bool:
        """Whether what is shown is no longer what is: the page goes grey."""
        return self.headline.data.state is not State.OK

    def office(self, code: str) -> OfficeView:
        """KeyError for a code that is not declared."""
        for one in self.offices:
            if one.code == code:
                return one
        raise KeyError(code)
