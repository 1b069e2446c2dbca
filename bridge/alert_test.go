package bridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"hueair2mqtt/collectors"
)

// bothSources runs a test of alerts for each source.
func bothSources(t *testing.T, test func(t *testing.T, s *source, h *testHome, file string)) {
	for _, s := range []*source{hueSource(), amazonSource()} {
		t.Run(s.name, func(t *testing.T) {
			other := &source{name: "other", endpoint: "http://other"}
			other.reports(collectors.Device{ID: "other_1", Online: true})
			inHome(t, []*source{s, other}, func(t *testing.T, h *testHome) {
				test(t, s, h, filepath.Join(h.options.StateDir, "ALERT_"+s.name+".txt"))
			})
		})
	}
}

func exists(t *testing.T, file string) bool {
	t.Helper()
	_, err := os.Stat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

type problem struct {
	Problem              bool
	Reason, Code, Remedy string
	Since                time.Time
	Acknowledged         bool
}

func (h *testHome) problem(source string) (p problem) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.get("hueair2mqtt/"+source+"/problem")), &p); err != nil {
		h.t.Fatalf("problem of %s: %v", source, err)
	}
	return p
}

func TestRefusalRaisesAlert(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		s.fails(refused())
		h.start()
		after(time.Second)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("mode %o, want 640", info.Mode().Perm())
		}
		if !h.problem(s.name).Problem || h.problem("other").Problem {
			t.Errorf("problems: %v, %v", h.problem(s.name), h.problem("other"))
		}
		critical := h.logs.FilterLevelExact(zapcore.DPanicLevel)
		if critical.Len() != 1 {
			t.Errorf("%d critical lines, want 1", critical.Len())
		}
		after(5 * time.Minute)
		if n := h.logs.FilterLevelExact(zapcore.DPanicLevel).Len(); n != 1 {
			t.Errorf("%d critical lines after five more polls, want 1", n)
		}
		if s.polled() < 5 {
			t.Errorf("%d polls, want polling to continue", s.polled())
		}
		h.want("hueair2mqtt/other_1/availability", "online")
	})
}

func TestAlertFileContent(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		s.fails(refused())
		h.start()
		after(time.Second)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		since := h.problem(s.name).Since.UTC().Format(time.RFC3339)
		for _, want := range []string{
			"What happened: reading monitors: the server answered 401 Unauthorized\n",
			"Status or error code: HTTP 401\n",
			"Where: " + s.endpoint + "\n",
			"Since: " + since + "\n",
			"What to do: Sign in again.\n",
		} {
			if !strings.Contains(string(content), want) {
				t.Errorf("the file lacks %q:\n%s", want, content)
			}
		}
		p := h.problem(s.name)
		if p.Code != "HTTP 401" || p.Remedy != "Sign in again." || p.Reason == "" || p.Acknowledged {
			t.Errorf("problem topic: %+v", p)
		}
	})
}

func TestAlertClearsOnSuccess(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		s.fails(refused())
		h.start()
		after(time.Second)
		s.fails(unreachable())
		after(time.Minute)
		if !exists(t, file) || !h.problem(s.name).Problem {
			t.Error("a timeout cleared the alert")
		}
		s.reports()
		after(time.Minute)
		if exists(t, file) || h.problem(s.name).Problem {
			t.Error("the first success did not clear the alert")
		}
	})
}

func TestAlertSurvivesRestart(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		s.fails(refused())
		h.start()
		after(time.Second)
		since := h.problem(s.name).Since
		h.publish("hueair2mqtt/bridge/request/acknowledge", s.name, false)
		after(time.Second)
		h.stop()

		s.fails(unreachable())
		h.start()
		after(10 * time.Second)
		p := h.problem(s.name)
		if !p.Problem || !p.Acknowledged || !p.Since.Equal(since) || p.Remedy != "Sign in again." {
			t.Errorf("after the restart: %+v, want the same problem since %v", p, since)
		}
		s.reports()
		after(time.Minute)
		if exists(t, file) || h.problem(s.name).Problem {
			t.Error("the first success did not clear the restored alert")
		}
	})
}

func TestForeignAlertFileClearsOnSuccess(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		if err := os.WriteFile(file, []byte("ALERT: token refresh needed\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.reports()
		h.start()
		after(time.Second)
		if exists(t, file) || h.problem(s.name).Problem {
			t.Error("the file is still there")
		}
	})
}

func TestEndpointsOfSourceShareAlert(t *testing.T) {
	one, two := hueSource(), &source{name: "hue", endpoint: "http://192.0.2.2"}
	one.fails(refused())
	two.fails(refused())
	inHome(t, []*source{one, two}, func(t *testing.T, h *testHome) {
		file := filepath.Join(h.options.StateDir, "ALERT_hue.txt")
		h.start()
		after(time.Second)
		if p := h.problem("hue"); !strings.Contains(p.Reason, "refuses too") {
			t.Errorf("the second Hue bridge is not named: %s", p.Reason)
		}
		one.reports()
		after(time.Minute) // whichever poll comes first
		if !exists(t, file) || !h.problem("hue").Problem {
			t.Error("the alert cleared although the second Hue bridge still refuses")
		}
		content, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(content), "Where: http://192.0.2.2\n") {
			t.Errorf("the file names the wrong Hue bridge (%v):\n%s", err, content)
		}
		if p := h.problem("hue"); strings.Contains(p.Reason, "refuses too") {
			t.Errorf("a Hue bridge that accepts the program is named: %s", p.Reason)
		}
		two.reports()
		after(time.Minute)
		if exists(t, file) || h.problem("hue").Problem {
			t.Error("the alert did not clear")
		}
	})
}

func TestAcknowledgeKeepsAlert(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		s.reports()
		h.start()
		after(time.Second)
		h.publish("hueair2mqtt/bridge/request/acknowledge", s.name, false)
		after(time.Second)
		if got := h.get("hueair2mqtt/bridge/response/acknowledge"); !strings.Contains(got, "no problem") {
			t.Errorf("answered %s", got)
		}
		s.fails(refused())
		after(time.Minute)
		h.publish("hueair2mqtt/bridge/request/acknowledge", "nobody", false)
		after(time.Second)
		if h.problem(s.name).Acknowledged {
			t.Error("a request for another source acknowledged it")
		}
		h.publish("hueair2mqtt/bridge/request/acknowledge", s.name, false)
		after(time.Second)
		if p := h.problem(s.name); !p.Problem || !p.Acknowledged || !exists(t, file) {
			t.Errorf("after acknowledging: %+v", p)
		}
		s.reports()
		after(time.Minute)
		s.fails(refused())
		after(time.Minute)
		if h.problem(s.name).Acknowledged {
			t.Error("a new problem is already acknowledged")
		}
	})
}

func TestAlertWithoutWritableStateDir(t *testing.T) {
	bothSources(t, func(t *testing.T, s *source, h *testHome, file string) {
		h.options.StateDir = filepath.Join(h.options.StateDir, "missing")
		s.fails(refused())
		h.start()
		after(time.Second)
		if !h.problem(s.name).Problem {
			t.Error("the problem is not published")
		}
		if h.logs.FilterMessageSnippet("alert file cannot be written").Len() == 0 {
			t.Error("the error of writing the file is not logged")
		}
		if err := os.MkdirAll(h.options.StateDir, 0o755); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if !exists(t, filepath.Join(h.options.StateDir, filepath.Base(file))) {
			t.Error("the file was not written when that was possible")
		}
	})
}

// values returns the fields of a log entry as text.
func values(fields map[string]any) (texts []string) {
	for _, v := range fields {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}
