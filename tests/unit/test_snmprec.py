"""The recordings' form: what is written is read again, and what others write does not break it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import UsageError
from ops.system.ber import Oid, Tag, Value, oid
from ops.system.snmprec import Recording, held, line, read

STEPS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8).map(lambda steps: (1, 3, *steps))
VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda n: Value(Tag.INTEGER, n)),
    st.integers(0, 2**32 - 1).map(lambda n: Value(Tag.COUNTER32, n)),
    st.integers(0, 2**64 - 1).map(lambda n: Value(Tag.COUNTER64, n)),
    st.binary(max_size=40).map(lambda octets: Value(Tag.OCTETS, octets)),
    st.binary(min_size=4, max_size=4).map(lambda octets: Value(Tag.IP_ADDRESS, octets)),
    STEPS.map(lambda steps: Value(Tag.OID, steps)),
)


def parsed(tmp_path: Path, text: str | bytes) -> Recording:
    file = tmp_path / "one.snmprec"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(file)


@settings(max_examples=40, deadline=None)
@given(rows=st.dictionaries(STEPS, VALUES, min_size=1, max_size=20))
def test_what_is_written_is_read_again(rows: dict[Oid, Value], tmp_path_factory: pytest.TempPathFactory) -> None:
    text = "".join(line(name, value) for name, value in rows.items())  # in no order at all
    found = parsed(tmp_path_factory.mktemp("round"), text)
    assert found.wrong == ()
    assert dict(found.rows) == rows
    assert list(found.rows) == sorted(rows)


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("1.3.6.1|4|a|b||c", b"a|b||c"),
        (".1.3.6.1|4|leading dot", b"leading dot"),
        ("1.3.6.1|4x|0000d4ff", b"\x00\x00\xd4\xff"),
        ("1.3.6.1|4x|", b""),
        ("1.3.6.1|4|", b""),
        ("1.3.6.1|4e|a\\nb", b"a\nb"),
        ("1.3.6.1|2|-1850", -1850),
        ("1.3.6.1|65|4294967295\r", 4294967295),
        ("1.3.6.1|67|12", 12),
        ("1.3.6.1|6|.1.3.6.1.4.1.9", "1.3.6.1.4.1.9"),
        ("1.3.6.1|64|10.1.2.3", "10.1.2.3"),
        ("1.3.6.1|64x|0a010203", "10.1.2.3"),
        ("1.3.6.1|65:numeric|rate=100,initial=77", 77),
        ("1.3.6.1|2:numeric|min=-5,max=5", -5),
        ("1.3.6.1|68x|9f780442f6e979", pytest.approx(123.456, abs=1e-4)),
        ("1.3.6.1|4x|9f7908", b"\x9f\x79\x08"),
        ("1.3.6.1|5|", None),
    ],
)
def test_a_line_is_read_as_others_write_it(tmp_path: Path, row: str, value: object) -> None:
    found = parsed(tmp_path, row + "\n")
    assert found.wrong == ()
    assert held(next(iter(found.rows.values()))) == value


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("hello", "not OID|TYPE|VALUE"),
        ("1.3.6.1|4", "not OID|TYPE|VALUE"),
        ("one.two|4|x", "no OID"),
        ("1.3.99999999999|4|x", "so large a number"),
        ("1.3.6.1|text|x", "a number is wanted"),
        ("1.3.6.1|99|x", "type 99"),
        ("1.3.6.1|2|", "no whole number"),
        ("1.3.6.1|2|up(1)", "up(1): no whole number"),
        ("1.3.6.1|6|SNMPv2-SMI::enterprises.9", "SNMPv2-SMI::enterprises.9: no OID in numbers"),
        ("1.3.6.1|4x|zz", "hex"),
        ("1.3.6.1|65:random|seed=x", "no figure"),
        ("1.3.6.1|64|999.1.1.1", "999"),
    ],
)
def test_a_broken_line_is_named_and_the_others_are_read(tmp_path: Path, row: str, why: str) -> None:
    found = parsed(tmp_path, f"1.3.6.2|2|7\n{row}\n1.3.6.3|2|8\n")
    assert [value.data for value in found.rows.values()] == [7, 8]
    (wrong,) = found.wrong
    assert wrong.startswith(f"{tmp_path}/one.snmprec:2: ")
    assert why in wrong
    assert "\n" not in wrong


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    found = parsed(tmp_path, "\ufeff1.3.6.1|6|.1.3.6.1.4.1.9.\n")
    assert found.wrong == ()
    assert [held(value) for value in found.rows.values()] == ["1.3.6.1.4.1.9"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "garbage\nmore\n", b"\xff\xfe\x00"])
def test_a_file_without_any_line_is_refused_with_its_name(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(UsageError, match=r"one\.snmprec"):
        parsed(tmp_path, text)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="No such file"):
        read(Path("/nowhere/x.snmprec"))


def test_a_walk_stays_below_its_root_and_a_get_leaves_out_what_is_missing(tmp_path: Path) -> None:
    found = parsed(tmp_path, "1.3.10.2|2|2\n1.3.10.10|2|3\n1.3.1|2|1\n1.3.11|2|4\n")
    assert asyncio.run(found.walk("1.3.10")).rows == {"1.3.10.2": 2, "1.3.10.10": 3}
    assert asyncio.run(found.get(["1.3.1", "1.3.9"])) == {"1.3.1": 1}
    assert oid("1.3.1") in found.rows
