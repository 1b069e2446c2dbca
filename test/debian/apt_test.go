//go:build release

package debian_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"hueair2mqtt/test/harness"
)

// repositories has a repository for each version, made by test-release.sh. 1.0.1 is signed by the
// key of the release, 1.0.2 by that and a new one, 1.0.3 only by the new one, 9.9.9 by a
// stranger's.
var repositories = os.Getenv("HUEAIR2MQTT_TEST_REPOSITORIES")

// repositoryAddress is the address that test-release.sh gives the repositories.
const repositoryAddress = "127.0.0.1:8084"

const (
	aptConfig  = "/etc/apt/apt.conf.d/51hueair2mqtt"
	aptKeyring = "/usr/share/keyrings/hueair2mqtt-archive-keyring.gpg"
)

// The steps on each release of Debian. Each continues with the machine of the previous one.
var subscription = []struct {
	what  string
	check func(m *subscriber)
}{
	{"lintian accepts the keyring package", lintianKeyring},
	{"the commands of the README install hueair2mqtt", installFromRepository},
	{"indexes are fetched by hash", fetchedByHash},
	{"unattended-upgrades needs the origin allowed", unattendedUpgrade},
	{"apt upgrade brings a newer version", aptUpgrade},
	{"a changed index is refused", refuseChangedIndex},
	{"a changed package is refused", refuseChangedPackage},
	{"a changed InRelease is refused", refuseChangedRelease},
	{"a repository without a signature is refused", refuseUnsigned},
	{"a repository signed by a stranger is refused", refuseStranger},
	{"a key that the keyring does not have is refused", refuseNewKey},
	{"the keyring package brings a new key", rotateKey},
	{"purging the keyring package leaves nothing", purgeKeyring},
}

func TestAptRepository(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := &subscriber{machine: boot(t, release, "systemd")}
			// Other repositories are out of reach.
			m.run("sh", "-c", "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*")
			m.repository = m.serveRepository(filepath.Join(releaseDist, "apt"))
			for _, step := range subscription {
				if !t.Run(step.what, func(t *testing.T) { m.t = t; step.check(m) }) {
					t.Fatal("the remaining steps depend on this one")
				}
			}
		})
	}
}

// subscriber is a machine whose apt has the repository.
type subscriber struct {
	*machine
	repository *repository
}

// repository serves a directory over HTTP on the network of a machine.
type repository struct {
	mu        sync.Mutex
	root      string
	replace   func(name string, content []byte) []byte // nil serves the files as they are
	requested []string
}

func (m *machine) serveRepository(root string) *repository {
	m.t.Helper()
	r := &repository{root: root}
	server := &http.Server{Handler: r}
	listener := m.listen(repositoryAddress)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	m.t.Cleanup(func() {
		server.Close()
		<-done
	})
	return r
}

// listen listens on the network of the machine.
func (m *machine) listen(address string) net.Listener {
	m.t.Helper()
	type result struct {
		listener net.Listener
		err      error
	}
	results := make(chan result)
	go func() {
		// The thread enters the other network and returns. It must not end, as a locked thread does
		// with its goroutine: a machine that it started would get its Pdeathsig.
		runtime.LockOSThread()
		listener, err := func() (listener net.Listener, err error) {
			own, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				return nil, err
			}
			defer own.Close()
			network, err := os.Open("/proc/" + m.pid + "/ns/net")
			if err != nil {
				return nil, err
			}
			defer network.Close()
			if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
				return nil, fmt.Errorf("entering the machine's network: %w", err)
			}
			defer func() {
				if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
					err = errors.Join(err, fmt.Errorf("leaving the machine's network: %w", back))
					return
				}
				runtime.UnlockOSThread()
			}()
			return net.Listen("tcp4", address)
		}()
		results <- result{listener, err}
	}()
	got := <-results
	if got.err != nil {
		m.t.Fatal(got.err)
	}
	return got.listener
}

func (r *repository) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := path.Clean(request.URL.Path)
	r.requested = append(r.requested, name)
	content, err := os.ReadFile(filepath.Join(r.root, name))
	if err == nil && r.replace != nil {
		content = r.replace(name, content)
	}
	if err != nil || content == nil {
		http.NotFound(w, request)
		return
	}
	w.Write(content)
}

// publish replaces the repository, as a new release does.
func (r *repository) publish(root string, replace func(name string, content []byte) []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.root, r.replace, r.requested = root, replace, nil
}

// version returns the directory of the repository of a version.
func repositoryOf(version string) string { return filepath.Join(repositories, version, "apt") }

