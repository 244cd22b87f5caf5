"""Signatures hold for what was signed, in its time, and for nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.signature import Signer

PARTS = st.lists(st.text(), max_size=3)
MINE = Signer(b"mine")


@given(PARTS, PARTS)
def test_a_signature_is_of_its_parts_alone(signed: list[str], asked: list[str]) -> None:
    signature = MINE.sign(100, *signed)
    assert MINE.holds(signature, 99.9, 100, *signed)
    assert MINE.holds(signature, 99.9, 100, *asked) is (signed == asked)


def test_it_runs_out_and_its_time_cannot_be_changed() -> None:
    signature = MINE.sign(100, "a")
    assert not MINE.holds(signature, 100, 100, "a")
    assert not MINE.holds(signature, 100, 1000, "a")


def test_another_key_and_what_is_no_signature_do_not_hold() -> None:
    for signature in (Signer(b"yours").sign(100, "a"), "", "ü", "a" * 64):
        assert not MINE.holds(signature, 0, 100, "a")
