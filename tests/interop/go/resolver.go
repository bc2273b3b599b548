package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
)

// consulBuilder makes the resolver for consul://HOST:PORT/SERVICE?tag=TAG.
type consulBuilder struct {
	learned func(addresses []string) // told of each state, for the test
}

func (b consulBuilder) Scheme() string { return "consul" }

func (b consulBuilder) Build(
	target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions,
) (resolver.Resolver, error) {
	client, err := api.NewClient(&api.Config{Address: target.URL.Host})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &consulResolver{client, cc, target.Endpoint(), target.URL.Query().Get("tag"), b.learned, cancel}
	go r.watch(ctx)
	return r, nil
}

type consulResolver struct {
	client    *api.Client
	cc        resolver.ClientConn
	name, tag string
	learned   func([]string)
	cancel    context.CancelFunc
}

func (r *consulResolver) ResolveNow(resolver.ResolveNowOptions) {}

func (r *consulResolver) Close() { r.cancel() }

// watch feeds the connection with what is healthy, for as long as it is open.
func (r *consulResolver) watch(ctx context.Context) {
	var lastIndex uint64
	for ctx.Err() == nil {
		options := (&api.QueryOptions{WaitIndex: lastIndex}).WithContext(ctx)
		entries, meta, err := r.client.Health().Service(r.name, r.tag, true, options)
		if err != nil {
			if ctx.Err() == nil {
				r.cc.ReportError(fmt.Errorf("consul: %w", err))
				time.Sleep(time.Second)
			}
			continue
		}
		if meta.LastIndex == lastIndex {
			continue // the wait was over, and nothing has changed
		}
		lastIndex = meta.LastIndex
		var state resolver.State
		addresses := []string{}
		for _, entry := range entries {
			host := entry.Service.Address
			if host == "" {
				host = entry.Node.Address
			}
			address := net.JoinHostPort(host, strconv.Itoa(entry.Service.Port))
			state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
			addresses = append(addresses, address)
		}
		r.learned(addresses)
		r.cc.UpdateState(state)
	}
}
