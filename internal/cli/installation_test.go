package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// installation is a home as somebody has set it up: a broker that asks for a
// password, a paired Hue bridge, the cookies of a browser, a mail server. The program
// runs as a user without rights.
type installation struct {
	*harness.Home
	t    *testing.T
	args []string // of the program, after its command
	mail *harness.SMTPServer

	asRoot  bool   // the program runs as the user that the test runs as
	program string // the program's file; empty: programFile
	full    string // a directory that is a full disk for the program; empty: none
}

// nobody is a user and a group without any rights (Debian's nobody and nogroup).
const nobody = 65534

const (
	brokerUser     = "hueair2mqtt"
	brokerPassword = "broker-password-that-nobody-may-see"
	mailPassword   = "mail-password-that-nobody-may-see"
	privateKey     = "private-key-that-nobody-may-see"
)

// openDir makes a directory that every user may enter, unlike t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hueair2mqtt-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// programDir holds a copy of the program that every user may run; see programFile.
var programDir string

var programFile = sync.OnceValues(func() (file string, err error) {
	if programDir, err = os.MkdirTemp("", "hueair2mqtt-test-program-"); err != nil {
		return "", err
	}
	if err := os.Chmod(programDir, 0o755); err != nil {
		return "", err
	}
	file = filepath.Join(programDir, "hueair2mqtt")
	return file, copyFile(os.Args[0], file)
})

func removeProgramFile() error {
	if programDir == "" {
		return nil
	}
	return os.RemoveAll(programDir)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// sharedBroker asks for a password; tests that don't change the broker share it.
type sharedBroker struct{ *harness.Mosquitto }

func startSharedBroker(t *testing.T) sharedBroker { return sharedBroker{startPasswordBroker(t)} }

// startPasswordBroker starts a Mosquitto that asks for the installation's name and
// password.
func startPasswordBroker(t *testing.T, settings ...string) *harness.Mosquitto {
	t.Helper()
	broker := harness.StartMosquitto(t, append(harness.Passwords(t, map[string]string{brokerUser: brokerPassword}), settings...)...)
	broker.Username, broker.Password = brokerUser, brokerPassword
	return broker
}

func newInstallation(t *testing.T, broker sharedBroker) *installation {
	t.Helper()
	i := &installation{t: t, Home: harness.NewHome(t, harness.Options{Dir: openDir(t), Broker: broker.Mosquitto})}
	i.Hue.SetMotionSensor(harness.HallSensor)
	i.Amazon.SetMonitor(harness.AirMonitor)
	i.mail = harness.StartSMTP(t, harness.Listen(t), huetest.SelfSigned("mail.example"), "watcher", mailPassword)
	i.Pair()
	harness.WriteFile(t, i.file("mqtt-password"), brokerPassword+"\n", 0o600)
	harness.WriteFile(t, i.file("mail-password"), mailPassword+"\n", 0o600)
	i.Configure(`
mqtt: {broker: %q, username: %s, password_file: %s}
hue: {enabled: true, interval: 60s, timeout: 10s}
amazon: {enabled: true, interval: 60s, timeout: 10s, cookies_file: %s, endpoints: {alexa: %q}}
alert: {email: {smtp: %q, from: a@example.org, to: [b@example.org], username: watcher, password_file: %s}}
retry: {}
log: {}
`, i.Broker.URL(), brokerUser, i.file("mqtt-password"), i.WriteCookies(), i.Alexa.URL, i.mail.Address(), i.file("mail-password"))
	i.give(i.Dir)
	return i
}

func (i *installation) file(name string) string { return filepath.Join(i.Dir, name) }

// give gives everything in a directory to the user that the program runs as.
func (i *installation) give(dir string) {
	i.t.Helper()
	if os.Geteuid() == 0 {
		i.chown(dir, nobody)
	}
}

// chown gives everything in a directory to a user and the group of the same number.
func (i *installation) chown(dir string, owner int) {
	i.t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, owner, owner))
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

// set adds a flag.
func (i *installation) set(key, value string) { i.args = append(i.args, "--"+key+"="+value) }

// chmod changes the mode of a file or directory until the test ends.
func (i *installation) chmod(file string, mode os.FileMode) {
	i.t.Helper()
	before, err := os.Stat(file)
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		// It may be gone. A directory that stays closed can't be removed.
		_ = os.Chmod(file, before.Mode().Perm())
	})
	if err := os.Chmod(file, mode); err != nil {
		i.t.Fatal(err)
	}
}

// makeFull makes a directory that is a full disk for the program, which needs root in
// a namespace for it.
func (i *installation) makeFull() {
	i.t.Helper()
	i.full, i.asRoot = i.file("full"), true
	if err := os.Mkdir(i.full, 0o700); err != nil {
		i.t.Fatal(err)
	}
	i.chown(i.Dir, os.Geteuid())
}

// secrets returns everything that must never be printed.
func (i *installation) secrets() []string {
	return append(i.Secrets(), brokerPassword, mailPassword, privateKey)
}

// start starts the program as the installation's user.
func (i *installation) start(args ...string) *harness.Process {
	i.t.Helper()
	file, err := programFile()
	if err != nil {
		i.t.Fatal(err)
	}
	if i.program != "" {
		file = i.program
	}
	cmd := exec.Command(file, append(append(args, "--config", i.Config), i.args...)...)
	cmd.Dir = i.Dir
	cmd.Env = append(os.Environ(), asProgram+"=1")
	switch {
	case i.full != "":
		cmd.SysProcAttr = harness.Isolate(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS)
		cmd.Env = append(cmd.Env, fullDisk+"="+i.full)
	case os.Geteuid() == 0 && !i.asRoot:
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return harness.Start(i.t, cmd)
}

// fullDisk names a directory that TestMain makes a small full disk.
const fullDisk = "HUEAIR2MQTT_TEST_FULL_DISK"

// ballast is the file that fills a full disk.
const ballast = "ballast"

// fillDisk mounts a small disk there and fills it.
func fillDisk(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		return fmt.Errorf("mount a disk: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ballast), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk is not full: %w", err)
	}
	return nil
}

// encryptBroker gives the installation a broker with TLS, whose certificate is issued
// from a template by an authority that the settings name.
func (i *installation) encryptBroker(template x509.Certificate) {
	i.t.Helper()
	authority := harness.NewAuthority(i.t, i.Dir, "Home CA")
	authority.Issue("broker", template)
	i.Broker = startPasswordBroker(i.t, authority.Settings("broker")...)
	i.set("mqtt.broker", strings.Replace(i.Broker.URL(), "tcp:", "ssl:", 1))
	i.set("mqtt.ca_file", authority.File("ca.pem"))
	i.chmod(authority.File("ca.pem"), 0o644)
}
