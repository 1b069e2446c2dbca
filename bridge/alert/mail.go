package alert

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

const (
	// implicitTLSPort is the port where SMTP begins with TLS (RFC 8314).
	implicitTLSPort = 465

	// maxMailRead is the maximum number of bytes read from a mail server for one mail,
	// certificates included. Ten thousand are usual; SMTP sets no limit of its own.
	maxMailRead = 1 << 20
)

// Mail is a Notifier that sends mail over SMTP.
type Mail struct {
	Settings configs.Email
	// Dial replaces the network; nil uses it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Name implements Notifier.
func (*Mail) Name() string { return "mail" }

// Target implements Notifier.
func (m *Mail) Target() string { return strings.Join(m.Settings.To, ", ") + " via " + m.Settings.SMTP }

// Send implements Notifier.
func (m *Mail) Send(ctx context.Context, n Notification) error {
	if err := m.send(ctx, n); err != nil {
		return &collectors.RemedyError{Err: err, Remedy: "check alert.email"}
	}
	return nil
}

func (m *Mail) send(ctx context.Context, n Notification) error {
	message := mail.NewMsg()
	if err := message.From(m.Settings.From); err != nil {
		return fmt.Errorf("alert.email.from: %w", err)
	}
	if err := message.To(m.Settings.To...); err != nil {
		return fmt.Errorf("alert.email.to: %w", err)
	}
	message.Subject(n.Title)
	message.SetDate()
	message.SetMessageID()
	message.SetBodyString(mail.TypeTextPlain, n.Text)
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	// A server that closes the connection right after it has accepted the mail causes an
	// error too. Sending again would duplicate the mail.
	if err := client.DialAndSendWithContext(ctx, message); err != nil && !message.IsDelivered() {
		return fmt.Errorf("sending a mail through %s: %w", m.Settings.SMTP, err)
	}
	return nil
}

// TryConnect connects to the mail server, encrypts, signs in and disconnects. It sends
// nothing.
func (m *Mail) TryConnect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx) // closes the connection
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	_ = client.Close() // everything is known; the server's goodbye does not matter
	return nil
}

// client returns a client whose connections end with ctx. It requires STARTTLS, or TLS
// from the start on port 465. Only a server on this machine may do without, and its
// certificate is not checked, because the connection stays on this machine.
func (m *Mail) client(ctx context.Context) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(m.Settings.SMTP)
	if err != nil {
		return nil, fmt.Errorf("alert.email.smtp: %w", err)
	}
	portNumber, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("alert.email.smtp: the port of %s is not a number", m.Settings.SMTP)
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: isLoopback(host)}
	options := []mail.Option{
		mail.WithPort(portNumber),
		mail.WithTimeout(notifyTimeout),
		mail.WithTLSConfig(config),
		mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := m.dial(dialing, network, address)
			if err != nil {
				return nil, err
			}
			// Nothing else ends the wait for a server that has stopped responding.
			context.AfterFunc(ctx, func() { conn.Close() })
			if portNumber != implicitTLSPort {
				return conn, nil
			}
			secured := tls.Client(conn, config)
			if err := secured.HandshakeContext(dialing); err != nil {
				conn.Close()
				return nil, err
			}
			return secured, nil
		}),
	}
	switch {
	case portNumber == implicitTLSPort:
		options = append(options, mail.WithSSL())
	case isLoopback(host):
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.Settings.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(m.Settings.Username), mail.WithPassword(m.Settings.Password.Reveal()))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing the mail to %s: %w", m.Settings.SMTP, err)
	}
	return client, nil
}

func (m *Mail) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := m.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &limitedConn{Conn: conn, left: maxMailRead}, nil
}

// limitedConn is a connection from which at most so many bytes can be read.
type limitedConn struct {
	net.Conn
	left int
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, fmt.Errorf("the mail server sent more than %d bytes", maxMailRead)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