// wantInstalled checks the installed versions of the program and of the keyring.
func (m *subscriber) wantInstalled(version string) {
	m.t.Helper()
	for _, name := range []string{"hueair2mqtt", "hueair2mqtt-archive-keyring"} {
		if got := m.run("dpkg-query", "--show", "--showformat=${Status} ${Version}", name); got != "install ok installed "+version {
			m.t.Errorf("%s is %q, want version %s", name, got, version)
		}
	}
}

// update runs apt update, which must succeed without a warning.
func (m *subscriber) update() {
	m.t.Helper()
	if printed := m.run("apt-get", "update"); strings.Contains(printed, "\nW: ") || strings.Contains(printed, "\nE: ") {
		m.t.Errorf("apt warns:\n%s", printed)
	}
}

// wantRefused checks that apt rejects the repository for a reason and keeps the installed version.
func (m *subscriber) wantRefused(reason string) {
	m.t.Helper()
	printed, _ := m.try("apt-get", "--error-on=any", "update")
	if !regexp.MustCompile(reason).MatchString(printed) {
		m.t.Errorf("apt does not say %q:\n%s", reason, printed)
	}
	if _, code := m.try("apt-get", "--error-on=any", "update"); code == 0 {
		m.t.Error("apt update succeeds")
	}
	m.try("apt-get", "-y", "upgrade")
	m.wantInstalled("1.0.1")
	if policy := m.run("apt-cache", "policy", "hueair2mqtt"); strings.Contains(policy, "1.0.3") || strings.Contains(policy, "9.9.9") {
		m.t.Errorf("apt offers the version:\n%s", policy)
	}
}

// documented returns the block of commands of a document that contains a text.
func documented(t *testing.T, file, containing string) string {
	t.Helper()
	content := harness.ReadFile(t, filepath.Join("..", "..", file))
	for block := range strings.SplitSeq(content, "\n\n") {
		if strings.HasPrefix(block, "    ") && strings.Contains(block, containing) {
			return block
		}
	}
	t.Fatalf("%s has no commands with %q", file, containing)
	return ""
}

func lintianKeyring(m *subscriber) {
	m.copy(filepath.Join(releaseDist, "hueair2mqtt-archive-keyring_1.0.0_all.deb"), "/root/keyring.deb")
	if printed, code := m.try("lintian", "--allow-root", "--fail-on", "error,warning", "/root/keyring.deb"); code != 0 || strings.Contains(printed, "unused-override") {
		m.t.Errorf("exit code %d\n%s", code, printed)
	}
}

func installFromRepository(m *subscriber) {
	commands := documented(m.t, "README.md", "apt install hueair2mqtt")
	if n := strings.Count(commands, "\n") + 1; n > 5 {
		m.t.Errorf("installing takes %d lines", n)
	}
	const published = "https://$OWNER.github.io/hueair2mqtt"
	if !strings.Contains(commands, published) {
		m.t.Fatalf("the commands do not use %s:\n%s", published, commands)
	}
	commands = strings.ReplaceAll(commands, published, "http://"+repositoryAddress)
	m.put("/root/install", "set -e\ncd /tmp\nsudo() { \"$@\"; }\n"+commands+"\n", 0o644)
	m.run("sh", "/root/install")
	m.wantInstalled(releaseVersion)
	if got := m.run("hueair2mqtt", "version"); !strings.HasPrefix(got, "hueair2mqtt "+releaseVersion+" ") {
		m.t.Errorf("its version is %q", got)
	}
	if policy := m.run("apt-cache", "policy"); !strings.Contains(policy, "o=hueair2mqtt,a=stable,n=stable,l=hueair2mqtt,c=main") {
		m.t.Errorf("the origin is missing in\n%s", policy)
	}
	m.wantFile(aptKeyring, "root:root 644")
	m.wantFile("/etc/apt/sources.list.d/hueair2mqtt.sources", "root:root 644")
}

func fetchedByHash(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.1"), nil)
	m.update()
	m.repository.mu.Lock()
	defer m.repository.mu.Unlock()
	requested := strings.Join(m.repository.requested, "\n")
	if !strings.Contains(requested, "/dists/stable/InRelease") || !strings.Contains(requested, "/binary-amd64/by-hash/SHA") || strings.Contains(requested, "/Packages") {
		m.t.Errorf("apt requested\n%s", requested)
	}
}

