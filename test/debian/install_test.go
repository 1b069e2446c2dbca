//go:build debian

// Package debian_test installs the packages on Debian 12 and 13, each started with systemd and
// Mosquitto in namespaces of its own. "make test-deb" and "make test-release" run it.
package debian_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// The steps on each release, in the order of an installation's life. Each continues with the
// machine of the previous one.
var life = []struct {
	what  string
	check func(m *installation)
}{
	{"lintian finds nothing unexplained", lintian},
	{"install sets owners, explains and does not start", install},
	{"manual pages and completions work", manuals},
	{"start without sources is skipped, not failed", startUnconfigured},
	{"unusable settings stop it until they are fixed", unusableSettings},
	{"configured, it publishes with root-only secrets", configure},
	{"systemd rates its exposure at most 1.2", exposure},
	{"multicast discovery works in the sandbox", discover},
	{"log.file's directory is writable in the sandbox", logDirectory},
	{"the watchdog restarts it and logs its stacks", watchdog},
	{"stop publishes offline", stop},
	{"upgrade restarts it and keeps the configuration", upgrade},
	{"remove keeps configuration, credentials and state", remove},
	{"reinstall runs as before", reinstall},
	{"purge leaves nothing here or on the broker", purge},
	{"purge with a silent broker leaves nothing here", purgeWithoutBroker},
	{"purge runs unprivileged in the sandbox", purgeUnprivileged},
	{"purge empties a mount point, follows no links", purgeMountPoint},
	{"purge keeps the user of a custom state_dir", purgeOwnStateDir},
	{"purge keeps a user that owns other files", purgeForeignFiles},
}

// installation is a machine during its life.
type installation struct {
	*machine
	cookies string
	before  []string // all files before the first installation
}

func TestInstallation(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := &installation{machine: boot(t, release, "systemd")}
			m.cookies = m.startHome()
			m.startBroker()
			m.copy(previous.deb(t, "amd64"), "/root/previous.deb")
			m.copy(current.deb(t, "amd64"), "/root/current.deb")
			for _, step := range life {
				if !t.Run(step.what, func(t *testing.T) { m.t = t; step.check(m) }) {
					m.t = t
					t.Fatalf("the rest of its life is not tried; the machine's journal:\n%s", m.run("journalctl", "--no-pager", "--lines=60"))
				}
			}
		})
	}
}

// build is a directory with the packages of one build.
type build string

// The builds of test.sh: the one under test, an older version with another default configuration,
// and the first one built in another directory.
var (
	current   = build(os.Getenv("HUEAIR2MQTT_TEST_CURRENT"))
	previous  = build(os.Getenv("HUEAIR2MQTT_TEST_PREVIOUS"))
	elsewhere = build(os.Getenv("HUEAIR2MQTT_TEST_ELSEWHERE"))
)

// deb returns the file of the build's package.
func (b build) deb(t *testing.T, arch string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(string(b), "hueair2mqtt_*_"+arch+".deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q has the packages %v (%v), want one: run make test-deb", string(b), found, err)
	}
	return found[0]
}

// version returns the version of the build.
func (b build) version(t *testing.T) string {
	t.Helper()
	return strings.Split(filepath.Base(b.deb(t, "amd64")), "_")[1]
}

const (
	config   = "/etc/hueair2mqtt/hueair2mqtt.yaml"
	secrets  = "/etc/hueair2mqtt/credentials"
	password = secrets + "/mqtt-password"
	cookies  = secrets + "/amazon-cookies"
	unit     = "/usr/lib/systemd/system/hueair2mqtt.service"
)

func lintian(m *installation) {
	printed, code := m.try("lintian", "--allow-root", "--fail-on", "error,warning", "/root/current.deb")
	if code != 0 || strings.Contains(printed, "unused-override") {
		m.t.Errorf("exit code %d\n%s", code, printed)
	}
}

