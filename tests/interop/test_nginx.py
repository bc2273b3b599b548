"""nginx with doc/examples/nginx.conf: a resolver, and a name in a variable."""

import socket

import examples
import svc
from svc import wait_until


class Nginx(examples.Daemon):
    def __init__(self, server, folder, port):
        self.port = svc.free_port(kinds=(socket.SOCK_STREAM,))
        values = {"127.0.0.1:8600": f"127.0.0.1:{server.port}", "127.0.0.1:8080": f"127.0.0.1:{self.port}", "8001": port}
        patience = {"resolver_timeout 2s": f"resolver_timeout {svc.PATIENCE:.0f}s"}
        path = examples.adapted("nginx.conf", folder, values, patience)
        super().__init__(["nginx", "-e", "stderr", "-c", str(path), "-g", f"daemon off; pid {folder}/nginx.pid;"], folder)
        self.wait_listening(self.port)

    def unresolved(self):
        """How many requests had no address to go to."""
        return self.log.read_text().count("could not be resolved")


def test_follows_registrations_and_deaths(server, tmp_path):
    """No request fails while one of the programs lives: nginx tries the next address."""
    port = svc.free_port(("127.0.0.2", "127.0.0.3"), (socket.SOCK_STREAM,))
    tmp_path.chmod(0o755)
    with Nginx(server, tmp_path, port) as nginx:
        assert examples.fetch(nginx.port)[0] == 502, "never registered"

        def answering():
            status, name = examples.fetch(nginx.port)
            assert status == 200, nginx.log.read_text()
            return name

        with examples.Backend(server, tmp_path, "127.0.0.2", port) as first:
            wait_until(lambda: examples.fetch(nginx.port) == (200, first.name), "it is found")
            with examples.Backend(server, tmp_path, "127.0.0.3", port) as second:
                wait_until(lambda: {answering() for _ in range(4)} == {first.name, second.name}, "both answer")
                second.kill()
                wait_until(lambda: server.ask("web.service.local").addresses() == ["127.0.0.2"], "it left DNS")
                assert {answering() for _ in range(10)} == {first.name}
            unresolved = nginx.unresolved()
            first.kill()
            wait_until(lambda: server.ask("web.service.local").addresses() == [], "none is left")
            wait_until(lambda: examples.fetch(nginx.port)[0] == 502 and nginx.unresolved() > unresolved, "nginx has none left")
        with examples.Backend(server, tmp_path, "127.0.0.3", port) as again:
            wait_until(lambda: examples.fetch(nginx.port) == (200, again.name), "a new one is found")
