"""Typed scalars: every way to write one, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ops.inventory import scalars


def read(kind: Any, text: str) -> Any:
    return TypeAdapter(kind).validate_python(text)


@given(st.integers(0, 2**48 - 1), st.sampled_from([":", "-", ".", "", "cisco"]), st.booleans())
def test_a_mac_in_any_form_is_the_same_mac(number: int, separator: str, upper: bool) -> None:
    digits = f"{number:012x}"
    wanted = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    step, joint = (4, ".") if separator == "cisco" else (2, separator)
    written = joint.join(digits[at : at + step] for at in range(0, 12, step))
    assert read(scalars.Mac, written.upper() if upper else written) == wanted


@given(st.integers(1, 999_999), st.sampled_from([("k", 10**3), ("M", 10**6), ("G", 10**9)]))
def test_bandwidth_counts_in_thousands(number: int, unit: tuple[str, int]) -> None:
    assert read(scalars.Bandwidth, f"{number}{unit[0]}") == number * unit[1]


@given(
    st.integers(0, 10_000),
    st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]),
)
def test_duration_is_in_seconds(number: int, unit: tuple[str, float]) -> None:
    assert read(scalars.Duration, f"{number}{unit[0]}") == pytest.approx(number * unit[1])


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_networks_and_interfaces_read_what_they_write(address: object, prefix: int) -> None:
    interface = read(scalars.Interface, f"{address}/{prefix}")
    assert str(interface) == f"{address}/{prefix}"
    assert read(scalars.Network, str(interface.network)) == interface.network
    assert read(scalars.Address, str(address)) == address


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_plain_refusal(text: str) -> None:
    for kind in (scalars.Mac, scalars.Bandwidth, scalars.Duration, scalars.Network, scalars.Interface, scalars.Label):
        with suppress(ValidationError):
            read(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (scalars.Mac, "00:15:65:00:01"),
        (scalars.Mac, "00:15:65:00:01:0g"),
        (scalars.Bandwidth, "50"),
        (scalars.Bandwidth, "50m"),
        (scalars.Bandwidth, "50 M"),
        (scalars.Duration, "24"),
        (scalars.Duration, "-1h"),
        (scalars.Network, "10.41.1.1/24"),
        (scalars.Network, "fd00::/64"),
        (scalars.Interface, "10.40.17.2"),
        (scalars.Address, "010.041.001.001"),
        (scalars.Code, "Dinkes"),
        (scalars.Code, "a"),
        (scalars.Label, "-dinkes"),
        (scalars.Domain, "batubara..go.id"),
        (scalars.Extension, "1"),
        (scalars.ExtensionRange, "20100"),
        (scalars.Title, "two\nlines"),
        (scalars.SecretName, "../key"),
    ],
)
def test_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        read(kind, text)