func install(m *installation) {
	m.before = m.files()
	printed := m.run("dpkg", "--install", "/root/previous.deb")
	m.wantProperty("ActiveState", "inactive")
	if got := m.property("UnitFileState"); got != "enabled" {
		m.t.Errorf("the service is %s at the next start", got)
	}
	if n := strings.Count(printed, "hueair2mqtt is not set up yet: edit "+config); n != 1 {
		m.t.Errorf("it says %d times what to do next:\n%s", n, printed)
	}
	for file, want := range map[string]string{
		"/etc/hueair2mqtt":     "root:root 755",
		config:                 "root:hueair2mqtt 640",
		secrets:                "root:root 700",
		"/usr/bin/hueair2mqtt": "root:root 755",
		unit:                   "root:root 644",
		"/var/lib/hueair2mqtt": "hueair2mqtt:hueair2mqtt 750",
	} {
		m.wantFile(file, want)
	}
	passwd := strings.Split(strings.TrimSpace(m.run("getent", "passwd", "hueair2mqtt")), ":")
	if id, err := strconv.Atoi(passwd[2]); err != nil || id >= 1000 || passwd[5] != "/var/lib/hueair2mqtt" || !strings.HasSuffix(passwd[6], "/nologin") {
		m.t.Errorf("the user is %v", passwd)
	}
	if got := m.run("dpkg", "--verify", "hueair2mqtt"); got != "" {
		m.t.Errorf("dpkg --verify: %s", got)
	}
	if got, want := m.run("hueair2mqtt", "version"), "hueair2mqtt "+previous.version(m.t)+" "; !strings.HasPrefix(got, want) {
		m.t.Errorf("its version is %q, want %q", got, want)
	}
}

func manuals(m *installation) {
	for _, page := range []string{"hueair2mqtt", "hueair2mqtt-run", "hueair2mqtt-amazon-login", "hueair2mqtt.yaml"} {
		printed := m.run("man", "--warnings", "--pager=cat", page)
		if !strings.Contains(printed, "NAME") || strings.Contains(printed, "warning:") {
			m.t.Errorf("the page %s is\n%s", page, printed)
		}
	}
	// The page shows the file literally, without typographic signs.
	if !strings.Contains(m.run("man", "--pager=cat", "hueair2mqtt.yaml"), "  #password_file: /") {
		m.t.Error("the configuration's page does not show the configuration")
	}
	printed := m.run("bash", "-c", `
		_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
		. /usr/share/bash-completion/completions/hueair2mqtt
		COMP_WORDS=(hueair2mqtt amazon logi) COMP_CWORD=2 COMP_LINE="hueair2mqtt amazon logi" COMP_POINT=23
		__start_hueair2mqtt
		echo "completed: ${COMPREPLY[*]}"`)
	if !strings.Contains(printed, "completed: login") {
		m.t.Errorf("bash: %s", printed)
	}
	for _, file := range []string{"/usr/share/zsh/vendor-completions/_hueair2mqtt", "/usr/share/fish/vendor_completions.d/hueair2mqtt.fish"} {
		if !strings.Contains(m.read(file), "__complete") {
			m.t.Errorf("%s does not ask the program", file)
		}
	}
}

func startUnconfigured(m *installation) {
	m.run("systemctl", "start", "hueair2mqtt")
	m.wantProperty("ActiveState", "inactive")
	if !strings.Contains(m.journal(), "set hue.enabled or amazon.enabled to true") {
		m.t.Errorf("the journal does not name the reason:\n%s", m.journal())
	}
}

