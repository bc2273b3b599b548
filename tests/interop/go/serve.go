package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
)

const service = "web"

// check is what the service registers: Consul's GRPC check, or a TTL that a goroutine keeps up.
func check(kind, address string) *api.AgentServiceCheck {
	if kind == "ttl" {
		return &api.AgentServiceCheck{TTL: "5s", DeregisterCriticalServiceAfter: "10m"}
	}
	return &api.AgentServiceCheck{
		GRPC:                           address + "/" + service,
		Interval:                       "1s",
		Timeout:                        "10s",
		DeregisterCriticalServiceAfter: "10m",
	}
}

func beat(agent *api.Agent, id string) {
	for ; ; time.Sleep(500 * time.Millisecond) {
		if err := agent.UpdateTTL("service:"+id, "alive", api.HealthPassing); err != nil {
			fmt.Fprintln(os.Stderr, "heartbeat:", err)
		}
	}
}

func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	address := flags.String("address", "", "where to listen")
	consul := flags.String("consul", "127.0.0.1:8500", "the registry")
	id := flags.String("id", service, "the instance")
	kind := flags.String("check", "grpc", "grpc or ttl")
	flags.Parse(arguments)

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	server, states := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(server, states)
	reflection.Register(server)
	states.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)

	client, err := api.NewClient(&api.Config{Address: *consul})
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(*address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	err = client.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID:      *id,
		Name:    service,
		Tags:    []string{"grpc"},
		Address: host,
		Port:    number,
		Check:   check(*kind, *address),
	})
	if err != nil {
		return err
	}
	if *kind == "ttl" {
		go beat(client.Agent(), *id)
	}

	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		if err := client.Agent().ServiceDeregister(*id); err != nil {
			fmt.Fprintln(os.Stderr, "deregister:", err)
		}
		server.GracefulStop()
	}()
	fmt.Println("listening")
	return server.Serve(listener)
}
