#!/usr/bin/env python3
"""Writes the rows of tests/support/http_raw.txt into a folder, as the HTTP head fuzzer's first corpus."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import http_raw  # noqa: E402

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for row in http_raw.rows():
    (folder / row.name).write_bytes(b"\x80\xff" + row.bytes)
