package cli

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// installation is a house as somebody has set it up: a broker that asks for a
// password, a Hue bridge that was paired, an Amazon account with a browser's
// cookies, a mail server. The program runs as a user without rights in it.
type installation struct {
	t        *testing.T
	dir      string
	stateDir string
	config   string
	args     []string // of the program, behind its command

	broker *mosquitto
	hue    *huetest.Bridge
	hueTLS *huetest.Server
	amazon *amazontest.Account
	alexa  *httptest.Server
	mail   *mailServer

	asRoot  bool   // the program runs as the user that the test runs as
	program string // the program's file; "" is the usual one
	full    string // a directory that is a full disk for the program; "" for none
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
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}

// sharedBroker asks for a password; tests that don't change the broker share it.
type sharedBroker struct{ *mosquitto }

func startSharedBroker(t *testing.T) sharedBroker {
	return sharedBroker{startMosquitto(t, passwordSettings(t)...)}
}

// passwordSettings have a Mosquitto ask for the name and password.
func passwordSettings(t *testing.T, acl ...string) []string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "passwords")
	out, err := exec.Command("mosquitto_passwd", "-b", "-c", file, brokerUser, brokerPassword).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_passwd: %v: %s", err, out)
	}
	settings := []string{"allow_anonymous false", "user root", "password_file " + file}
	if len(acl) > 0 {
		rules := filepath.Join(dir, "acl")
		writeFile(t, rules, "user "+brokerUser+"\n"+strings.Join(acl, "\n")+"\n", 0o600)
		settings = append(settings, "acl_file "+rules)
	}
	return settings
}

func writeFile(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever it was and the umask is
		t.Fatal(err)
	}
}

func newInstallation(t *testing.T, broker sharedBroker) *installation {
	t.Helper()
	i := &installation{
		t: t, dir: openDir(t), broker: broker.mosquitto,
		hue: huetest.NewBridge(hueBridgeID, hueKey), amazon: amazontest.NewAccount(), mail: startMailServer(t),
	}
	i.stateDir, i.config = filepath.Join(i.dir, "state"), filepath.Join(i.dir, "hueair2mqtt.yaml")
	i.hue.SetMotionSensor(hallSensor)
	i.amazon.SetMonitor(airMonitor)
	i.hueTLS = huetest.StartTLS(i.hue, huetest.WithSelfSigned(), huetest.WithAddress(reservedAddress(t)))
	i.alexa = harness.Serve(t, i.amazon)
	t.Cleanup(i.hueTLS.Close)

	if err := os.Mkdir(i.stateDir, 0o750); err != nil {
		t.Fatal(err)
	}
	cookies, err := json.Marshal(i.amazon.Cookies())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, i.file("cookies.json"), string(cookies), 0o600)
	writeFile(t, i.file("mqtt-password"), brokerPassword+"\n", 0o600)
	writeFile(t, i.file("mail-password"), mailPassword+"\n", 0o600)
	i.pair(i.hueTLS)
	writeFile(t, i.config, fmt.Sprintf(`
mqtt: {broker: %q, username: %s, password_file: %s}
hue: {enabled: true, interval: 60s, timeout: 10s}
amazon: {enabled: true, interval: 60s, timeout: 10s, cookies_file: %s, endpoints: {alexa: %q}}
alert: {email: {smtp: %q, from: a@example.org, to: [b@example.org], username: watcher, password_file: %s}}
state_dir: %s
`, i.broker.url(), brokerUser, i.file("mqtt-password"), i.file("cookies.json"), i.alexa.URL,
		i.mail.address(), i.file("mail-password"), i.stateDir), 0o600)
	i.give(i.dir)
	return i
}

func (i *installation) file(name string) string { return filepath.Join(i.dir, name) }

// pair writes what pairing with a Hue bridge stores.
func (i *installation) pair(s *huetest.Server) {
	sum := sha256.Sum256(s.Certificate().Raw)
	writeFile(i.t, filepath.Join(i.stateDir, "hue.json"), fmt.Sprintf(
		`{"bridges": [{"id": %q, "host": %q, "username": %q, "fingerprint": %q}]}`,
		hueBridgeID, s.Host(), hueKey, hex.EncodeToString(sum[:])), 0o600)
}

