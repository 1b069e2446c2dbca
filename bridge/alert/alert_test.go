package alert_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/collectors"
)

const (
	fileName = "ALERT.txt"
	endpoint = "https://alexa.example"
)

// newManager returns a Manager with the source amazon, whose alert file has this content.
func newManager(t *testing.T, content string, notifiers ...alert.Notifier) (m *alert.Manager, file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, fileName)
	if err := os.WriteFile(file, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	m = alert.NewManager(alert.Options{
		Dir: dir, Notifiers: notifiers, Log: zap.NewNop(),
		Report: func(context.Context, alert.Outcome) {},
	})
	m.Add("amazon", fileName)
	return m, file
}

func refused() error {
	return &collectors.AuthenticationError{Code: "HTTP 401", Remedy: "Sign in again.", Err: errors.New("the server answered 401")}
}

// neverNotifier is a mail notifier that must not be called.
type neverNotifier struct{ t *testing.T }

func (neverNotifier) Name() string   { return "mail" }
func (neverNotifier) Target() string { return "" }
func (n neverNotifier) Send(context.Context, alert.Notification) error {
	n.t.Error("a notification was sent")
	return nil
}

func TestFileOfOlderVersionIsRecognised(t *testing.T) {
	older, err := os.ReadFile("testdata/older.txt")
	if err != nil {
		t.Fatal(err)
	}
	m, file := newManager(t, string(older), neverNotifier{t})
	m.Restore("amazon", []string{"another", endpoint})
	want := alert.Problem{
		Reason: "reading monitors: the server answered 401 Unauthorized", Code: "HTTP 401", Remedy: "Sign in again.",
		Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Acknowledged: true,
	}
	if p, ok := m.Problem("amazon"); !ok || p != want {
		t.Errorf("restored %+v, want %+v", p, want)
	}
	m.Raise(t.Context(), "amazon", endpoint, refused())
	m.Wait()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"amazon no longer accepts", "Since: 2026-03-01T12:00:00Z\n", "Mail sent: 2026-03-01T12:00:05Z\n", "Acknowledged: 2026-03-01T13:00:00Z\n",
	} {
		if !strings.Contains(string(content), line) {
			t.Errorf("the new file lacks %q:\n%s", line, content)
		}
	}
	m.Clear("amazon", "another")
	if _, ok := m.Problem("amazon"); !ok {
		t.Error("another endpoint cleared the alert")
	}
	m.Clear("amazon", endpoint)
	m.Wait()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestForeignFileNeedsEveryEndpoint(t *testing.T) {
	for name, content := range map[string]string{
		"other form": "ALERT: token refresh needed\n", "empty": "", "endpoint is gone": "Where: http://gone\n",
	} {
		t.Run(name, func(t *testing.T) {
			m, file := newManager(t, content)
			m.Restore("amazon", []string{"one", "two"})
			if _, ok := m.Problem("amazon"); !ok {
				t.Fatal("no problem")
			}
			m.Clear("amazon", "one")
			if _, ok := m.Problem("amazon"); !ok {
				t.Error("one of two endpoints cleared the alert")
			}
			m.Clear("amazon", "two")
			m.Wait()
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file is still there: %v", err)
			}
		})
	}
}

func TestFileFollowsTheNewestState(t *testing.T) {
	m, file := newManager(t, "")
	for range 100 { // faster than a disk
		m.Raise(t.Context(), "amazon", endpoint, refused())
		if err := m.Acknowledge("amazon"); err != nil {
			t.Fatal(err)
		}
		m.Clear("amazon", endpoint)
	}
	m.Wait()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a cleared alert is there: %v", err)
	}
	if err := m.Acknowledge("amazon"); !errors.Is(err, alert.ErrNoProblem) {
		t.Errorf("acknowledging nothing: %v", err)
	}
}
