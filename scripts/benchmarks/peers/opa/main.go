// OPA's engine and its decision log behind ext_authz, put together as its Envoy plugin does it.
//
// For machines where the plugin itself cannot be installed. The request goes to the policy as the plugin
// shows it (`attributes`, `parsed_path`, `parsed_body`), the policy is prepared once by OPA's own SDK, and the
// SDK's decision log (console) is on. Arguments: the address to listen on, the OPA configuration file.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net"
	"os"
	"strings"
	"time"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	kind "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/open-policy-agent/opa/v1/sdk"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
)

const path = "envoy/authz/allow"

type server struct {
	auth.UnimplementedAuthorizationServer
	engine *sdk.OPA
}

var (
	allowed = &auth.CheckResponse{
		Status:       &status.Status{},
		HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{}},
	}
	denied = &auth.CheckResponse{
		Status: &status.Status{Code: int32(code.Code_PERMISSION_DENIED)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{
			DeniedResponse: &auth.DeniedHttpResponse{Status: &kind.HttpStatus{Code: kind.StatusCode_Forbidden}},
		},
	}
)

func (s *server) Check(ctx context.Context, request *auth.CheckRequest) (*auth.CheckResponse, error) {
	input, err := inputOf(request)
	if err != nil {
		return nil, err
	}
	result, err := s.engine.Decision(ctx, sdk.DecisionOptions{Now: time.Now(), Path: path, Input: input})
	if err != nil {
		return nil, err
	}
	if yes, ok := result.Result.(bool); ok && yes {
		return allowed, nil
	}
	return denied, nil
}

// inputOf is what the policy sees: the request as protobuf's JSON, and its path and body taken apart.
func inputOf(request *auth.CheckRequest) (map[string]any, error) {
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	input := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&input); err != nil {
		return nil, err
	}
	http := request.GetAttributes().GetRequest().GetHttp()
	steps := []any{}
	for _, step := range strings.Split(strings.Trim(http.GetPath(), "/"), "/") {
		steps = append(steps, step)
	}
	input["parsed_path"] = steps
	var body any
	if err := json.Unmarshal([]byte(http.GetBody()), &body); err != nil {
		return nil, err
	}
	input["parsed_body"] = body
	return input, nil
}

func main() {
	configuration, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	engine, err := sdk.New(context.Background(), sdk.Options{Config: configuration})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	serving := grpc.NewServer()
	auth.RegisterAuthorizationServer(serving, &server{engine: engine})
	log.Fatal(serving.Serve(listener))
}