func unattendedUpgrade(m *subscriber) {
	const upgrades = "Packages that will be upgraded: hueair2mqtt hueair2mqtt-archive-keyring"
	dryRun := func() string {
		m.t.Helper()
		return m.run("unattended-upgrade", "--dry-run", "--debug")
	}
	if printed := dryRun(); strings.Contains(printed, upgrades) {
		m.t.Errorf("it would upgrade before it is allowed to:\n%s", printed)
	}
	m.put("/root/allow", "set -e\nsudo() { \"$@\"; }\n"+documented(m.t, "docs/operation.md", aptConfig)+"\n", 0o644)
	m.run("sh", "/root/allow")
	if printed := dryRun(); !strings.Contains(printed, upgrades) {
		m.t.Errorf("it would not upgrade:\n%s", printed)
	}
	m.wantInstalled(releaseVersion)
}

func aptUpgrade(m *subscriber) {
	m.update()
	m.run("apt-get", "-y", "upgrade")
	m.wantInstalled("1.0.1")
}

// refuseChangedIndex offers 1.0.2 with an index that offers 9.9.9 instead.
func refuseChangedIndex(m *subscriber) {
	replaced := false
	m.repository.publish(repositoryOf("1.0.2"), func(name string, content []byte) []byte {
		if !strings.Contains(name, "/binary-") {
			return content
		}
		index, err := os.ReadFile(filepath.Join(repositoryOf("1.0.2"), "dists/stable/main/binary-amd64/Packages"))
		if err != nil {
			panic(err)
		}
		replaced = true
		forged := bytes.ReplaceAll(index, []byte("Version: 1.0.2"), []byte("Version: 9.9.9"))
		if bytes.HasPrefix(content, []byte("Package: ")) {
			return forged
		}
		compress := exec.Command("xz", "--stdout")
		if bytes.HasPrefix(content, []byte("\x1f\x8b")) {
			compress = exec.Command("gzip", "--stdout")
		}
		compress.Stdin = bytes.NewReader(forged)
		compressed, err := compress.Output()
		if err != nil {
			panic(err)
		}
		return compressed
	})
	m.wantRefused("(Hash Sum mismatch|File has unexpected size)")
	m.repository.mu.Lock()
	defer m.repository.mu.Unlock()
	if !replaced {
		m.t.Error("apt did not fetch the index")
	}
}

func refuseChangedPackage(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.2"), func(name string, content []byte) []byte {
		if strings.HasSuffix(name, "_amd64.deb") {
			content[len(content)-1] ^= 1
		}
		return content
	})
	m.update()
	if printed, code := m.try("apt-get", "-y", "upgrade"); code == 0 || !strings.Contains(printed, "Hash Sum mismatch") {
		m.t.Errorf("apt upgrade: exit code %d\n%s", code, printed)
	}
	m.wantInstalled("1.0.1")
	// Restore the previous state.
	m.run("sh", "-c", "rm -rf /var/lib/apt/lists/*")
	m.repository.publish(repositoryOf("1.0.1"), nil)
	m.update()
}

func refuseChangedRelease(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.2"), func(name string, content []byte) []byte {
		return bytes.Replace(content, []byte("Label: hueair2mqtt"), []byte("Label: something"), 1)
	})
	// Debian 12 checks with gpgv, Debian 13 with sqv.
	m.wantRefused("BADSIG|bad signature|Message has been manipulated|Bad signature")
}

func refuseUnsigned(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.2"), func(name string, content []byte) []byte {
		if strings.HasSuffix(name, "/InRelease") {
			return nil
		}
		return content
	})
	m.wantRefused("is not signed|no longer signed")
}

func refuseStranger(m *subscriber) {
	m.repository.publish(repositoryOf("9.9.9"), nil)
	m.wantRefused("NO_PUBKEY|Missing key")
}

func refuseNewKey(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.3"), nil)
	m.wantRefused("NO_PUBKEY|Missing key")
}

func rotateKey(m *subscriber) {
	m.repository.publish(repositoryOf("1.0.2"), nil)
	m.run("apt-get", "update") // gpgv warns of the key that it does not know yet
	m.run("apt-get", "-y", "upgrade")
	m.wantInstalled("1.0.2")
	m.update()

	m.repository.publish(repositoryOf("1.0.3"), nil)
	m.update()
	m.run("apt-get", "-y", "upgrade")
	m.wantInstalled("1.0.3")
	m.update()
}

func purgeKeyring(m *subscriber) {
	m.run("apt-get", "-y", "purge", "hueair2mqtt-archive-keyring")
	for _, file := range []string{aptKeyring, "/etc/apt/sources.list.d/hueair2mqtt.sources", "/usr/share/doc/hueair2mqtt-archive-keyring"} {
		if m.exists(file) {
			m.t.Errorf("%s is left", file)
		}
	}
	m.update()
	if got := m.run("dpkg-query", "--show", "--showformat=${Version}", "hueair2mqtt"); got != "1.0.3" {
		m.t.Errorf("hueair2mqtt is %s", got)
	}
}
