// A SPIFFE Workload API served by go-spiffe, and go-spiffe's own client beside ours.
//
//	spiffe serve SOCKET FOLDER   answers FetchJWTSVID with the files in FOLDER, each a token of the SPIFFE id spiffe://contoso.test/NAME;
//	                             writes what was asked into FOLDER/.asked
//	spiffe fetch SOCKET AUDIENCE prints the token that go-spiffe's client gets
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type server struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	folder string
}

func (s *server) FetchJWTSVID(ctx context.Context, q *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get("workload.spiffe.io"); len(v) != 1 || v[0] != "true" {
		return nil, status.Error(codes.InvalidArgument, "security header missing from request")
	}
	if len(q.Audience) == 0 {
		return nil, status.Error(codes.InvalidArgument, "audience must be specified")
	}
	os.WriteFile(filepath.Join(s.folder, ".asked"), []byte(strings.Join(q.Audience, ",")+" "+q.SpiffeId+"\n"), 0o600)
	files, _ := filepath.Glob(filepath.Join(s.folder, "[a-z]*"))
	sort.Strings(files)
	answer := &workload.JWTSVIDResponse{}
	for _, f := range files {
		id := "spiffe://contoso.test/" + filepath.Base(f)
		token, err := os.ReadFile(f)
		if err == nil && (q.SpiffeId == "" || q.SpiffeId == id) {
			answer.Svids = append(answer.Svids, &workload.JWTSVID{SpiffeId: id, Svid: strings.TrimSpace(string(token)), Hint: "internal"})
		}
	}
	if len(answer.Svids) == 0 {
		return nil, status.Error(codes.PermissionDenied, "no identity issued")
	}
	return answer, nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	if os.Args[1] == "serve" {
		listener, err := net.Listen("unix", os.Args[2])
		fail(err)
		s := grpc.NewServer()
		workload.RegisterSpiffeWorkloadAPIServer(s, &server{folder: os.Args[3]})
		fail(s.Serve(listener))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := workloadapi.New(ctx, workloadapi.WithAddr("unix://"+os.Args[2]))
	fail(err)
	svid, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: os.Args[3]})
	fail(err)
	fmt.Println(svid.Marshal())
}
