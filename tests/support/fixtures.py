"""The fixtures of the suites that start servers; their conftest.py files import all that is here."""

import pytest

import svc
from upstream import Upstream


def pytest_collection_modifyitems(items):
    """Tests marked ipv6 are skipped, by name, where ::1 is missing."""
    for item in items:
        if item.get_closest_marker("ipv6") and not svc.IPV6:
            item.add_marker(pytest.mark.skip(reason="this machine has no IPv6 loopback"))


def pytest_configure(config):
    config.addinivalue_line("markers", "ipv6: needs the IPv6 loopback address ::1")


@pytest.fixture
def start_server(tmp_path):
    """A function that starts a server of the test's own: start_server(zone=…, **{"zone.name": …}). All are stopped at
    the end of the test, and must end cleanly."""
    servers = []

    def start(zone=None, ready=True, environment=None, wrapper=(), **config):
        directory = tmp_path / f"server{len(servers)}"
        server = svc.Server(directory, config, zone, wrapper, environment)
        servers.append(server)
        return server.start(ready)

    yield start
    errors = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def upstream():
    """A resolver for the relay to ask; a test adds to its `answers` by name."""
    with Upstream() as upstream:
        upstream.answers["www.example.com."] = ["A 198.51.100.1"]
        yield upstream


@pytest.fixture
def server(start_server):
    """A server of the test's own, with defaults."""
    return start_server()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    """One server for tests that only read, or that keep to names of their own."""
    with svc.Server(tmp_path_factory.mktemp("shared")) as server:
        yield server
