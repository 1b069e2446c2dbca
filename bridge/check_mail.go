package bridge

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

	"hueair2mqtt/collectors"
)

// CheckMail connects to the mail server as a mail does, encrypts, signs in, and
// parts. Nothing is sent.
func CheckMail(ctx context.Context, o Options) error {
	// What ends the connections of the client is the end of this check.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := newMailClient(ctx, o.Email, o.dialMail())
	if err != nil {
		return &collectors.RemedyError{Err: err, Remedy: "check alert.email.smtp"}
	}
	if err := client.DialWithContext(ctx); err != nil {
		if ctx.Err() != nil && (errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)) {
			// The end of ctx closed the connection, and that is all that the error tells.
			err = fmt.Errorf("no answer in time: %w", context.Cause(ctx))
		}
		return explainMail(err)
	}
	// All that was to be found out is known; how the server says goodbye is its own.
	_ = client.Close()
	return nil
}

// explainMail adds to a failure what the user can do about it.
func explainMail(err error) error {
	with := func(remedy string, err error) error { return &collectors.RemedyError{Err: err, Remedy: remedy} }
	const signIn = "check alert.email.username and the password in alert.email.password_file; some servers want a password made for programs"
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		switch answer.Code {
		case 530, 534, 535, 538: // RFC 4954, 6
			return with(signIn, err)
		}
		return with("see what the mail server means by that, or set another alert.email.smtp", err)
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
