"""A gRPC server and a client with Debian's grpcio, as programs of their own, so that a test can kill them.

    grpc_program.py serve HOST:PORT [CERT KEY]
        Answers grpc.health.v1.Health/Check. Prints "listening"; each line on stdin is the status that it answers
        from then on (1 SERVING, 2 NOT_SERVING ...). The service "unknown" is NOT_FOUND.
    grpc_program.py call TARGET
        Calls by round_robin. Each line on stdin is a number of calls, and is answered by a line of JSON:
        {"peers": {"127.0.0.2:5000": 10}, "errors": []}.

The messages have one field each, so no protobuf is needed: b"\\x08\\x01" is {status: SERVING}."""

import collections
import json
import sys
from concurrent import futures

import grpc

METHOD = "/grpc.health.v1.Health/Check"


class Health(grpc.GenericRpcHandler):
    """Sends its address along with each answer."""

    def __init__(self, address):
        self.status, self.metadata = 1, (("server", address),)

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.check) if details.method == METHOD else None

    def check(self, request, context):
        context.send_initial_metadata(self.metadata)
        if request.endswith(b"unknown"):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes((8, self.status))


def serve(address, cert=None, key=None):
    health = Health(address)
    server = grpc.server(futures.ThreadPoolExecutor(4), [health], options=[("grpc.so_reuseport", 0)])
    if cert:
        pair = (open(key, "rb").read(), open(cert, "rb").read())
        assert server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        assert server.add_insecure_port(address)
    server.start()
    print("listening", flush=True)
    for line in sys.stdin:
        health.status = int(line)
        print("changed", flush=True)


def call(target):
    options = [("grpc.lb_policy_name", "round_robin"), ("grpc.enable_http_proxy", 0),
               ("grpc.dns_min_time_between_resolutions_ms", 200), ("grpc.max_reconnect_backoff_ms", 500)]
    with grpc.insecure_channel(target, options) as channel:
        check = channel.unary_unary(METHOD)
        for line in sys.stdin:
            peers, errors = collections.Counter(), []
            for _ in range(int(line)):
                try:
                    _, done = check.with_call(b"", timeout=10)
                    peers[dict(done.initial_metadata())["server"]] += 1
                except grpc.RpcError as error:
                    errors.append(f"{error.code().name}: {error.details()}")
            print(json.dumps({"peers": peers, "errors": errors}), flush=True)


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
