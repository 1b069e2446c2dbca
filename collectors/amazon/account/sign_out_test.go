package account_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

func TestSignOut(t *testing.T) {
	for name, test := range map[string]struct {
		before     func(h *alexa.SignInHome)
		registered bool // the device could not be deregistered
	}{
		"as usual":        {func(*alexa.SignInHome) {}, false},
		"revoked already": {func(h *alexa.SignInHome) { h.Account.RevokeTokens() }, false},
		"Amazon is away":  {func(h *alexa.SignInHome) { h.Account.ScriptPath(amazontest.TokenPath, amazontest.Drop) }, true},
		"busy at the last step": {func(h *alexa.SignInHome) {
			h.Account.ScriptPath(amazontest.DeregisterPath, amazontest.Status(503, nil, ""))
		}, true},
		"a spoilt file": {func(h *alexa.SignInHome) {
			if err := os.WriteFile(h.File(), []byte("x"), 0o600); err != nil {
				h.T.Error(err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				leftover := filepath.Join(h.State, ".amazon.json.123")
				if err := os.WriteFile(leftover, []byte("secret"), 0o600); err != nil {
					t.Fatal(err)
				}
				test.before(h)
				err := h.SignOut()
				if _, remains := errors.AsType[*account.DeregisterError](err); remains != test.registered || (err != nil) != test.registered {
					t.Errorf("error %v", err)
				}
				if entries, err := os.ReadDir(h.State); err != nil || len(entries) > 0 {
					t.Errorf("left in the state directory: %v (%v)", entries, err)
				}
				if n := len(h.Account.Devices()); n > 0 && !test.registered {
					t.Errorf("%d devices are still in the account", n)
				}
				_, err = h.Collect()
				alexa.WantLogin(t, err)
				if err := h.SignOut(); !errors.Is(err, account.ErrNotSignedIn) {
					t.Errorf("signing out twice: %v", err)
				}
			})
		})
	}
}

func TestFailedDeregistrationIsNoted(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.Account.ScriptPath(amazontest.DeregisterPath, amazontest.Status(503, nil, ""))
		s := h.Begin("amazon.co.uk")
		defer s.Close()
		notes, err := s.Finish(h.T.Context(), h.Retry, h.Browse(s))
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "Your devices") {
			t.Errorf("notes %q, error %v", notes, err)
		}
		h.CleanPoll()
	})
}
