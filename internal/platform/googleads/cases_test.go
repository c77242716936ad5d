package googleads

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// testCase is one file of testdata: what is asked of the adapter, every request
// it must send with the answer it gets, and what it must make of that. Money
// and ratios are in units.
type testCase struct {
	Doc    string
	Config struct {
		LoginCustomerID, DeveloperToken string
		Targeting                       bool
	}
	Call string
	// input of the call
	Refs     []platform.Ref
	Changes  []platform.Change
	From, To civil.Date
	Since    time.Time

	Exchanges  []exchange
	Want       json.RawMessage
	Error      *errorView
	Operations int64
}

type exchange struct {
	Method    string
	Metadata  map[string]string
	Request   json.RawMessage
	Responses []json.RawMessage
	Status    json.RawMessage // a google.rpc.Status that ends the call
	RequestID string
}

type errorView struct {
	Kind                             platform.Kind
	Code, RequestID, Message, Remedy string
	RetryAfter                       string
}

type resultView struct {
	RequestID string
	Err       *errorView
}

func view(err error) *errorView {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok {
		return nil
	}
	v := &errorView{Kind: e.Kind, Code: e.Code, RequestID: e.RequestID, Message: e.Message, Remedy: e.Remedy}
	if e.RetryAfter != 0 {
		v.RetryAfter = e.RetryAfter.String()
	}
	return v
}

func TestGoodCases(t *testing.T) { t.Parallel(); runCases(t, "good") }
func TestBadCases(t *testing.T)  { t.Parallel(); runCases(t, "bad") }

func runCases(t *testing.T, kind string) {
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			runCase(t, file)
		})
	}
}

func runCase(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c testCase
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	r := &replay{t: t, exchanges: c.Exchanges}
	client := serve(t, r.handle, func(cfg *Config) {
		cfg.LoginCustomerID, cfg.DeveloperToken, cfg.Targeting = c.Config.LoginCustomerID, c.Config.DeveloperToken, c.Config.Targeting
	})
	got, err := c.call(client)
	if diff := cmp.Diff(c.Error, view(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s\n%v", diff, err)
	}
	gotJSON, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var wantAny, gotAny any
	if json.Unmarshal(gotJSON, &gotAny) != nil || len(c.Want) > 0 && json.Unmarshal(c.Want, &wantAny) != nil {
		t.Fatal("unreadable result")
	}
	if diff := cmp.Diff(wantAny, gotAny); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if used := client.Usage().Operations; used != c.Operations {
		t.Errorf("%d operations counted, want %d", used, c.Operations)
	}
	if r.next != len(r.exchanges) {
		t.Errorf("%d requests, want %d", r.next, len(r.exchanges))
	}
}

func (c *testCase) call(client *Client) (any, error) {
	ctx := context.Background()
	switch c.Call {
	case "account":
		a, err := client.Account(ctx)
		if err != nil {
			return nil, err
		}
		return a, nil
	case "structure":
		return orNil(client.Structure(ctx))
	case "read":
		return orNil(client.Read(ctx, c.Refs))
	case "changes":
		return orNil(client.Changes(ctx, c.Since))
	case "performance":
		var days []platform.Performance
		err := client.Performance(ctx, c.From, c.To, func(p []platform.Performance) error {
			days = append(days, p...)
			return nil
		})
		return orNil(days, err)
	case "validate", "apply":
		do := client.Validate
		if c.Call == "apply" {
			do = client.Apply
		}
		results, err := do(ctx, c.Changes)
		var views []resultView
		for _, r := range results {
			views = append(views, resultView{r.RequestID, view(r.Err)})
		}
		return orNil(views, err)
	}
	return nil, errors.New("unknown call " + c.Call)
}

func orNil[T any](list []T, err error) (any, error) {
	if list == nil {
		return nil, err
	}
	return list, err
}

// replay answers calls in the order of its exchanges and compares requests.
type replay struct {
	t         *testing.T
	mu        sync.Mutex
	exchanges []exchange
	next      int
}

func (r *replay) handle(c *call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == len(r.exchanges) {
		r.t.Errorf("one request too many: %s %v", c.method, c.request)
		return errors.New("no answer")
	}
	e := r.exchanges[r.next]
	r.next++
	if e.Method != c.method {
		r.t.Errorf("request %d is %s, want %s", r.next, c.method, e.Method)
		return errors.New("no answer")
	}
	want := c.request.ProtoReflect().New().Interface()
	r.read(e.Request, want)
	if diff := cmp.Diff(want, c.request, protocmp.Transform()); diff != "" {
		r.t.Errorf("request %d (-want +got):\n%s", r.next, diff)
	}
	for k, v := range e.Metadata {
		if got := strings.Join(c.metadata.Get(k), ","); got != v {
			r.t.Errorf("request %d has %s %q, want %q", r.next, k, got, v)
		}
	}
	if e.RequestID != "" {
		c.answerID(e.RequestID)
	}
	method, err := methodOf(c.method)
	if err != nil {
		return err
	}
	for _, raw := range e.Responses {
		m, err := newMessage(method.Output())
		if err != nil {
			return err
		}
		r.read(raw, m)
		c.send(r.t, m)
	}
	if len(e.Status) > 0 {
		var s rpcstatus.Status
		r.read(e.Status, &s)
		return status.ErrorProto(&s)
	}
	return nil
}

func (r *replay) read(raw json.RawMessage, m proto.Message) {
	if err := protojson.Unmarshal(raw, m); err != nil {
		r.t.Errorf("exchange %d: %v", r.next, err)
	}
}
