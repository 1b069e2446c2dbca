package httpguard_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/test/harness"
)

// network is the network of a test.
type network struct {
	*harness.Network
	t *testing.T
}

// dial connects from an address.
func (n *network) dial(address string) *client {
	conn := n.Dial(address)
	synctest.Wait()
	n.t.Cleanup(func() { conn.Close() })
	return &client{t: n.t, Conn: conn, in: bufio.NewReader(conn)}
}

type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

// send sends a part of a request, whether or not the server reads it.
func (c *client) send(text string) *client {
	c.SetWriteDeadline(time.Now().Add(time.Millisecond))
	io.WriteString(c, text)
	synctest.Wait()
	return c
}

// ask sends a whole request and reports whether there is a response.
func (c *client) ask() bool {
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(time.Second))
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}

// open reports whether the server keeps the connection.
func (c *client) open() bool {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.in.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

var limits = httpguard.Limits{Connections: 8, PerClient: 3, Body: 10, Proxies: httpguard.Proxies{netip.MustParsePrefix("127.0.0.1/32")}}

// bound serves with the limits above. Requests for /hold are answered at the end.
func bound(t *testing.T, test func(n *network)) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{harness.NewNetwork(), t}
		end := make(chan struct{})
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hold" {
				<-end
			}
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %v", body, err)
		})}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- httpguard.Serve(ctx, server, n, limits) }()
		test(n)
		close(end)
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second) // the server lingers after a body that is too long
	})
}

const hold = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"

func TestWaitingConnectionsYield(t *testing.T) {
	const slow = "GET / HTTP/1.1\r\nHost: x\r\n"
	for name, sent := range map[string]string{
		"nothing sent":  "",
		"half a header": slow,
		"half a body":   strings.Replace(slow, "GET", "POST", 1) + "Content-Length: 9\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			bound(t, func(n *network) {
				var held []*client
				for range 20 {
					held = append(held, n.dial("192.0.2.1").send(sent))
					time.Sleep(time.Millisecond)
				}
				for i, c := range held {
					if got, want := c.open(), i >= 17; got != want {
						t.Errorf("connection %d is open: %v", i, got)
					}
				}
				if !n.dial("192.0.2.1").ask() || !n.dial("192.0.2.2").ask() {
					t.Error("others are kept out")
				}
			})
		})
	}
}

func TestIdleConnectionsYield(t *testing.T) {
	bound(t, func(n *network) {
		var idle []*client
		for i := range 20 {
			c := n.dial(fmt.Sprintf("192.0.2.%d", i))
			if !c.ask() {
				t.Fatalf("client %d is kept out", i)
			}
			idle = append(idle, c)
			time.Sleep(time.Millisecond)
		}
		if idle[0].open() || !idle[19].open() || !idle[19].ask() {
			t.Error("the oldest is kept, or the newest is not")
		}
	})
}

func TestServedConnectionsStay(t *testing.T) {
	bound(t, func(n *network) {
		var first []*client
		for range 3 {
			first = append(first, n.dial("192.0.2.1").send(hold))
		}
		if n.dial("192.0.2.1").ask() {
			t.Error("one client has more than its share")
		}
		for i := range 5 {
			n.dial(fmt.Sprintf("198.51.100.%d", i)).send(hold)
		}
		// All are being served, so the client with the most yields to new ones.
		if n.dial("198.51.100.1").open() != true {
			t.Error("a client with fewer is kept out")
		}
		open := 0
		for _, c := range first {
			if c.open() {
				open++
			}
		}
		if open != 2 {
			t.Errorf("%d of 3 connections are open", open)
		}
	})
}

func TestNobodyYieldsToAnEqual(t *testing.T) {
	bound(t, func(n *network) {
		var held []*client
		for i := range 8 {
			held = append(held, n.dial(fmt.Sprintf("192.0.2.%d", i)).send(hold))
		}
		if n.dial("192.0.2.100").open() {
			t.Error("more than the maximum")
		}
		for i, c := range held {
			if !c.open() {
				t.Errorf("client %d was cut off", i)
			}
		}
	})
}

func TestAProxyHasNoShare(t *testing.T) {
	bound(t, func(n *network) {
		for i := range 8 {
			if !n.dial("127.0.0.1").send(hold).open() {
				t.Errorf("connection %d of the proxy is refused", i)
			}
		}
		if n.dial("127.0.0.1").open() {
			t.Error("more than the maximum")
		}
	})
}

func TestBodyIsBounded(t *testing.T) {
	bound(t, func(n *network) {
		for body, want := range map[string]string{"0123456789": "0123456789 <nil>", "0123456789a": "0123456789 http: request body too large"} {
			c := n.dial("192.0.2.1")
			go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			response, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(response.Body); string(got) != want {
				t.Errorf("%s: %q", body, got)
			}
		}
	})
}
