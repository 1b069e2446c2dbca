//go:build faults && linux

package faults

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
)

// mailServer is an SMTP server that takes every mail after STARTTLS.
type mailServer struct {
	listener    net.Listener
	certificate tls.Certificate
	serving     sync.WaitGroup

	mu    sync.Mutex
	mails []string
	conns map[net.Conn]struct{}
}

func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{listener: listener, certificate: huetest.SelfSigned("localhost"), conns: make(map[net.Conn]struct{})}
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = struct{}{}
			s.mu.Unlock()
			s.serving.Go(func() {
				s.session(conn)
				conn.Close()
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.mu.Lock()
		for conn := range s.conns {
			conn.Close()
		}
		s.mu.Unlock()
		s.serving.Wait()
	})
	return s
}

func (s *mailServer) address() string { return s.listener.Addr().String() }

// received counts the mails that are about a source.
func (s *mailServer) received(source string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mail := range s.mails {
		if strings.Contains(mail, "hueair2mqtt: "+source+" needs you") {
			n++
		}
	}
	return n
}

func (s *mailServer) session(conn net.Conn) {
	lines := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 mail.test ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "EHLO":
			say("250-mail.test\r\n250 STARTTLS")
		case "STARTTLS":
			say("220 go ahead")
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
			if secured.Handshake() != nil {
				return
			}
			conn, lines = secured, bufio.NewReader(secured)
		case "DATA":
			say("354 send it")
			var mail strings.Builder
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				mail.WriteString(line)
			}
			s.mu.Lock()
			s.mails = append(s.mails, mail.String())
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
