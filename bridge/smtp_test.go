package bridge_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailHost is the name in the mail server's certificate.
const mailHost = "mail.example"

var mailCertificate tls.Certificate

// TestMain makes an authority that this process trusts, and from it the mail
// server's certificate, before anything has read the system's roots.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hueair2mqtt-roots-")
	if err != nil {
		panic(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: mailHost}, DNSNames: []string{mailHost},
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	mailCertificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", roots)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// mailServer is an SMTP server that takes mail only after STARTTLS and a
// sign-in.
type mailServer struct {
	username, password string
	noTLS              bool // offers neither STARTTLS nor a sign-in

	listener *pipeListener
	serving  sync.WaitGroup

	mu       sync.Mutex
	sessions int
	mails    []string // from, to and content of each
}

func startMailServer(t *testing.T) *mailServer {
	s := &mailServer{username: "watcher", password: "s3cret-mail-password", listener: newPipeListener()}
	s.serving.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.sessions++
			s.mu.Unlock()
			s.serving.Go(func() { s.session(conn) })
		}
	})
	return s
}

func (s *mailServer) stop() {
	s.listener.Close()
	s.serving.Wait()
}

func (s *mailServer) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

func (s *mailServer) session(conn net.Conn) {
	defer func() { conn.Close() }()
	var (
		lines              = bufio.NewReader(conn)
		encrypted, signed  bool
		envelope           bytes.Buffer
		say                = func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
		authenticationGood = base64.StdEncoding.EncodeToString([]byte("\x00" + s.username + "\x00" + s.password))
	)
	say("220 %s ESMTP", mailHost)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			switch {
			case s.noTLS:
				say("250 %s", mailHost)
			case encrypted:
				say("250-%s\r\n250 AUTH PLAIN", mailHost)
			default:
				say("250-%s\r\n250 STARTTLS", mailHost)
			}
		case "STARTTLS":
			say("220 go ahead")
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{mailCertificate}})
			if secured.Handshake() != nil {
				return
			}
			conn, lines, encrypted = secured, bufio.NewReader(secured), true
		case "AUTH":
			if encrypted && rest == "PLAIN "+authenticationGood {
				signed = true
				say("235 welcome")
			} else {
				say("535 wrong user or password")
			}
		case "MAIL", "RCPT":
			if !s.noTLS && !signed {
				say("530 sign in first")
				continue
			}
			envelope.WriteString(line + "\n")
			say("250 ok")
		case "DATA":
			say("354 send it")
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				envelope.WriteString(line)
			}
			s.mu.Lock()
			s.mails = append(s.mails, envelope.String())
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