func unusableSettings(m *installation) {
	m.edit("hue: {enabled: true, interval: never}\n")
	m.try("systemctl", "restart", "hueair2mqtt")
	m.wantProperty("ActiveState", "failed")
	for name, want := range map[string]string{"ExecMainStatus": "2", "NRestarts": "0"} {
		if got := m.property(name); got != want {
			m.t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if !strings.Contains(m.journal(), "hue.interval") {
		m.t.Errorf("the journal does not name the key:\n%s", m.journal())
	}
}

func configure(m *installation) {
	m.edit(configured)
	m.put(password, brokerPassword+"\n", 0o600)
	m.put(cookies, m.cookies, 0o600)
	m.run("systemctl", "restart", "hueair2mqtt") // returns when it is READY
	m.wantRunning()
	m.wantRetained("hueair2mqtt/"+harness.HallID, `"temperature":21.34`)
	m.wantRetained("hueair2mqtt/"+harness.MonitorID, `"temperature":21.5`)
	m.wantRetained("hueair2mqtt/bridge/info", `"version":"`+previous.version(m.t)+`"`)
	m.eventually("the status describes its work", func() bool {
		return m.property("StatusText") == "connected to the broker; amazon: 1 devices; hue: 1 devices"
	})
	m.wantFile("/var/lib/hueair2mqtt", "hueair2mqtt:hueair2mqtt 750")
	m.wantFile("/var/log/hueair2mqtt", "hueair2mqtt:hueair2mqtt 750")

	// The service has its own copies; other processes of the user see nothing.
	if printed, code := m.try("setpriv", "--reuid=hueair2mqtt", "--regid=hueair2mqtt", "--clear-groups", "cat", password); code == 0 {
		m.t.Errorf("the user hueair2mqtt reads %s: %s", password, printed)
	}
	// root sees what the service sees.
	if printed, code := m.try("hueair2mqtt", "check"); code != 0 {
		m.t.Errorf("check: exit code %d\n%s", code, printed)
	}
	if strings.Contains(m.journal(), brokerPassword) {
		m.t.Error("the password is in the journal")
	}
}

func exposure(m *installation) {
	printed := m.run("systemd-analyze", "security", "--no-pager", "--offline=true", unit)
	found := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(printed)
	if found == nil {
		m.t.Fatalf("no exposure in\n%s", printed)
	}
	level, err := strconv.ParseFloat(found[1], 64)
	if err != nil || level > 1.2 {
		m.t.Errorf("the exposure is %s (%v)\n%s", found[1], err, printed)
	}
	m.t.Logf("%s: exposure %s", m.release, found[1])
	if printed := m.run("systemd-analyze", "verify", "--man=no", "hueair2mqtt.service"); strings.Contains(printed, "hueair2mqtt") {
		m.t.Errorf("systemd-analyze verify: %s", printed)
	}
	if printed := m.run("journalctl", "--no-pager", "--output=cat", "_PID=1"); strings.Contains(printed, unit+":") || strings.Contains(printed, "restart-backoff.conf:") {
		m.t.Errorf("systemd does not like the unit:\n%s", printed)
	}
	for name, want := range map[string]string{"MemoryMax": "536870912", "TasksMax": "128"} {
		if got := m.property(name); got != want {
			m.t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	// Only systemd 254 and newer increase the pause.
	want := map[string]string{"bookworm": "15s", "trixie": "5s"}[m.release]
	if got := m.property("RestartUSec"); got != want {
		m.t.Errorf("the first pause before a restart is %s, want %s", got, want)
	}
	if m.release != "bookworm" {
		if got := m.property("RestartMaxDelayUSec"); got != "5min" {
			m.t.Errorf("the longest pause before a restart is %s", got)
		}
	}
}

func discover(m *installation) {
	// The unit itself, except for its program.
	other := regexp.MustCompile(`(?m)^(Type|ExecStart|ExecCondition|WatchdogSec)=.*\n`).ReplaceAllString(m.read(unit), "")
	other = strings.Replace(other, "[Service]\n", "[Service]\nType=oneshot\nRestart=no\nExecStart=/usr/bin/hueair2mqtt hue discover\n", 1)
	other = strings.Replace(other, "Restart=on-failure\n", "", 1)
	m.put("/run/systemd/system/discover.service", other, 0o644)
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "start", "discover")
	if printed := m.run("journalctl", "--no-pager", "--output=cat", "--unit=discover"); !strings.Contains(printed, foundBridge) {
		m.t.Errorf("it found\n%s", printed)
	}
	m.run("rm", "/run/systemd/system/discover.service")
	m.run("systemctl", "daemon-reload")
}

func logDirectory(m *installation) {
	inside := []string{"--target", m.property("MainPID"), "--mount", "--", "setpriv", "--reuid=hueair2mqtt", "--regid=hueair2mqtt", "--clear-groups", "touch"}
	m.run("nsenter", append(inside, "/var/log/hueair2mqtt/try", "/var/lib/hueair2mqtt/try")...)
	if printed, code := m.try("nsenter", append(inside, "/etc/hueair2mqtt/try")...); code == 0 || !strings.Contains(printed, "Read-only file system") {
		m.t.Errorf("writing elsewhere: exit code %d, %s", code, printed)
	}
	m.run("rm", "/var/log/hueair2mqtt/try", "/var/lib/hueair2mqtt/try")
}

func watchdog(m *installation) {
	const quick = "/run/systemd/system/hueair2mqtt.service.d/quick.conf"
	m.put(quick, "[Service]\nWatchdogSec=1s\nRestartSec=1s\n", 0o644)
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "restart", "hueair2mqtt")
	m.wantRetained("hueair2mqtt/bridge/state", "online")
	pid := m.property("MainPID")
	time.Sleep(3 * time.Second) // three times as long as the watchdog waits, in real time: systemd has no other
	if got := m.property("MainPID"); got != pid {
		m.t.Errorf("the watchdog ended a healthy service:\n%s", m.journal())
	}
	m.run("bash", "-c", "kill -STOP "+pid)
	m.eventually("it is started again", func() bool { return m.property("NRestarts") != "0" })
	m.wantRunning()
	m.wantRetained("hueair2mqtt/bridge/state", "online")
	journal := m.journal()
	for _, want := range []string{"Watchdog timeout", "SIGABRT: abort", "bridge.(*owner).run", "Failed with result 'watchdog'"} {
		if !strings.Contains(journal, want) {
			m.t.Errorf("%q is not in the journal:\n%s", want, journal)
		}
	}
	m.run("rm", "-r", filepath.Dir(quick))
	m.run("systemctl", "daemon-reload")
}

func stop(m *installation) {
	m.run("systemctl", "stop", "hueair2mqtt")
	m.wantProperty("ActiveState", "inactive")
	if got := m.property("Result"); got != "success" {
		m.t.Errorf("its end was %s", got)
	}
	m.wantRetained("hueair2mqtt/bridge/state", "offline")
	m.run("systemctl", "start", "hueair2mqtt")
	m.wantRetained("hueair2mqtt/bridge/state", "online")
}

func upgrade(m *installation) {
	m.put("/var/lib/hueair2mqtt/hue.json", "{}", 0o600)
	m.run("chown", "hueair2mqtt:", "/var/lib/hueair2mqtt/hue.json")
	edited := configured + "# edited\n"
	m.edit(edited)
	pid := m.property("MainPID")
	printed := m.run("dpkg", "--force-confold", "--install", "/root/current.deb")
	m.wantRunning()
	m.wantRetained("hueair2mqtt/bridge/info", `"version":"`+current.version(m.t)+`"`)
	m.wantRetained("hueair2mqtt/bridge/state", "online")
	if m.property("MainPID") == pid {
		m.t.Error("it was not restarted")
	}
	if m.read(config) != edited || strings.TrimSpace(m.read(password)) != brokerPassword || m.read("/var/lib/hueair2mqtt/hue.json") != "{}" {
		m.t.Error("configuration, credentials or state have changed")
	}
	m.wantFile(config, "root:hueair2mqtt 640")
	m.wantFile(password, "root:root 600")
	if !m.exists(config + ".dpkg-dist") {
		m.t.Errorf("the new default configuration is not there to compare:\n%s", printed)
	}
	if strings.Contains(printed, "hueair2mqtt check") {
		m.t.Errorf("an upgrade repeats the instructions of the installation:\n%s", printed)
	}
}

func remove(m *installation) {
	m.run("dpkg", "--remove", "hueair2mqtt")
	m.wantRetained("hueair2mqtt/bridge/state", "offline")
	m.wantNoProcess()
	for _, file := range []string{config, password, cookies, "/var/lib/hueair2mqtt/hue.json"} {
		if !m.exists(file) {
			m.t.Errorf("%s is gone", file)
		}
	}
	for _, file := range []string{"/usr/bin/hueair2mqtt", unit, unit + ".d", "/usr/share/hueair2mqtt", "/usr/share/doc/hueair2mqtt"} {
		if m.exists(file) {
			m.t.Errorf("%s is still there", file)
		}
	}
	// Only a purge needs it: it holds the configuration.
	m.wantFile("/var/lib/hueair2mqtt-purge", "root:root 700")
}

func reinstall(m *installation) {
	printed := m.run("dpkg", "--install", "/root/current.deb")
	m.wantRunning()
	m.wantRetained("hueair2mqtt/bridge/state", "online")
	m.wantRetained("hueair2mqtt/"+harness.HallID+"/availability", "online")
	if m.exists("/var/lib/hueair2mqtt-purge") {
		m.t.Error("what a purge needs is still there")
	}
	if got := m.property("UnitFileState"); got != "enabled" {
		m.t.Errorf("the service is %s at the next start\n%s", got, printed)
	}
}

func purge(m *installation) {
	m.run("mosquitto_pub", "-u", "watcher", "-P", "watching", "-t", "hueair2mqtt/somebody_else", "-m", "mine", "-r")
	if topics := m.retained(); len(topics) < 10 {
		m.t.Errorf("before, the broker retains only %v", topics)
	}
	m.run("dpkg", "--purge", "hueair2mqtt")
	m.wantNoProcess()
	m.wantNothingLeft()
	if topics := m.retained(); len(topics) != 1 || topics["hueair2mqtt/somebody_else"] != "mine" {
		m.t.Errorf("the broker retains %v", topics)
	}
}

func purgeWithoutBroker(m *installation) {
	m.run("dpkg", "--install", "/root/current.deb")
	m.edit(strings.Replace(configured, "127.0.0.1:1883", silentAddress, 1))
	m.put(password, brokerPassword, 0o600)
	m.run("systemctl", "restart", "hueair2mqtt")
	m.wantRunning()
	m.run("dpkg", "--remove", "hueair2mqtt")
	began := time.Now()
	printed := m.run("dpkg", "--purge", "hueair2mqtt")
	if took := time.Since(began); took > 8*time.Second { // five for the broker; dpkg's own work takes a moment
		m.t.Errorf("the purge took %v", took)
	}
	if !strings.Contains(printed, "could not be removed") {
		m.t.Errorf("it does not say that the broker keeps its messages:\n%s", printed)
	}
	m.wantNothingLeft()
}

// spy replaces the program that a purge runs and reports what it is allowed to do.
const spy = `#!/bin/sh
{
	echo "spy: $(id -un):$(id -gn) groups $(id -G)"
	grep -E '^(CapEff|NoNewPrivs)' /proc/self/status
	ls "$CREDENTIALS_DIRECTORY"
	cat "$CREDENTIALS_DIRECTORY/hueair2mqtt_mqtt-password"
	touch /etc/spy /var/lib/hueair2mqtt/spy /var/lib/hueair2mqtt-purge/spy
	cat /etc/hueair2mqtt/credentials/amazon-cookies
} >&2
exit 1
`

// wantHarmless checks what the spy reported.
func (m *installation) wantHarmless(reported string) {
	m.t.Helper()
	for _, want := range []string{"spy: hueair2mqtt:hueair2mqtt groups", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "hueair2mqtt_mqtt-password", brokerPassword} {
		if !strings.Contains(reported, want) {
			m.t.Errorf("%q is not in\n%s", want, reported)
		}
	}
	if n := strings.Count(reported, "touch: cannot touch"); n < 2 || strings.Contains(reported, "hueair2mqtt_amazon") || strings.Contains(reported, "the cookies") {
		m.t.Errorf("it may do more than it needs:\n%s", reported)
	}
	if m.exists("/etc/spy") {
		m.t.Error("it wrote to /etc")
	}
}

func purgeUnprivileged(m *installation) {
	m.run("dpkg", "--install", "/root/current.deb")
	m.edit(configured)
	m.put(password, brokerPassword, 0o600)
	m.put(cookies, "the cookies", 0o600)
	m.run("dpkg", "--remove", "hueair2mqtt")
	m.put("/var/lib/hueair2mqtt-purge/hueair2mqtt", spy, 0o755)
	m.run("dpkg", "--purge", "hueair2mqtt")
	m.wantHarmless(m.run("journalctl", "--no-pager", "--output=cat", "--unit=hueair2mqtt-purge"))
	m.wantNothingLeft()
	m.eventually("the purge's unit is gone", func() bool {
		printed, _ := m.try("systemctl", "status", "hueair2mqtt-purge")
		return strings.Contains(printed, "could not be found")
	})
}

func purgeMountPoint(m *installation) {
	m.run("mkdir", "/var/lib/hueair2mqtt")
	m.run("mount", "-t", "tmpfs", "tmpfs", "/var/lib/hueair2mqtt")
	m.run("dpkg", "--install", "/root/current.deb")
	m.put("/srv/precious/file", "mine", 0o644)
	m.run("sh", "-c", `cd /var/lib/hueair2mqtt && mkdir -p deep/er history && echo {} >amazon.json &&
		ln -s /srv/precious link && ln -s /srv/precious/file deep/er/link && ln -s /etc etc && ln -s .. up && ln -s loop loop &&
		ln -s /srv/precious -- '-rf' && chown -hR hueair2mqtt: .`)
	printed := m.run("dpkg", "--purge", "hueair2mqtt")
	if m.read("/srv/precious/file") != "mine" || !m.exists("/etc/passwd") {
		m.t.Error("a link was followed")
	}
	m.wantFile("/srv/precious/file", "root:root 644")
	m.wantFile("/var/lib/hueair2mqtt", "root:root 755")
	if left := m.run("find", "/var/lib/hueair2mqtt", "-mindepth", "1"); left != "" || !strings.Contains(printed, "it may be a mount point") {
		m.t.Errorf("left are\n%s\nand it says\n%s", left, printed)
	}
	if _, code := m.try("getent", "passwd", "hueair2mqtt"); code == 0 {
		m.t.Errorf("the user is still there:\n%s", printed)
	}
	m.run("umount", "/var/lib/hueair2mqtt")
	m.run("rm", "-r", "/var/lib/hueair2mqtt", "/srv/precious")
	m.wantNothingLeft()
}

const dropIn = "/etc/systemd/system/hueair2mqtt.service.d"

// wantUserStays checks that a purge keeps the user, who is then removed by hand.
func (m *installation) wantUserStays(says string) {
	m.t.Helper()
	printed := m.run("dpkg", "--purge", "hueair2mqtt")
	if _, code := m.try("getent", "passwd", "hueair2mqtt"); code != 0 {
		m.t.Errorf("the user is gone, and the next one owns its files:\n%s", printed)
	}
	if !strings.Contains(printed, "the user hueair2mqtt was kept") || !strings.Contains(printed, says) {
		m.t.Errorf("it does not say %q:\n%s", says, printed)
	}
	m.run("rm", "-rf", "/srv/air", dropIn)
	m.run("userdel", "hueair2mqtt")
	m.wantNothingLeft()
}

func purgeOwnStateDir(m *installation) {
	for _, how := range []string{"configuration", "unit", "link"} {
		m.run("dpkg", "--install", "/root/current.deb")
		m.run("install", "-d", "-o", "hueair2mqtt", "-g", "hueair2mqtt", "/srv/air")
		m.put("/srv/air/amazon.json", "{}", 0o600)
		// It may be on a disk that is not mounted now.
		m.run("mv", "/srv/air", "/root/away")
		switch how {
		case "configuration":
			m.edit(configured + "state_dir: /srv/air\n")
		case "unit":
			m.put(dropIn+"/own.conf", "[Service]\nReadWritePaths=/srv/air\nEnvironment=HUEAIR2MQTT_STATE_DIR=/srv/air\n", 0o644)
		case "link":
			m.run("rm", "-r", "/var/lib/hueair2mqtt")
			m.run("ln", "-s", "/srv/air", "/var/lib/hueair2mqtt")
		}
		m.wantUserStays(map[string]string{"configuration": "/srv/air", "unit": "/etc/systemd", "link": "link /var/lib/hueair2mqtt"}[how])
		if !m.exists("/root/away/amazon.json") {
			m.t.Errorf("%s: amazon.json is gone", how)
		}
		m.run("rm", "-rf", "/root/away")
	}
}

func purgeForeignFiles(m *installation) {
	m.run("dpkg", "--install", "/root/current.deb")
	m.run("install", "-d", "-o", "hueair2mqtt", "-g", "hueair2mqtt", "-m", "0700", "/srv/air")
	m.wantUserStays("/srv/air")
}

func TestWithoutSystemdRunning(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := &installation{machine: boot(t, release, "nothing")}
			m.copy(current.deb(t, "amd64"), "/root/current.deb")
			m.before = m.files()
			m.run("dpkg", "--install", "/root/current.deb")
			m.wantFile(config, "root:hueair2mqtt 640")
			m.wantFile("/var/lib/hueair2mqtt", "hueair2mqtt:hueair2mqtt 750")
			if !m.exists("/etc/systemd/system/multi-user.target.wants/hueair2mqtt.service") {
				t.Error("it is not enabled for the next start")
			}
			m.edit(configured)
			m.put(password, brokerPassword, 0o600)
			m.put(cookies, "the cookies", 0o600)
			m.run("dpkg", "--remove", "hueair2mqtt")
			m.put("/var/lib/hueair2mqtt-purge/hueair2mqtt", spy, 0o755)
			m.wantHarmless(m.run("dpkg", "--purge", "hueair2mqtt"))
			m.wantNothingLeft()
		})
	}
}

