package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/dns"
)

type learnedLine struct {
	Learned []string `json:"learned"`
	AtNs    int64    `json:"at_ns"` // Unix time
}

type callsLine struct {
	Peers  map[string]int `json:"peers"`
	Errors []string       `json:"errors"`
}

type reflectLine struct {
	Services []string `json:"services"`
	Error    string   `json:"error"`
}

var printing sync.Mutex

func print(line any) {
	printing.Lock()
	defer printing.Unlock()
	json.NewEncoder(os.Stdout).Encode(line)
}

func calls(connection *grpc.ClientConn, count int) callsLine {
	client, line := healthpb.NewHealthClient(connection), callsLine{map[string]int{}, []string{}}
	for ; count > 0; count-- {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		var answered peer.Peer
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&answered))
		cancel()
		if err != nil {
			line.Errors = append(line.Errors, err.Error())
		} else {
			line.Peers[answered.Addr.String()]++
		}
	}
	return line
}

// reflect asks one peer what it serves.
func reflect(connection *grpc.ClientConn) (line reflectLine) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	if err == nil {
		err = stream.Send(&reflectionpb.ServerReflectionRequest{
			MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
		})
	}
	var reply *reflectionpb.ServerReflectionResponse
	if err == nil {
		reply, err = stream.Recv()
	}
	if err != nil {
		line.Error = err.Error()
		return line
	}
	for _, service := range reply.GetListServicesResponse().GetService() {
		line.Services = append(line.Services, service.Name)
	}
	return line
}

func call(arguments []string) error {
	flags := flag.NewFlagSet("call", flag.ExitOnError)
	target := flags.String("target", "", "whom to call")
	flags.Parse(arguments)

	resolver.Register(consulBuilder{func(addresses []string) {
		print(learnedLine{addresses, time.Now().UnixNano()})
	}})
	// By default it asks DNS again after 30 s at the earliest, and a test would take that long.
	dns.SetMinResolutionInterval(200 * time.Millisecond)
	connection, err := grpc.NewClient(*target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.Connect()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "reflect" {
			print(reflect(connection))
			continue
		}
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		print(calls(connection, count))
	}
	return nil
}
