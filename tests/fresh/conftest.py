"""Trees of a fresh Debian 12. They take minutes to make, so all that is here is for tools/test --all."""

import signal
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[0] / "support")]

import tree  # noqa: E402


def pytest_configure():
    """A run that is ended leaves no gigabytes behind, and nothing that runs in them."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


def pytest_collection_modifyitems(items):
    reason = tree.why_not()
    for item in items:
        item.add_marker(pytest.mark.long)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def folder():
    """Where the trees are; not /tmp, which may be memory."""
    with tempfile.TemporaryDirectory(prefix="svcdns-fresh-", dir="/var/tmp") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def base(folder):
    """The tree that all others are copies of."""
    return tree.Tree(folder / "base").bootstrap()


@pytest.fixture(scope="module")
def fresh(base, folder, request):
    """A tree for the tests of one file, in their order."""
    copy = base.copy(folder / request.module.__name__)
    yield copy
    copy.remove()