func TestPackagesAreReproducible(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "armhf"} {
		here, there := current.deb(t, arch), elsewhere.deb(t, arch)
		if filepath.Base(here) != filepath.Base(there) {
			t.Errorf("%s and %s are no builds of the same", here, there)
		}
		var contents [2][]byte
		for i, file := range []string{here, there} {
			var err error
			if contents[i], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(contents[0], contents[1]) {
			t.Errorf("%s differs: compare the two with diffoscope", arch)
		}
		if got, err := exec.Command("dpkg-deb", "--field", here, "Architecture").Output(); err != nil || strings.TrimSpace(string(got)) != arch {
			t.Errorf("its architecture is %s (%v), want %s", got, err, arch)
		}
	}
}

func TestVersionsGrow(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=@%d +0000", commitTime))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	script, err := os.ReadFile("../../packaging/version.sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "packaging"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "packaging", "version.sh"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "-q")
	git("add", ".")
	var versions []string
	for _, tag := range []string{"", "", "v1.0-rc1", "", "v1.0", "", "v1.0.1", "2.0"} {
		commitTime += 7
		git("commit", "-q", "--allow-empty", "-m", "x")
		if tag != "" {
			git("tag", tag)
		}
		out, err := exec.Command(filepath.Join(dir, "packaging", "version.sh")).Output()
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, strings.TrimSpace(string(out)))
	}
	for i := range versions[1:] {
		if err := exec.Command("dpkg", "--compare-versions", versions[i], "lt", versions[i+1]).Run(); err != nil {
			t.Errorf("%s is not below %s", versions[i], versions[i+1])
		}
	}
	if versions[4] != "1.0" {
		t.Errorf("the version of v1.0 is %s", versions[4])
	}
}

