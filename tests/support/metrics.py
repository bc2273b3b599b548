"""The text of /metrics, read: families with their types, series with their labels and values."""

import re
from typing import NamedTuple


class Series(NamedTuple):
    name: str
    labels: dict
    value: float


LINE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def families(text):
    """{name: type}, each introduced once."""
    found = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert len(found) == len(dict(found)), "each family once"
    return dict(found)


def series(text):
    """All series, in order."""
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = LINE.match(line).groups()
            found.append(Series(name, dict(LABEL.findall(labels or "")), float(value)))
    return found


def value(text, name, **labels):
    """The one series of that name with these labels among its own; None if there is none."""
    found = [s.value for s in series(text) if s.name == name and labels.items() <= s.labels.items()]
    assert len(found) <= 1, f"{name} {labels}: {len(found)} series"
    return found[0] if found else None
