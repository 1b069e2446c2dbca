package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/collectors"
)

// Mail connects to the mail server as a notification does, encrypts, signs in and
// disconnects. It sends nothing.
func Mail(ctx context.Context, m *alert.Mail) Finding {
	const component = "mail"
	err := m.TryConnect(ctx)
	if err == nil {
		return Passed(component, "%s accepts mail; none was sent", m.Settings.SMTP)
	}
	if ctx.Err() != nil && (errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)) {
		// The end of ctx closed the connection, and that is all that the error says.
		err = fmt.Errorf("no response in time: %w", context.Cause(ctx))
	}
	return FromError(component, fmt.Errorf("%s: %w", m.Settings.SMTP, explainMail(err)), "check alert.email")
}

// explainMail adds a remedy to an error.
func explainMail(err error) error {
	with := func(remedy string, err error) error { return &collectors.RemedyError{Err: err, Remedy: remedy} }
	const signIn = "check alert.email.username and the password in alert.email.password_file; some servers require a password made for apps"
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		switch answer.Code {
		case 530, 534, 535, 538: // RFC 4954, 6
			return with(signIn, err)
		}
		return with("look up the mail server's code, or set another alert.email.smtp", err)
	}
	text := err.Error() // go-mail has no values for two of its errors
	if errors.Is(err, mail.ErrNoSupportedAuthDiscovered) || strings.Contains(text, "does not support SMTP AUTH") {
		return with("use a mail server and port that offer a sign-in, such as port 587, or remove alert.email.username", err)
	}
	if strings.Contains(text, "does not support STARTTLS") {
		return with("use a mail server and port that encrypt, such as port 587 or 465, in alert.email.smtp", err)
	}
	if remedy := collectors.CertificateRemedy(err, time.Now(), "the mail server"); remedy != "" {
		return with(remedy, err)
	}
	err = collectors.FromNetwork(err)
	switch collectors.KindOf(err) {
	case "certificate":
		return with("use the name in the mail server's certificate in alert.email.smtp, and a server whose certificate this machine trusts", err)
	case "dns":
		return with("check the host name in alert.email.smtp", err)
	case "refused":
		return with("check alert.email.smtp and that the mail server is running there", err)
	}
	return with("check alert.email.smtp: its host and its port", err)
}
