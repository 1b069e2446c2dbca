package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// pollsGoOn waits until the program has polled three more times.
func (i *installation) pollsGoOn() {
	i.t.Helper()
	// A poll reads all resources, or checks the key while the event stream lives.
	polls := func() int { return i.Hue.RequestsTo("/clip/v2/resource") + i.Hue.RequestsTo("/auth/v1") }
	before := polls()
	harness.Eventually(i.t, "polls", func() bool { return polls() >= before+3 })
}

// startLogging starts a bridge that polls often and writes a debug log to a file in a directory.
func (i *installation) startLogging(dir string) (p *harness.Process, log string) {
	i.t.Helper()
	log = filepath.Join(dir, "log")
	for key, value := range map[string]string{
		"log.file": log, "log.level": "debug", "log.format": "json", "hue.interval": "1s", "hue.timeout": "1s",
	} {
		i.set(key, value)
	}
	return i.start("run"), log
}

func (i *installation) read(file string) string {
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) && !os.IsPermission(err) {
		i.t.Fatal(err)
	}
	return string(content)
}

// endLogging stops the bridge and checks that standard error has exactly these texts, one a line.
func endLogging(t *testing.T, p *harness.Process, said ...string) {
	t.Helper()
	p.StopCleanly()
	lines := strings.Split(strings.TrimSpace(p.Stderr.String()), "\n")
	if len(said) == 0 && p.Stderr.String() == "" {
		return
	}
	if len(lines) != len(said) {
		t.Fatalf("standard error has %d lines, want %d:\n%s", len(lines), len(said), &p.Stderr)
	}
	for n, text := range said {
		if !strings.Contains(lines[n], text) {
			t.Errorf("line %d lacks %q: %s", n, text, lines[n])
		}
	}
}

const (
	logFails    = "log.file can't be written"
	logIsBack   = "log.file is written again"
	logReplaced = "log.file was deleted or renamed"
)

func TestLogFile(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, startSharedBroker(t))
	p, log := i.startLogging(i.Dir)
	harness.Eventually(t, "a connection in the log", func() bool { return strings.Contains(i.read(log), "connected to the broker") })
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	i.pollsGoOn()
	harness.Eventually(t, "a new log", func() bool { return i.read(log) != "" })
	endLogging(t, p, logReplaced)
	if !strings.Contains(i.read(log), "hueair2mqtt has stopped") {
		t.Errorf("the log's end is %q", i.read(log))
	}
	if info, err := os.Stat(log); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestLogFileOnAFullDisk(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, startSharedBroker(t))
	i.makeFull()
	p, log := i.startLogging(i.full)
	p.Logs(logFails)
	i.pollsGoOn()
	// The disk is visible only to the program, but reachable through /proc.
	root := fmt.Sprintf("/proc/%d/root", p.PID())
	if err := os.Remove(filepath.Join(root, i.full, ballast)); err != nil {
		t.Fatal(err)
	}
	p.Logs(logIsBack)
	harness.Eventually(t, "the log", func() bool { return strings.Contains(i.read(root+log), "lines are missing here") })
	torn := 0
	for line := range strings.Lines(i.read(root + log)) {
		if !json.Valid([]byte(line)) && strings.HasSuffix(line, "\n") {
			torn++
		}
	}
	if torn > 1 {
		t.Errorf("%d lines are torn:\n%s", torn, i.read(root+log))
	}
	endLogging(t, p, logFails, logIsBack)
	if lost := regexp.MustCompile(`"lines_lost":\s*[1-9]`); !lost.MatchString(p.Stderr.String()) {
		t.Errorf("no count of the lines:\n%s", &p.Stderr)
	}
}

func TestLogFileWithoutPermission(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, startSharedBroker(t))
	dir := i.file("logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	i.give(dir)
	p, log := i.startLogging(dir)
	harness.Eventually(t, "a connection in the log", func() bool { return strings.Contains(i.read(log), "connected to the broker") })
	i.chmod(dir, 0)
	p.Logs(logFails)
	i.pollsGoOn()
	i.chmod(dir, 0o700)
	p.Logs(logIsBack)

	away := i.file("away")
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the second failure", func() bool { return strings.Count(p.Stderr.String(), logFails) == 2 })
	i.pollsGoOn()
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the end of it", func() bool { return strings.Count(p.Stderr.String(), logIsBack) == 2 })
	endLogging(t, p, logFails, logIsBack, logFails, logIsBack)
}

// A missing directory costs the log, not the readings.
func TestLogFileWithoutADirectory(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, startSharedBroker(t))
	p, _ := i.startLogging(i.file("nowhere"))
	i.pollsGoOn()
	endLogging(t, p, logFails, "the last lines of log.file could not be written")
}

func TestLogFileMustBeRegular(t *testing.T) {
	i := newInstallation(t, startSharedBroker(t))
	i.set("log.file", os.DevNull)
	p := i.start("run")
	if code := p.Wait(); code != exitUnusable || !strings.Contains(p.Stderr.String(), "log.file: /dev/null is not a regular file; name another file") {
		t.Errorf("exit code %d: %s", code, &p.Stderr)
	}
}

// The journal adds the time and reads the priority of a line.
func TestLogToTheJournal(t *testing.T) {
	h := newTestHome(t)
	for name, test := range map[string]struct {
		format string
		is     bool // JOURNAL_STREAM names standard error
		begins string
	}{
		"the journal":       {"auto", true, `<[4-7]>(debug|info|warn) `},
		"another stream":    {"auto", false, `\d{4}-\d\d-\d\dT\S+ (debug|info|warn) `},
		"console, chosen":   {"console", true, `\d{4}-\d\d-\d\dT\S+ (debug|info|warn) `},
		"JSON, chosen":      {"json", true, `{"level":"(debug|info|warn)","time":"\d{4}-`},
		"JSON on a console": {"json", false, `{"level":"(debug|info|warn)","time":"\d{4}-`},
	} {
		t.Run(name, func(t *testing.T) {
			journal, err := os.Create(filepath.Join(t.TempDir(), "journal"))
			if err != nil {
				t.Fatal(err)
			}
			defer journal.Close()
			info, err := journal.Stat()
			if err != nil {
				t.Fatal(err)
			}
			stat := info.Sys().(*syscall.Stat_t)
			stream := fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino)
			if !test.is {
				stream += "0"
			}
			cmd := command("run", "--config", h.Config, "--log.format", test.format, "--hue.interval=1h", "--amazon.interval=1h")
			cmd.Env = append(cmd.Env, stream)
			cmd.Stderr = journal
			p := harness.Start(t, cmd)
			said := func() string {
				text := harness.ReadFile(t, journal.Name())
				return text
			}
			harness.Eventually(t, "a connection in the log", func() bool { return strings.Contains(said(), "connected to the broker") })
			p.Stop()
			begins := regexp.MustCompile("^" + test.begins)
			for line := range strings.Lines(said()) {
				if !begins.MatchString(line) {
					t.Errorf("a line does not begin with %s: %s", test.begins, line)
				}
			}
		})
	}
}