var commitTime = 1_700_000_000

// startBroker adds accounts for the service and the test to the machine's Mosquitto.
func (m *installation) startBroker() {
	m.t.Helper()
	m.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwd", "hueair2mqtt", brokerPassword)
	m.run("mosquitto_passwd", "-b", "/etc/mosquitto/passwd", "watcher", "watching")
	m.run("chown", "mosquitto:", "/etc/mosquitto/passwd")
	m.put("/etc/mosquitto/conf.d/home.conf", "listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /etc/mosquitto/passwd\n", 0o644)
	m.run("systemctl", "restart", "mosquitto")
}

// retained returns the retained messages, except the broker's own.
func (m *installation) retained() map[string]string {
	m.t.Helper()
	// -W ends it with exit code 27; until then the broker has sent everything.
	printed, _ := m.command("mosquitto_sub", "-u", "watcher", "-P", "watching", "-t", "#", "-F", "%t %p", "--retained-only", "-W", "1").Output()
	topics := make(map[string]string)
	for line := range strings.Lines(string(printed)) {
		if topic, payload, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			topics[topic] = payload
		}
	}
	return topics
}

func (m *installation) wantRetained(topic, part string) {
	m.t.Helper()
	var got string
	m.eventually(fmt.Sprintf("%s has %s (journal:\n%s)", topic, part, m.journal()), func() bool {
		got, _ = m.try("mosquitto_sub", "-u", "watcher", "-P", "watching", "-t", topic, "-C", "1", "-W", "1")
		return strings.Contains(got, part)
	})
}

