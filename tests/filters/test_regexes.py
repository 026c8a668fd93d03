"""Regular expressions: what both Python and the engine's RE2 can read is accepted, nothing else."""

from __future__ import annotations

import random

import duckdb
import pytest

from traceview.filters.regexes import regex_problem


@pytest.mark.parametrize(
    "pattern",
    ["a", r"https?://\S+", "[a-z]{2,5}", "(?i)x", "(?P<n>x)", r"[\d.]+", r"\bfoo\b", "^x|y$", "[]a]"],
)
def test_accepts(pattern: str) -> None:
    assert regex_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[",
        "*",
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "a++",
        "(?>a)",
        "(?x)a",
        r"\Z",
        r"\u00e9",
        r"[\b]",
        "a{1001}",
        "(?#x)",
        r"\é",
        "(" * 2000,
    ],
)
def test_refuses(pattern: str) -> None:
    assert regex_problem(pattern)


def test_what_is_accepted_runs_in_the_engine() -> None:
    pieces = [
        *"ab.()[]|*+?^$-{}\\,:=!<>i1 ",
        r"\d",
        r"\w",
        r"\b",
        r"\Z",
        r"\x41",
        r"\0",
        "(?",
        "(?:",
        "(?i)",
        "(?P<n>",
        "[^",
        "{2}",
        "{,3}",
        "[[:alpha:]]",
        r"\p{L}",
        "(?x)",
        r"\1",
        "é",
        "{1001}",
        r"\_",
        r"\é",
    ]
    chance = random.Random(7)
    connection = duckdb.connect()
    accepted = 0
    for _ in range(4000):
        pattern = "".join(chance.choices(pieces, k=chance.randint(1, 6)))
        if regex_problem(pattern) is None:
            connection.execute("SELECT regexp_matches('abc', ?)", [pattern]).fetchall()
            accepted += 1
    assert accepted > 500
