package huetest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

const (
	bridgeID = "001788fffe010203"
	key      = "key"
)

// inMemory serves the bridge over TLS in memory until the test ends. For use in a
// bubble, which fails the test if a goroutine of the server or a client is left.
func inMemory(t *testing.T, b *huetest.Bridge) *client {
	t.Helper()
	listener := harness.NewNetwork()
	ctx, cancel := context.WithCancel(context.Background())
	authority := huetest.NewAuthority()
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx, listener, authority.Issue(b.ID())) }()
	transport := &http.Transport{
		DialContext:     listener.DialContext,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return &client{t, "https://" + b.ID(), &http.Client{Transport: transport}}
}

// overTCP serves the bridge over TLS on a port of its own until the test ends.
func overTCP(t testing.TB, b *huetest.Bridge, options ...huetest.ServerOption) (*client, *huetest.Server) {
	t.Helper()
	server := huetest.StartTLS(b, options...)
	c := &client{t, server.URL, server.Client()}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		server.Close()
	})
	return c, server
}

type client struct {
	t    testing.TB
	url  string
	http *http.Client
}

// do sends a request with the valid key, unless header has another.
func (c *client) do(ctx context.Context, method, path string, header http.Header, body string) (*http.Response, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("hue-application-key", key)
	for name, values := range header {
		r.Header[name] = values
	}
	return c.http.Do(r)
}

func (c *client) ask(method, path string, header http.Header, body string) (*http.Response, string) {
	c.t.Helper()
	resp, err := c.do(c.t.Context(), method, path, header, body)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(text)
}

type resource = map[string]any

// all reads all resources, by id.
func (c *client) all() map[string]resource {
	c.t.Helper()
	byID := make(map[string]resource)
	for _, r := range c.list("") {
		byID[r["id"].(string)] = r
	}
	return byID
}

// list reads all resources of a kind, "/button" for one.
func (c *client) list(kind string) []resource {
	c.t.Helper()
	resp, text := c.ask("GET", "/clip/v2/resource"+kind, nil, "")
	if resp.StatusCode != 200 {
		c.t.Fatalf("%s: %s", resp.Status, text)
	}
	var answer struct {
		Errors []any
		Data   []resource
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Errors == nil || len(answer.Errors) > 0 || answer.Data == nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	return answer.Data
}

// listener reads a stream.
type listener struct {
	t      testing.TB
	resp   *http.Response
	lines  *bufio.Reader
	cancel context.CancelFunc
}

var eventStream = http.Header{"Accept": {"text/event-stream"}}

// listen opens a stream and reads its first comment.
func (c *client) listen(header http.Header) *listener {
	c.t.Helper()
	if header == nil {
		header = eventStream
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	resp, err := c.do(ctx, "GET", "/eventstream/clip/v2", header, "")
	if err != nil {
		c.t.Fatal(err)
	}
	l := &listener{c.t, resp, bufio.NewReader(resp.Body), cancel}
	c.t.Cleanup(l.close)
	if got := l.line() + "|" + l.line(); got != ": hi|" {
		c.t.Fatalf("the stream begins with %q", got)
	}
	return l
}

func (l *listener) close() {
	l.cancel()
	_ = l.resp.Body.Close()
}

func (l *listener) line() string {
	l.t.Helper()
	line, err := l.lines.ReadString('\n')
	if err != nil {
		l.t.Fatalf("%v after %q", err, line)
	}
	return strings.TrimSuffix(line, "\n")
}

type event struct {
	ID, Type, CreationTime string
	Data                   []resource
}

// sseEvent reads the next SSE event.
func (l *listener) sseEvent() (id string, events []event) {
	l.t.Helper()
	id, ok := strings.CutPrefix(l.line(), "id: ")
	data, ok2 := strings.CutPrefix(l.line(), "data: ")
	if end := l.line(); !ok || !ok2 || end != "" {
		l.t.Fatalf("id %q, data %q, then %q", id, data, end)
	}
	if err := json.Unmarshal([]byte(data), &events); err != nil {
		l.t.Fatalf("%v in %s", err, data)
	}
	return id, events
}

// next reads the next SSE event, which has one event with one resource.
func (l *listener) next() (kind string, r resource) {
	l.t.Helper()
	_, events := l.sseEvent()
	if len(events) != 1 || len(events[0].Data) != 1 {
		l.t.Fatalf("not one event with one resource: %v", events)
	}
	return events[0].Type, events[0].Data[0]
}

// apply applies an event to resources.
func (e event) apply(t testing.TB, resources map[string]resource) {
	for _, r := range e.Data {
		id := r["id"].(string)
		switch e.Type {
		case "add":
			if resources[id] != nil {
				t.Errorf("added twice: %v", r)
			}
			resources[id] = r
		case "update":
			if resources[id] == nil {
				t.Errorf("an update of an unknown resource: %v", r)
				continue
			}
			merge(resources[id], r)
		case "delete":
			if resources[id] == nil {
				t.Errorf("deleted twice: %v", r)
			}
			delete(resources, id)
		default:
			t.Errorf("an event of the type %q", e.Type)
		}
	}
}

// merge puts a part of a resource into the whole.
func merge(whole, part resource) {
	for name, value := range part {
		into, ok := whole[name].(resource)
		if from, ok2 := value.(resource); ok && ok2 {
			merge(into, from)
			continue
		}
		whole[name] = value
	}
}
