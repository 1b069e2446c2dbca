package bridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
	"go.uber.org/zap"

	"hueair2mqtt/configs"
)

// mailTimeout bounds one mail, from dialing to the server's last word.
const mailTimeout = 30 * time.Second

// implicitTLSPort is the one where SMTP begins with TLS (RFC 8314).
const implicitTLSPort = 465

// mailed is the outcome of a mail about an episode that began at since.
type mailed struct {
	source string
	since  time.Time
	err    error
}

// mailAlert sends the one mail of an episode, if mail is configured and the user
// does not know already.
func (w *owner) mailAlert(ctx context.Context, a *alert) {
	now := time.Now()
	if !w.options.Email.Enabled() || a.mailing || !a.mailed.IsZero() || !a.acknowledged.IsZero() || now.Before(a.nextMail) {
		return
	}
	a.mailing, a.nextMail = true, now.Add(mailAgainAfter)
	outcome := mailed{source: a.source, since: a.since}
	subject, text := fmt.Sprintf("hueair2mqtt: %s needs you", a.source), a.text()
	w.mails.Go(func() {
		sending, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		outcome.err = sendMail(sending, w.options.Email, w.options.dialMail(), subject, text)
		if outcome.err != nil && sending.Err() != nil {
			// The connection was closed for it, and that is all that the error tells.
			outcome.err = fmt.Errorf("%w: %w", sending.Err(), outcome.err)
		}
		select {
		case w.events <- outcome:
		case <-ctx.Done():
		}
	})
}

func (o Options) dialMail() mail.DialContextFunc {
	if o.DialMail != nil {
		return o.DialMail
	}
	return (&net.Dialer{}).DialContext
}

func (w *owner) handleMailed(m mailed) {
	a := w.alerts[m.source]
	log := w.log.With(zap.String("collector", m.source), zap.String("smtp", w.options.Email.SMTP))
	if m.err != nil {
		log.Error("the mail about the alert could not be sent: check alert.email; it is tried again while the alert lasts", zap.Error(m.err))
	} else {
		log.Info("mail about the alert sent", zap.Strings("to", w.options.Email.To))
	}
	if !a.raised() || !a.since.Equal(m.since) {
		return // that episode is over
	}
	a.mailing = false
	if m.err != nil {
		a.nextMail = time.Now().Add(mailAgainAfter)
		return
	}
	a.mailed = time.Now()
	w.writeAlert(a)
}

// sendMail delivers one mail over SMTP.
func sendMail(ctx context.Context, e configs.Email, dial mail.DialContextFunc, subject, text string) error {
	message := mail.NewMsg()
	if err := message.From(e.From); err != nil {
		return fmt.Errorf("alert.email.from: %w", err)
	}
	if err := message.To(e.To...); err != nil {
		return fmt.Errorf("alert.email.to: %w", err)
	}
	message.Subject(subject)
	message.SetDate()
	message.SetMessageID()
	message.SetBodyString(mail.TypeTextPlain, text)
	client, err := newMailClient(ctx, e, dial)
	if err != nil {
		return err
	}
	// A server that has taken the mail and then parts without ceremony makes an
	// error too; sending the mail again because of that would make two of it.
	if err := client.DialAndSendWithContext(ctx, message); err != nil && !message.IsDelivered() {
		return fmt.Errorf("sending a mail through %s: %w", e.SMTP, err)
	}
	return nil
}

// newMailClient makes a client whose connections end with ctx. STARTTLS is
// required, or TLS from the start on port 465. Only a server on this very machine
// may do without, and its certificate is not checked: nobody is in between.
func newMailClient(ctx context.Context, e configs.Email, dial mail.DialContextFunc) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(e.SMTP)
	if err != nil {
		return nil, fmt.Errorf("alert.email.smtp: %w", err)
	}
	portNumber, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("alert.email.smtp: the port of %s is no number", e.SMTP)
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: isLoopback(host)}
	options := []mail.Option{
		mail.WithPort(portNumber),
		mail.WithTimeout(mailTimeout),
		mail.WithTLSConfig(config),
		mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := openMailConnection(dialing, dial, network, address, portNumber == implicitTLSPort, config)
			if err == nil {
				// Nothing else ends the wait for a server that has stopped answering.
				context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
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
	if e.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(e.Username), mail.WithPassword(e.Password.Reveal()))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing the mail to %s: %w", e.SMTP, err)
	}
	return client, nil
}

// maxMailTalk bounds, in bytes, what a mail server says about one mail, its
// certificates included: some ten thousand are usual. A line of an answer has no
// bound of its own.
const maxMailTalk = 1 << 20

// sparing is a connection that takes no more than so many bytes.
type sparing struct {
	net.Conn
	left int
}

func (c *sparing) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, fmt.Errorf("the answers are longer than %d bytes, and no mail server has that much to say", maxMailTalk)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// openMailConnection dials, with TLS from the start on the port that is for it.
func openMailConnection(ctx context.Context, dial mail.DialContextFunc, network, address string, implicitTLS bool, config *tls.Config) (net.Conn, error) {
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn = &sparing{Conn: conn, left: maxMailTalk}
	if !implicitTLS {
		return conn, nil
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
