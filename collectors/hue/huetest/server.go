package huetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A ServerOption changes how StartTLS serves.
type ServerOption func(*serverOptions)

type serverOptions struct {
	commonName string
	authority  *Authority
	selfSigned bool
	address    string
}

// WithCommonName has the certificate name somebody else than the bridge.
func WithCommonName(name string) ServerOption {
	return func(o *serverOptions) { o.commonName = name }
}

// WithAuthority has this authority sign the certificate, instead of one that is
// made for the server.
func WithAuthority(a *Authority) ServerOption {
	return func(o *serverOptions) { o.authority = a }
}

// WithSelfSigned has the certificate sign itself.
func WithSelfSigned() ServerOption {
	return func(o *serverOptions) { o.selfSigned = true }
}

// WithAddress has the server listen there, "127.0.0.2:443" for example, instead of
// on a free port of 127.0.0.1.
func WithAddress(address string) ServerOption {
	return func(o *serverOptions) { o.address = address }
}

// Server serves a bridge over TLS, with HTTP/1.1 and HTTP/2, on a port of its own.
type Server struct {
	URL string // "https://127.0.0.1:12345"

	bridge      *Bridge
	listener    net.Listener
	http        *http.Server
	certificate *x509.Certificate
	ca          *x509.Certificate
	serving     sync.WaitGroup

	mu          sync.Mutex
	closed      bool
	connections map[net.Conn]struct{}
	running     sync.WaitGroup // a count for each connection and each request
}

// StartTLS serves the bridge on a free port of 127.0.0.1. The caller closes the
// server.
func StartTLS(b *Bridge, options ...ServerOption) *Server {
	o := serverOptions{commonName: b.ID(), address: "127.0.0.1:0"}
	for _, option := range options {
		option(&o)
	}
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		panic(fmt.Sprintf("huetest: listening on %s: %v", o.address, err))
	}
	var certificate tls.Certificate
	var ca *x509.Certificate
	if o.selfSigned {
		certificate = SelfSigned(o.commonName)
		ca = certificate.Leaf
	} else {
		authority := o.authority
		if authority == nil {
			authority = NewAuthority()
		}
		certificate = authority.Issue(o.commonName)
		ca = authority.Certificate()
	}
	s := newServer(b, listener, certificate)
	s.URL, s.certificate, s.ca = "https://"+listener.Addr().String(), certificate.Leaf, ca
	go func() {
		if err := s.serve(); err != nil {
			panic(err)
		}
	}()
	return s
}

// Serve serves the bridge over TLS on any listener, of net.Pipe for one, until the
// context ends; then it closes the listener and all connections and waits until
// none of its goroutines is left. The certificate comes from [Authority.Issue] or
// [SelfSigned].
func (b *Bridge) Serve(ctx context.Context, listener net.Listener, certificate tls.Certificate) error {
	s := newServer(b, listener, certificate)
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.Close()
		close(closed)
	})
	err := s.serve()
	if stop() {
		s.Close() // the listener failed
	} else {
		<-closed
	}
	return err
}

func newServer(b *Bridge, listener net.Listener, certificate tls.Certificate) *Server {
	s := &Server{bridge: b, listener: &refusing{listener, b}, connections: make(map[net.Conn]struct{})}
	s.http = &http.Server{
		Handler:   http.HandlerFunc(s.handle),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		ConnState: s.follow,
		// What clients do wrong is for the tests to see, not for the log.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.serving.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = append(b.servers, s)
	return s
}

// serve accepts connections until the server is closed.
func (s *Server) serve() error {
	defer s.serving.Done()
	if err := s.http.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("huetest: serving the bridge on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		Drop(w, r)
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	s.bridge.ServeHTTP(w, r)
}

// Certificate is the one that the server shows.
func (s *Server) Certificate() *x509.Certificate { return s.certificate }

// CA is the certificate of who signed it; a self-signed one is its own.
func (s *Server) CA() *x509.Certificate { return s.ca }

// Host is the address and port: "127.0.0.1:12345".
func (s *Server) Host() string { return s.listener.Addr().String() }

// Client returns a client that trusts the server as a good one does: it takes this
// certificate alone, whatever host it is on. Each call makes a new client with
// connections of its own.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{
			// The host is an address and the certificate names none.
			InsecureSkipVerify: true,
			VerifyConnection: func(state tls.ConnectionState) error {
				if !state.PeerCertificates[0].Equal(s.certificate) {
					return errors.New("huetest: not the server's certificate")
				}
				return nil
			},
		},
	}}
}

// Discovered returns what the vendor's discovery service reports about the server.
func (s *Server) Discovered() Discovered {
	host, port, err := net.SplitHostPort(s.Host())
	if err != nil {
		panic(err) // of a listener on TCP
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	return Discovered{ID: s.bridge.ID(), InternalIPAddress: host, Port: number}
}

// Close ends the server and all its connections, and waits until none of its
// goroutines is left.
func (s *Server) Close() {
	b := s.bridge
	b.mu.Lock()
	b.servers = slices.DeleteFunc(b.servers, func(other connections) bool { return other == s })
	b.mu.Unlock()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	// Cut first what http.Server.Close would close gracefully under a lock: who does
	// not read it would hold up everybody, and in a bubble time as well.
	s.dropConnections()
	// That the listener is closed already is no fault.
	_ = s.http.Close()
	s.serving.Wait()
	s.dropConnections() // what was being accepted
	_ = s.http.Close()
	s.running.Wait()
}

// follow keeps account of the connections.
func (s *Server) follow(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.connections[c] = struct{}{}
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		delete(s.connections, c)
		s.running.Done()
	}
}

func (s *Server) dropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		// Below TLS, which would send a close notification.
		if c, ok := c.(*tls.Conn); ok {
			_ = c.NetConn().Close()
		}
	}
}

// refusing resets connections while the bridge restarts.
type refusing struct {
	net.Listener
	bridge *Bridge
}

func (l *refusing) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.bridge.mu.Lock()
		down := time.Now().Before(l.bridge.down)
		l.bridge.mu.Unlock()
		if !down {
			return c, nil
		}
		if c, ok := c.(*net.TCPConn); ok {
			_ = c.SetLinger(0)
		}
		_ = c.Close()
	}
}
