package harness

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// SMTPServer is a mail server that offers STARTTLS and accepts every mail. With a
// user name it also requires a sign-in, which it offers only after STARTTLS.
type SMTPServer struct {
	Username, Password string

	listener net.Listener
	tls      *tls.Config
	serving  sync.WaitGroup

	mu       sync.Mutex
	noTLS    bool
	sessions int
	begun    int
	mails    []string
	conns    map[net.Conn]bool
}

// StartSMTP serves mail on a listener until Close or the end of the test.
func StartSMTP(t testing.TB, listener net.Listener, certificate tls.Certificate, username, password string) *SMTPServer {
	s := &SMTPServer{
		Username: username, Password: password, listener: listener, conns: make(map[net.Conn]bool),
		tls: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.sessions++
			s.conns[conn] = true
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
	t.Cleanup(s.Close)
	return s
}

// Close closes the listener and all connections.
func (s *SMTPServer) Close() {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// Address returns the address of the listener.
func (s *SMTPServer) Address() string { return s.listener.Addr().String() }

// OfferTLS sets whether the server offers STARTTLS, as it does at first. Without, it
// neither offers nor requires a sign-in.
func (s *SMTPServer) OfferTLS(offer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noTLS = !offer
}

// Sessions returns the number of connections so far.
func (s *SMTPServer) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Begun returns how many commands that begin a mail were received.
func (s *SMTPServer) Begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// Mails returns each accepted mail: the lines of its envelope and its content.
func (s *SMTPServer) Mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

func (s *SMTPServer) session(conn net.Conn) {
	var (
		lines             = bufio.NewReader(conn)
		encrypted, signed bool
		mail              strings.Builder
		reply             = func(text string) { fmt.Fprint(conn, text+"\r\n") }
		credentials       = "PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+s.Username+"\x00"+s.Password))
	)
	s.mu.Lock()
	noTLS := s.noTLS
	s.mu.Unlock()
	reply("220 mail.example ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch verb = strings.ToUpper(verb); {
		case verb == "EHLO" && !noTLS && !encrypted:
			reply("250-mail.example\r\n250 STARTTLS")
		case verb == "EHLO" && encrypted && s.Username != "":
			reply("250-mail.example\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			reply("220 ready")
			secured := tls.Server(conn, s.tls)
			if secured.Handshake() != nil {
				return
			}
			conn, lines, encrypted = secured, bufio.NewReader(secured), true
		case verb == "AUTH" && encrypted && rest == credentials:
			signed = true
			reply("235 accepted")
		case verb == "AUTH":
			reply("535 5.7.8 wrong user or password")
		case verb == "MAIL", verb == "RCPT":
			s.mu.Lock()
			s.begun++
			s.mu.Unlock()
			if s.Username != "" && !noTLS && !signed {
				reply("530 sign in first")
				continue
			}
			mail.WriteString(line + "\n")
			reply("250 ok")
		case verb == "DATA":
			reply("354 go ahead")
			for line := ""; line != ".\r\n"; mail.WriteString(line) {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			s.mu.Lock()
			s.mails = append(s.mails, mail.String())
			s.mu.Unlock()
			reply("250 accepted")
		case verb == "QUIT":
			reply("221 bye")
			return
		default:
			reply("250 ok")
		}
	}
}