// edit changes a file as an editor does: owner and mode stay.
func (m *installation) edit(content string) {
	m.t.Helper()
	if err := os.WriteFile(m.path(config), []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *installation) wantRunning() {
	m.t.Helper()
	m.wantProperty("ActiveState", "active")
	if got := m.property("SubState"); got != "running" {
		m.t.Errorf("the service is %s", got)
	}
}

func (m *installation) wantNoProcess() {
	m.t.Helper()
	if printed, code := m.try("sh", "-c", `for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = hueair2mqtt ] && echo $p; done; true`); code != 0 || printed != "" {
		m.t.Errorf("it still runs: %s", printed)
	}
}

// wantNothingLeft checks that no trace of the package is left.
func (m *installation) wantNothingLeft() {
	m.t.Helper()
	for _, file := range m.files() {
		if !slices.Contains(m.before, file) && !strings.HasPrefix(file, "/root/") && !strings.HasPrefix(file, "/var/log/") {
			m.t.Errorf("%s is left", file)
		}
	}
	for _, database := range []string{"passwd", "group"} {
		if printed, code := m.try("getent", database, "hueair2mqtt"); code == 0 {
			m.t.Errorf("%s still has %s", database, printed)
		}
	}
	if m.exists("/var/log/hueair2mqtt") {
		m.t.Error("/var/log/hueair2mqtt is left")
	}
	if printed, _ := m.try("dpkg-query", "--show", "--showformat=${Status}", "hueair2mqtt"); strings.Contains(printed, "installed") || strings.Contains(printed, "config-files") {
		m.t.Errorf("dpkg has it as %q", printed)
	}
}
