"""Cut localisation: from what is seen of the riders now to the segments whose cut explains it.

1. Whole segments: what riders on their declared way ride on, and what packets were seen to cross. Nodes that whole
   segments join are one node from here on, so that only the doubtful part of the plant is left.
2. What the doubtful part falls into beside the data centre are incidents of their own.
3. Per incident every minimal explanation: all of up to AT_ONCE causes, or all of the smallest number that there is. So
   the named segments hold every cut that left a trace (of up to AT_ONCE in one incident), and none that is not needed
   in some explanation. Riders that no cut can explain are dark for a reason of their own.

Pure. Riders without a sight, and UNKNOWN ones, speak for nothing and against nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp, log

from ops.fibre.riders import NOTHING, Rider, Riders, Seen, Sight
from ops.fibre.search import CENTRE, Case, Demand, search

AT_ONCE = 2  # causes that may come together; more only where fewer do not explain what is seen
VISITS = 2_000  # steps of one incident's search: cuts need some hundred; darkness at random would take for ever
_RARER = 1000.0  # each further cause makes an explanation so much less likely than one with a cause less
_REROUTED_KM = 0.1  # as Rider.own_km: a rider is seldom on another way although its own is whole


@dataclass(frozen=True, slots=True)
class Explanation:
    """Segments that are cut and riders with troubles of their own. `share`: how likely beside the others, 0 to 1."""

    segments: tuple[str, ...]
    own: tuple[str, ...]
    share: float = 1.0

    @property
    def causes(self) -> int:
        return len(self.segments) + len(self.own)


@dataclass(frozen=True)
class Incident:
    """`explanations`: likeliest first · `dark`, `detour`: riders · `exact`: False when the search was cut short."""

    explanations: tuple[Explanation, ...]
    dark: tuple[str, ...]
    detour: tuple[str, ...]
    exact: bool

    @property
    def likeliest(self) -> Explanation:
        return self.explanations[0]

    @cached_property
    def suspects(self) -> dict[str, float]:
        """Segment → how likely it is cut, likeliest first."""
        found: dict[str, float] = {}
        for one in self.explanations:
            for name in one.segments:
                found[name] = found.get(name, 0.0) + one.share
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def behind_cut(self) -> tuple[str, ...]:
        """Dark riders that are rather dark because of a cut than for a reason of their own."""
        own = dict.fromkeys(self.dark, 0.0)
        for one in self.explanations:
            for name in one.own:
                own[name] = own.get(name, 0.0) + one.share
        return tuple(name for name in self.dark if own[name] < 0.5 and self.suspects)  # noqa: PLR2004 # rather


@dataclass(frozen=True)
class Diagnosis:
    """`own`: dark riders that no cut explains · `rerouted`: riders on another way although their own is whole."""

    incidents: tuple[Incident, ...] = ()
    own: tuple[str, ...] = ()
    rerouted: tuple[str, ...] = ()
    whole: frozenset[str] = frozenset()  # segments that are known to be whole

    @property
    def suspects(self) -> dict[str, float]:
        """Every named segment, likeliest first."""
        found = {name: share for one in self.incidents for name, share in one.suspects.items()}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def locate(riders: Riders, sights: Mapping[str, Sight]) -> Diagnosis:
    """What explains the sights. A rider or a segment that the plant does not have is passed over."""
    return _Locating(riders, sights).diagnosis()


@dataclass
class _Group:
    """Riders that must be explained together. `node`: dark as long as that joined node has a way; else `options`."""

    node: str
    options: frozenset[str]
    dark: list[str]
    detour: list[str]

    @property
    def names(self) -> list[str]:
        return self.dark + self.detour


class _Locating:
    def __init__(self, riders: Riders, sights: Mapping[str, Sight]) -> None:
        self._riders, self._sights = riders, sights
        self._whole = frozenset(self._known_whole())
        self._node = _Joined()
        for name in sorted(self._whole):
            self._node.join(*riders.segments[name])
        self._own: list[str] = []
        self._rerouted: list[str] = []
        self._lit: set[str] = set()
        self._groups: dict[tuple[str, frozenset[str]], _Group] = {}
        for name, rider in riders.riders.items():
            self._take(name, rider, sights.get(name, NOTHING).seen)

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            tuple(sorted((self._incident(*part) for part in self._parts()), key=lambda one: one.dark + one.detour)),
            tuple(sorted(self._own)),
            tuple(sorted(self._rerouted)),
            self._whole,
        )

    def _known_whole(self) -> Iterable[str]:
        """Segments that somebody's light or packets cross right now."""
        for name, rider in self._riders.riders.items():
            sight = self._sights.get(name, NOTHING)
            if sight.seen is Seen.WHOLE or (sight.seen is Seen.LIT and not rider.protected):
                yield from self._known(rider.rides)
            if sight.seen in {Seen.WHOLE, Seen.DETOUR, Seen.LIT}:
                yield from self._known(sight.over)

    def _known(self, segments: frozenset[str]) -> frozenset[str]:
        return segments & self._riders.names

    def _take(self, name: str, rider: Rider, seen: Seen) -> None:
        """Sort a rider into what must be explained, what must stay lit, and what is nobody's fault."""
        if seen in {Seen.LIT, Seen.DETOUR} and rider.protected:
            self._lit.add(self._node.of(rider.node))
        if seen is Seen.DETOUR or (seen is Seen.DARK and not rider.protected):
            options = self._known(rider.rides) - self._whole
            if not options:
                (self._rerouted if seen is Seen.DETOUR else self._own).append(name)
                return
            self._group("", options, name, seen)
        elif seen is Seen.DARK:
            node = self._node.of(rider.node)
            if node == self._node.of(self._riders.centre):
                self._own.append(name)
            else:
                self._group(node, frozenset(), name, seen)

    def _group(self, node: str, options: frozenset[str], name: str, seen: Seen) -> None:
        group = self._groups.setdefault((node, options), _Group(node, options, [], []))
        (group.dark if seen is Seen.DARK else group.detour).append(name)

    def _doubtful(self) -> dict[str, tuple[str, str]]:
        """Segments that are not known to be whole, by the joined nodes between which they lie."""
        return {
            name: (self._node.of(one), self._node.of(other))
            for name, (one, other) in self._riders.segments.items()
            if name not in self._whole
        }

    def _parts(self) -> list[tuple[list[_Group], dict[str, tuple[str, str]]]]:
        """The groups of each incident with the doubtful segments that its nodes hang on."""
        centre, doubtful, parts = self._node.of(self._riders.centre), self._doubtful(), _Joined()
        for name, ends in doubtful.items():
            for node in set(ends) - {centre}:
                parts.join(f"segment {name}", node)
        for group in self._groups.values():
            tokens = [f"segment {name}" for name in group.options] or [group.node]
            for token in tokens[1:]:
                parts.join(tokens[0], token)
        found: dict[str, tuple[list[_Group], dict[str, tuple[str, str]]]] = {}
        for group in self._groups.values():
            token = f"segment {min(group.options)}" if group.options else group.node
            found.setdefault(parts.of(token), ([], {}))[0].append(group)
        for name, ends in doubtful.items():
            part = found.get(parts.of(f"segment {name}"))
            if part is not None:
                part[1][name] = ends
        return [found[key] for key in sorted(found)]

    def _incident(self, groups: list[_Group], segments: dict[str, tuple[str, str]]) -> Incident:
        names = sorted(segments)
        bits = {name: 1 << at for at, name in enumerate(names)}
        own = {1 << (len(names) + at): group for at, group in enumerate(groups)}
        case = self._case(groups, segments, bits, list(own))
        found = search(case, AT_ONCE, VISITS)
        masks = found.masks or {sum(own)}  # too much for the search: it may always be the riders themselves
        told = [
            Explanation(
                tuple(name for name in names if mask & bits[name]),
                tuple(sorted(name for bit, group in own.items() if mask & bit for name in group.names)),
            )
            for mask in masks
        ]
        dark = sorted(name for group in groups for name in group.dark)
        detour = sorted(name for group in groups for name in group.detour)
        return Incident(self._weighed(told), tuple(dark), tuple(detour), found.exact)

    def _case(
        self, groups: list[_Group], segments: dict[str, tuple[str, str]], bits: dict[str, int], own: list[int]
    ) -> Case:
        number = {self._node.of(self._riders.centre): CENTRE}
        for ends in segments.values():
            for node in ends:
                number.setdefault(node, len(number))
        for group in groups:
            if group.node:
                number.setdefault(group.node, len(number))
        demands = [
            Demand(
                bit,
                len(group.names),
                number[group.node] if group.node else -1,
                sum(bits[name] for name in group.options),
            )
            for bit, group in zip(own, groups, strict=True)
        ]
        edges = [(number[one], number[other], bits[name]) for name, (one, other) in segments.items() if one != other]
        return Case(edges, demands, frozenset(number[node] for node in self._lit if node in number))

    def _weighed(self, told: Iterable[Explanation]) -> tuple[Explanation, ...]:
        """Likeliest first, shares summing to 1: fewer causes, then longer cables."""
        weights = {one: self._log_weight(one) for one in told}
        most = max(weights.values())
        weights = {one: exp(weight - most) for one, weight in weights.items()}
        total = sum(weights.values())
        shares = [Explanation(one.segments, one.own, weight / total) for one, weight in weights.items()]
        return tuple(sorted(shares, key=lambda one: (-one.share, one.segments, one.own)))

    def _log_weight(self, one: Explanation) -> float:
        cut = sum(log(self._riders.km[name] / _RARER) for name in one.segments)
        return cut + sum(log(self._own_km(name) / _RARER) for name in one.own)

    def _own_km(self, name: str) -> float:
        return _REROUTED_KM if self._sights[name].seen is Seen.DETOUR else self._riders.riders[name].own_km


class _Joined:
    """Union-find over names."""

    def __init__(self) -> None:
        self._up: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The name that stands for all that are joined with this one."""
        top = name
        while (up := self._up.get(top, top)) != top:
            top = up
        while name != top:
            self._up[name], name = top, self._up.get(name, top)
        return top

    def join(self, one: str, other: str) -> None:
        self._up[self.of(one)] = self.of(other)
