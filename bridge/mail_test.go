package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.RunWithMail(m)) }

// inHomeWithMail runs a test in a home with one refused source and mail configured.
func inHomeWithMail(t *testing.T, test func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer)) {
	s := amazonSource()
	s.fails(refused())
	inHome(t, []*source{s}, func(t *testing.T, h *testHome) {
		mail, network := harness.StartMail(t)
		defer mail.Close()
		h.mail = &alert.Mail{
			Dial: network.DialContext,
			Settings: configs.Email{
				SMTP: harness.MailHost + ":587", From: "home@example.org", To: []string{"me@example.org", "you@example.org"},
				Username: mail.Username, Password: configs.Secret(mail.Password),
			}}
		h.options.Notifiers = []alert.Notifier{h.mail}
		test(t, s, h, mail)
		h.stop()
	})
}

func TestOneMailPerAlert(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		h.start()
		after(10 * time.Minute)
		h.stop()
		h.start() // the same alert
		after(10 * time.Minute)
		mails := mail.Mails()
		if len(mails) != 1 {
			t.Fatalf("%d mails, want 1; the log says %v", len(mails), h.logs.FilterMessageSnippet("notification").All())
		}
		for _, want := range []string{
			"MAIL FROM:<home@example.org>", "RCPT TO:<me@example.org>", "RCPT TO:<you@example.org>",
			"Subject: hueair2mqtt: amazon needs you", "401 Unauthorized", "Sign in again.",
		} {
			if !strings.Contains(mails[0], want) {
				t.Errorf("the mail lacks %q:\n%s", want, mails[0])
			}
		}
		s.reports()
		after(time.Minute)
		s.fails(refused()) // a new alert
		after(time.Minute)
		if n := len(mail.Mails()); n != 2 {
			t.Errorf("%d mails after a second alert, want 2", n)
		}
	})
}

// A source that rejects and accepts in turn begins an episode with every other poll.
func TestMailsOfManyAlertsAreLimited(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		h.start()
		for range 30 {
			after(time.Minute)
			s.reports()
			after(time.Minute)
			s.fails(refused())
		}
		if n := len(mail.Mails()); n < 5 || n > 7 {
			t.Errorf("%d mails in an hour", n)
		}
	})
}

func TestMailIsOptional(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		h.options.Notifiers = nil
		h.start()
		after(10 * time.Minute)
		if mail.Sessions() != 0 || !h.problem("amazon").Problem {
			t.Errorf("%d mail sessions without a setting; problem %v", mail.Sessions(), h.problem("amazon"))
		}
	})
}

func TestFailedMailIsRepeated(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		dial := h.mail.Dial
		h.mail.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("connection refused")
		}
		h.start()
		after(5 * time.Minute)
		if n := h.logs.FilterMessageSnippet("notification could not be sent").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		if !exists(t, filepath.Join(h.options.StateDir, "ALERT_amazon.txt")) || !h.problem("amazon").Problem {
			t.Error("the alert suffered")
		}
		h.stop()
		h.mail.Dial = dial
		h.start()
		after(time.Minute)
		if n := len(mail.Mails()); n != 1 {
			t.Errorf("%d mails once the server is back, want 1", n)
		}
	})
}

func TestHangingMailServerBlocksNothing(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		h.mail.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, _ := net.Pipe()
			return ours, nil
		}
		h.start()
		after(10 * time.Second)
		s.reports()
		after(time.Minute)
		if h.problem("amazon").Problem {
			t.Error("the alert did not clear")
		}
		s.fails(refused())
		after(time.Minute + time.Second)
		start := time.Now()
		h.stop()
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v to end", d)
		}
	})
}

func TestMailRefusals(t *testing.T) {
	for name, change := range map[string]func(h *testHome, mail *harness.SMTPServer){
		"wrong password":        func(h *testHome, _ *harness.SMTPServer) { h.mail.Settings.Password = "wrong-mail-password" },
		"no STARTTLS":           func(_ *testHome, mail *harness.SMTPServer) { mail.OfferTLS(false) },
		"another's certificate": func(h *testHome, _ *harness.SMTPServer) { h.mail.Settings.SMTP = "other.example:587" },
		"an impossible address": func(h *testHome, _ *harness.SMTPServer) { h.mail.Settings.To = []string{"nobody"} },
	} {
		t.Run(name, func(t *testing.T) {
			inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
				change(h, mail)
				h.start()
				after(2 * time.Minute)
				if n := len(mail.Mails()); n != 0 {
					t.Errorf("%d mails went out", n)
				}
				logged := h.logs.FilterMessageSnippet("notification could not be sent").All()
				if len(logged) != 1 {
					t.Fatalf("logged %d times, want once", len(logged))
				}
				for _, entry := range h.logs.All() {
					if text := entry.Message + strings.Join(values(entry.ContextMap()), " "); strings.Contains(text, "mail-password") {
						t.Errorf("a password is in the log: %s", text)
					}
				}
			})
		})
	}
}

func TestMailToThisMachineNeedsNoTLS(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		mail.OfferTLS(false)
		h.mail.Settings.SMTP, h.mail.Settings.Username = "localhost:25", ""
		h.start()
		after(time.Minute)
		if n := len(mail.Mails()); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
	})
}

func TestAcknowledgeStopsMail(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, mail *harness.SMTPServer) {
		mail.OfferTLS(false) // so that the first mail fails
		h.start()
		after(time.Minute)
		h.publish("hueair2mqtt/bridge/request/acknowledge", "amazon", false)
		after(time.Second)
		mail.OfferTLS(true)
		after(time.Hour)
		if n := len(mail.Mails()); n != 0 {
			t.Errorf("%d mails after the problem was acknowledged", n)
		}
	})
}

// TestMailServerIsReadUpToLimit answers with one line that never ends: it is
// given up after a bounded number of bytes.
func TestMailServerIsReadUpToLimit(t *testing.T) {
	inHomeWithMail(t, func(t *testing.T, s *source, h *testHome, _ *harness.SMTPServer) {
		var talking sync.WaitGroup
		sent := 0
		h.mail.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			talking.Go(func() {
				defer theirs.Close()
				_, err := io.WriteString(theirs, "220 ")
				for err == nil && sent < 64<<20 {
					var n int
					n, err = theirs.Write(bytes.Repeat([]byte("x"), 16<<10))
					sent += n
				}
			})
			return ours, nil
		}
		h.start()
		after(time.Minute)
		h.stop()
		talking.Wait()
		if sent > 2<<20 {
			t.Errorf("%d bytes were taken", sent)
		}
		logged := h.logs.FilterMessageSnippet("notification could not be sent").All()
		if len(logged) == 0 || !strings.Contains(strings.Join(values(logged[0].ContextMap()), " "), "the mail server sent more than") {
			t.Errorf("logged %v", logged)
		}
	})
}
