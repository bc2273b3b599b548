"""Reads http_raw.txt: raw HTTP requests, and what the server must do with them."""

import re
from pathlib import Path
from typing import NamedTuple

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


class Row(NamedTuple):
    name: str
    statuses: list  # of the replies, in order
    open: bool  # whether the connection serves another request afterwards
    bytes: bytes


def _unescape(text):
    pieces = re.split(r"\\(x[0-9a-f]{2}|.)", text)
    plain = [piece.encode() for piece in pieces[0::2]]
    escaped = [bytes([int(e[1:], 16)]) if e[0] == "x" else ESCAPES[e] for e in pieces[1::2]] + [b""]
    return b"".join(a + b for a, b in zip(plain, escaped))


def rows():
    """All rows of the table."""
    result = []
    for line in (Path(__file__).parent / "http_raw.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, expected, text = line.split(" | ", 2)
        *statuses, end = expected.split()
        result.append(Row(name, [int(status) for status in statuses], {"open": True, "close": False}[end], _unescape(text)))
    return result