// give gives everything in a directory to the user that the program runs as.
func (i *installation) give(dir string) {
	if os.Geteuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

// set adds a flag.
func (i *installation) set(key, value string) { i.args = append(i.args, "--"+key+"="+value) }

// edit replaces a text in the configuration.
func (i *installation) edit(old, text string) {
	i.t.Helper()
	content, err := os.ReadFile(i.config)
	if err != nil {
		i.t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		i.t.Fatalf("the configuration has no %q", old)
	}
	writeFile(i.t, i.config, strings.Replace(string(content), old, text, 1), 0o600)
}

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

// secrets are all that must never be printed.
func (i *installation) secrets() []string {
	return append(i.amazon.Secrets(), hueKey, brokerPassword, mailPassword, privateKey)
}

// start starts the program as the installation's user.
func (i *installation) start(args ...string) *program {
	i.t.Helper()
	file, err := programFile()
	if err != nil {
		i.t.Fatal(err)
	}
	if i.program != "" {
		file = i.program
	}
	cmd := exec.Command(file, append(append(args, "--config", i.config), i.args...)...)
	cmd.Dir = i.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 && !i.asRoot {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if i.full != "" {
		// A file system of its own needs a name space of its own.
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		cmd.Env = append(cmd.Env, fullDisk+"="+i.full)
	}
	return startCommand(i.t, cmd)
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
	err := os.WriteFile(filepath.Join(dir, ballast), make([]byte, 1<<20), 0o600)
	if !strings.Contains(fmt.Sprint(err), syscall.ENOSPC.Error()) {
		return fmt.Errorf("the disk is not full: %w", err)
	}
	return nil
}

// certificate is one with its key, as PEM files.
type certificate struct {
	certFile, keyFile string
	template          *x509.Certificate
	key               *ecdsa.PrivateKey
}

// newCertificate makes a certificate in a directory, by an authority or, if that is
// nil, as an authority.
func newCertificate(t *testing.T, dir, name string, by *certificate, change func(*x509.Certificate)) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &certificate{certFile: filepath.Join(dir, name+".pem"), keyFile: filepath.Join(dir, name+".key"), key: key}
	c.template = &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: by == nil, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if change != nil {
		change(c.template)
	}
	parent := by
	if by == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c.template, parent.template, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	writeFile(t, c.keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})), 0o600)
	return c
}

// encryptBroker gives the installation a broker with TLS whose certificate is by an
// authority that the settings name.
func (i *installation) encryptBroker(change func(*x509.Certificate)) {
	i.t.Helper()
	dir := i.t.TempDir()
	authority := newCertificate(i.t, i.dir, "authority", nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(-10, 0, 0), time.Now().AddDate(10, 0, 0)
	})
	server := newCertificate(i.t, dir, "broker", authority, change)
	i.broker = startMosquitto(i.t, append(passwordSettings(i.t), "certfile "+server.certFile, "keyfile "+server.keyFile)...)
	i.set("mqtt.broker", strings.Replace(i.broker.url(), "tcp:", "ssl:", 1))
	i.set("mqtt.ca_file", authority.certFile)
}

// mailServer is an SMTP server that takes a sign-in after STARTTLS, and no mail.
type mailServer struct {
	listener net.Listener
	config   *tls.Config
	serving  sync.WaitGroup

	mu    sync.Mutex
	noTLS bool // offers neither STARTTLS nor a sign-in
	mails int
}

func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := huetest.SelfSigned("mail.example")
	s := &mailServer{listener: listener, config: &tls.Config{Certificates: []tls.Certificate{own}}}
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.session(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.serving.Wait()
	})
	return s
}

// offerNothing takes STARTTLS and the sign-in from what the server offers.
func (s *mailServer) offerNothing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noTLS = true
}

// begun is how many steps of sending a mail there were.
func (s *mailServer) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

func (s *mailServer) address() string { return s.listener.Addr().String() }

func (s *mailServer) session(conn net.Conn) {
	defer func() { conn.Close() }()
	s.mu.Lock()
	noTLS := s.noTLS
	s.mu.Unlock()
	lines, encrypted := bufio.NewReader(conn), false
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	good := "PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00watcher\x00"+mailPassword))
	say("220 mail.example ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch {
		case verb == "EHLO" && noTLS:
			say("250 mail.example")
		case verb == "EHLO" && !encrypted:
			say("250-mail.example\r\n250 STARTTLS")
		case verb == "EHLO":
			say("250-mail.example\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			say("220 go ahead")
			secured := tls.Server(conn, s.config)
			if secured.Handshake() != nil {
				return
			}
			conn, lines, encrypted = secured, bufio.NewReader(secured), true
		case verb == "AUTH" && (rest != good):
			say("535 5.7.8 wrong user or password")
		case verb == "AUTH":
			say("235 welcome")
		case verb == "MAIL", verb == "RCPT", verb == "DATA":
			s.mu.Lock()
			s.mails++
			s.mu.Unlock()
			say("550 no")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
