package check_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.RunWithMail(m)) }

func TestMail(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(e *configs.Email, mail *harness.SMTPServer)
		says, remedy string // a part of it; "" where all is well
	}{
		"all is well":           {func(*configs.Email, *harness.SMTPServer) {}, "", ""},
		"wrong password":        {func(e *configs.Email, _ *harness.SMTPServer) { e.Password = "wrong-mail-password" }, "535", "alert.email.password_file"},
		"no STARTTLS":           {func(_ *configs.Email, mail *harness.SMTPServer) { mail.OfferTLS(false) }, "STARTTLS", "port 587 or 465"},
		"another's certificate": {func(e *configs.Email, _ *harness.SMTPServer) { e.SMTP = "other.example:587" }, "certificate", "the name in the mail server's certificate"},
		"no sign-in": {func(e *configs.Email, mail *harness.SMTPServer) {
			e.SMTP = "localhost:25"
			mail.OfferTLS(false)
		}, "AUTH", "offer a sign-in"},
		"it hangs": {func(e *configs.Email, _ *harness.SMTPServer) { e.SMTP = "hangs.example:587" }, "deadline exceeded", "its host and its port"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mail, network := harness.StartMail(t)
				email := configs.Email{SMTP: harness.MailHost + ":587", Username: mail.Username, Password: configs.Secret(mail.Password)}
				test.change(&email, mail)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				found := check.Mail(ctx, &alert.Mail{
					Settings: email,
					Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
						if strings.HasPrefix(address, "hangs") {
							ours, _ := net.Pipe()
							return ours, nil
						}
						return network.DialContext(ctx, "", "")
					},
				})
				if want := test.says; want == "" && found.Status != check.Pass || want != "" && found.Status != check.Fail ||
					!strings.Contains(found.Reason, want) || !strings.Contains(found.Remedy, test.remedy) || strings.Contains(found.Reason, "mail-password") {
					t.Errorf("found %v", found)
				}
				mail.Close()
				if n := len(mail.Mails()); n != 0 {
					t.Errorf("%d mails were sent", n)
				}
			})
		})
	}
}
