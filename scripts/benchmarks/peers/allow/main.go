// An always-allow ext_authz server in Go: the floor that a compiled gRPC server can reach.
//
// It parses each CheckRequest, answers OK, and does nothing else. Argument: the address to listen on.
package main

import (
	"context"
	"log"
	"net"
	"os"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

type server struct {
	auth.UnimplementedAuthorizationServer
}

var allowed = &auth.CheckResponse{
	Status:       &status.Status{},
	HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{}},
}

func (server) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) {
	return allowed, nil
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	serving := grpc.NewServer()
	auth.RegisterAuthorizationServer(serving, server{})
	log.Fatal(serving.Serve(listener))
}
