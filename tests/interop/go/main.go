// Unmodified Go beside svcdns: a gRPC server that registers itself with Consul's client, and a client that finds it by
// the resolver that everyone writes (resolver.go), or by gRPC's own DNS resolver.
//
//	interop serve -address HOST:PORT -consul HOST:PORT -id ID [-check grpc|ttl]
//	    Serves grpc.health.v1 and reflection, registers as "web", prints "listening". SIGTERM deregisters.
//	interop call -target TARGET
//	    Calls by round_robin. Each line on stdin is a number of calls, answered by a line of JSON with the peers that
//	    answered, or "reflect", answered by the services that a peer says it has. What the resolver of resolver.go learns
//	    is a line of its own.
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{"serve": serve, "call": call}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: interop serve|call")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}
