package cli

import (
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// found is a finding as check prints it with --json.
type found struct {
	Component string `json:"component"`
	Status    string `json:"status"`
	Reason    string `json:"reason"`
	Remedy    string `json:"remedy"`
}

// check runs the command in both forms and returns its findings. Neither may contain a secret.
func (i *installation) check() (code int, findings []found, text string) {
	i.t.Helper()
	return i.beginCheck()()
}

// beginCheck starts the command in both forms and returns a function that waits for them.
func (i *installation) beginCheck() (end func() (code int, findings []found, text string)) {
	i.t.Helper()
	forPeople := i.start("check")
	forPrograms := i.start("check", "--json")
	return func() (int, []found, string) {
		i.t.Helper()
		return i.endCheck(forPeople, forPrograms)
	}
}

func (i *installation) endCheck(forPeople, forPrograms *harness.Process) (code int, findings []found, text string) {
	i.t.Helper()
	code = forPeople.Wait()
	if other := forPrograms.Wait(); other != code {
		i.t.Errorf("exit code %d, and %d with --json", code, other)
	}
	text = forPeople.Stdout.String()
	decoder := json.NewDecoder(strings.NewReader(forPrograms.Stdout.String()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&findings); err != nil {
		i.t.Fatalf("with --json it printed %q: %v", forPrograms.Stdout.String(), err)
	}
	for _, p := range []*harness.Process{forPeople, forPrograms} {
		harness.Lacks(i.t, p.Output(), i.secrets()...)
		if p.Stderr.String() != "" {
			i.t.Errorf("standard error has %q", p.Stderr.String())
		}
	}
	for _, f := range findings {
		if !slices.Contains([]string{"pass", "warning", "fail"}, f.Status) || f.Component == "" || f.Reason == "" ||
			(f.Remedy == "") != (f.Status == "pass") || strings.ContainsAny(f.Reason+f.Remedy, "\n\r") {
			i.t.Errorf("a finding is not complete: %+v", f)
		}
		line := "\n" + f.Status
		if !strings.Contains("\n"+text, line) || !strings.Contains(text, f.Component) || !strings.Contains(text, f.Remedy) {
			i.t.Errorf("the text lacks %+v:\n%s", f, text)
		}
	}
	return code, findings, text
}

func TestCheckPassesOnGoodInstallation(t *testing.T) {
	i := newInstallation(t, startSharedBroker(t))
	l := i.Broker.Subscribe()
	code, findings, text := i.check()
	if code != exitGood || !strings.HasSuffix(text, "\nAll is well.\n") {
		t.Errorf("exit code %d:\n%s", code, text)
	}
	components := []string{"configuration", "credentials", "state directory", "broker", "hue " + harness.HueID, "amazon " + i.Alexa.URL, "mail", "clock", "log"}
	for n, f := range findings {
		if f.Status != "pass" || n >= len(components) || f.Component != components[n] {
			t.Errorf("%+v", f)
		}
	}
	if len(findings) != len(components) {
		t.Errorf("%d findings, want %d", len(findings), len(components))
	}
	if i.mail.Begun() != 0 {
		t.Error("a mail was begun")
	}
	for _, m := range l.All() {
		if m.Topic != "hueair2mqtt/bridge/request/check" && m.Topic != "homeassistant/device/hueair2mqtt_check/check" || m.Retained {
			t.Errorf("a message on %s, retained %v", m.Topic, m.Retained)
		}
	}
	left, err := filepath.Glob(i.StateFile("*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left in the state directory: %v, %v", left, err)
	}
}

// A running bridge does not respond to the request that check sends.
func TestCheckBesideRunningBridge(t *testing.T) {
	i := newInstallation(t, startSharedBroker(t))
	l := i.Broker.Subscribe()
	p := i.start("run")
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	if code, _, text := i.check(); code != exitGood {
		t.Errorf("exit code %d:\n%s", code, text)
	}
	if got := l.Get("hueair2mqtt/bridge/state"); got != "online" {
		t.Errorf("the bridge is %q", got)
	}
	p.Stop()
	if log := p.Stderr.String(); strings.Contains(log, "unknown request") || strings.Contains(log, "lost") {
		t.Errorf("the bridge was disturbed:\n%s", log)
	}
}

// broken is an installation with one fault.
type broken struct {
	name      string
	spoil     func(i *installation)
	component string // the only one that fails, or warns where nothing fails
	code      int
	reason    string // a part of it
	remedy    string // a part of it
}

// impossibleName is rejected by the resolver without a request: a label has at most 63 letters (RFC
// 1035, 2.3.4).
var impossibleName = strings.Repeat("x", 64) + ".invalid"

var brokenInstallations = []broken{
	{"an unknown key", func(i *installation) { i.Edit("mqtt: {broker", "mqtt: {brocker") },
		"configuration", exitUnusable, "mqtt.brocker", "use one of broker"},
	{"nothing to read", func(i *installation) { i.set("hue.enabled", "false"); i.set("amazon.enabled", "false") },
		"configuration", exitUnusable, "nothing to read", "set hue.enabled or amazon.enabled to true"},
	{"no configuration", func(i *installation) { os.Remove(i.Config) },
		"configuration", exitUnusable, "does not exist", "--config FILE"},
	{"a configuration for others", func(i *installation) { i.chmod(i.Config, 0) },
		"configuration", exitUnusable, "may not read", "fix the file's mode"},
	{"a configuration that is no YAML", func(i *installation) { harness.WriteFile(i.t, i.Config, "mqtt: {", 0o600) },
		"configuration", exitUnusable, "", ""},

	{"no password file", func(i *installation) { os.Remove(i.file("mqtt-password")) },
		"credentials", exitUnusable, "mqtt.password_file", "name a file that the program's user may read"},
	{"an empty password file", func(i *installation) { harness.WriteFile(i.t, i.file("mqtt-password"), "", 0o600) },
		"credentials", exitUnusable, "is empty", "write the password into it"},
	{"a password file for others", func(i *installation) { i.chmod(i.file("mail-password"), 0) },
		"credentials", exitUnusable, "permission denied", "name a file that the program's user may read"},
	{"a password file for all", func(i *installation) { i.chmod(i.file("mqtt-password"), 0o644) },
		"credentials", exitGood, "every user of this machine may read", "chmod 600"},
	{"a password file that all may change", func(i *installation) { i.chmod(i.file("mail-password"), 0o666) },
		"credentials", exitGood, "every user of this machine may change", "chmod 600"},
	{"a key that can't be read", func(i *installation) {
		i.encryptBroker(harness.Localhost)
		i.chmod(i.file("broker.key"), 0)
		i.set("mqtt.cert_file", i.file("broker.pem"))
		i.set("mqtt.key_file", i.file("broker.key"))
		i.give(i.Dir)
	}, "credentials", exitUnusable, "mqtt.key_file", "name a file that the program's user may read"},
	{"hue.json for all", func(i *installation) { i.chmod(i.StateFile("hue.json"), 0o604) },
		"credentials", exitGood, "every user of this machine may read", "chmod 600"},
	{"hue.json is a link", func(i *installation) {
		file := i.StateFile("hue.json")
		if err := os.Rename(file, i.file("elsewhere.json")); err != nil {
			i.t.Fatal(err)
		}
		if err := os.Symlink(i.file("elsewhere.json"), file); err != nil {
			i.t.Fatal(err)
		}
	}, "credentials", exitUnusable, "symbolic link", "put the file itself there"},
	{"hue.json that all may change", func(i *installation) { i.chmod(i.StateFile("hue.json"), 0o606) },
		"credentials", exitUnusable, "every user of this machine may change", "chmod 600"},
	{"hue.json for others", func(i *installation) { i.chmod(i.StateFile("hue.json"), 0) },
		"credentials", exitUnusable, "permission denied", "chown"},
	{"cookies for all", func(i *installation) { i.chmod(i.file("cookies.json"), 0o644) },
		"credentials", exitGood, "amazon.cookies_file", "chmod 600"},
	{"no cookies", func(i *installation) { os.Remove(i.file("cookies.json")) },
		"credentials", exitFailed, "there is no file", "hueair2mqtt amazon login"},
	{"an empty sign-in", func(i *installation) {
		harness.WriteFile(i.t, i.StateFile("amazon.json"), "", 0o600)
		i.give(i.Dir)
	},
		"credentials", exitFailed, "is empty", "hueair2mqtt amazon login"},

	{"a state directory that can't be written", func(i *installation) { i.chmod(i.StateDir, 0o500) },
		"state directory", exitFailed, "permission denied", "allow the user that runs hueair2mqtt to write there"},
	{"a state directory that is a file", func(i *installation) { i.set("state_dir", i.Config) },
		"state directory", exitUnusable, "not a directory", "make it a directory"},
	{"a state directory that can't be made", func(i *installation) {
		locked := i.file("locked")
		if err := os.Mkdir(locked, 0o500); err != nil {
			i.t.Fatal(err)
		}
		i.give(locked)
		i.set("state_dir", filepath.Join(locked, "state"))
	}, "state directory", exitUnusable, "permission denied", "set state_dir elsewhere"},
	{"a full disk", func(i *installation) {
		i.makeFull()
		i.set("state_dir", i.full)
		i.set("hue.enabled", "false")
	}, "state directory", exitFailed, "no space left", "free space on the disk"},

	{"no broker", func(i *installation) { i.set("mqtt.broker", "tcp://"+harness.ReserveAddress(i.t)) },
		"broker", exitFailed, "refused", "check mqtt.broker and that the broker is running there"},
	{"no such broker", func(i *installation) { i.set("mqtt.broker", "tcp://"+impossibleName) },
		"broker", exitFailed, "no such host", "check the host name in mqtt.broker"},
	{"another service on the port", func(i *installation) { i.set("mqtt.broker", "tcp://"+i.mail.Address()) },
		"broker", exitFailed, "", "check mqtt.broker: its host, its port"},
	{"the broker's wrong password", func(i *installation) { harness.WriteFile(i.t, i.file("mqtt-password"), "wrong", 0o600) },
		"broker", exitFailed, "refused the sign-in", "check mqtt.username and mqtt.password"},
	{"no right to publish", func(i *installation) { i.restrictBroker("topic read #") },
		"broker", exitFailed, `"hueair2mqtt" may not publish on hueair2mqtt/`, `"topic readwrite hueair2mqtt/#"`},
	{"no right to publish states", func(i *installation) {
		i.restrictBroker("topic readwrite hueair2mqtt/bridge/#", "topic readwrite homeassistant/#")
	}, "broker", exitFailed, "may not publish on hueair2mqtt/check/problem, hueair2mqtt/hueair2mqtt_check,", `"topic readwrite hueair2mqtt/#"`},
	{"no right to announce", func(i *installation) { i.restrictBroker("topic readwrite hueair2mqtt/#", "topic read homeassistant/#") },
		"broker", exitFailed, "may not publish on homeassistant/device/hueair2mqtt_bridge/config", `"topic readwrite homeassistant/device/#"`},
	{"no right to read requests", func(i *installation) {
		i.restrictBroker("topic write hueair2mqtt/#", "topic readwrite homeassistant/#")
	}, "broker", exitFailed, "may not subscribe to hueair2mqtt/bridge/request/+", `"topic readwrite hueair2mqtt/#"`},
	{"no right to read births", func(i *installation) {
		i.restrictBroker("topic readwrite hueair2mqtt/#", "topic write homeassistant/#")
	}, "broker", exitFailed, "may not subscribe to homeassistant/status", `"topic read homeassistant/status"`},
	{"a broker that retains nothing", func(i *installation) {
		i.Broker = startPasswordBroker(i.t, "retain_available false")
		i.set("mqtt.broker", i.Broker.URL())
	}, "broker", exitFailed, "keeps no retained messages", "retain_available true"},
	{"a broker by an unknown authority", func(i *installation) {
		i.encryptBroker(harness.Localhost)
		i.args = i.args[:len(i.args)-1] // without mqtt.ca_file
	}, "broker", exitFailed, "unknown authority", "set mqtt.ca_file"},
	{"a broker with another name", func(i *installation) {
		i.encryptBroker(x509.Certificate{DNSNames: []string{"broker.example"}})
	}, "broker", exitFailed, "certificate", "a name that is in the broker's certificate"},
	{"a broker whose certificate has expired", func(i *installation) {
		i.encryptBroker(validFrom(time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0)))
	}, "broker", exitFailed, "expired", "renew the certificate of the broker"},
	{"a broker whose certificate begins later", func(i *installation) {
		i.encryptBroker(validFrom(time.Now().AddDate(1, 0, 0), time.Now().AddDate(2, 0, 0)))
	}, "broker", exitFailed, "not yet valid", "set the clock"},
	{"an authority that is none", func(i *installation) {
		i.encryptBroker(harness.Localhost)
		i.set("mqtt.ca_file", i.Config)
	}, "broker", exitUnusable, "mqtt.ca_file", "name a PEM file"},
	{"a revocation list that is none", func(i *installation) {
		i.encryptBroker(harness.Localhost)
		i.set("mqtt.crl_file", i.Config)
	}, "broker", exitUnusable, "mqtt.crl_file", "name a PEM file"},
	{"a broker with TLS asked without", func(i *installation) {
		i.encryptBroker(harness.Localhost)
		i.args = []string{"--mqtt.broker=" + i.Broker.URL()}
	}, "broker", exitFailed, "", "whether the broker expects tcp:// or ssl:// there"},

	{"no hue.json", func(i *installation) { os.Remove(i.StateFile("hue.json")) },
		"hue", exitUnusable, "no Hue bridge is configured or paired", "hueair2mqtt hue pair"},
	{"a damaged hue.json", func(i *installation) {
		harness.WriteFile(i.t, i.StateFile("hue.json"), `{"bridges": [{"username": "`+harness.HueKey, 0o600)
	}, "hue", exitUnusable, "is damaged", "remove it and pair the Hue bridges again"},
	{"no Hue bridge", func(i *installation) { i.HueTLS.Close() },
		"hue", exitFailed, "refused", "check that the Hue bridge has power and network"},
	{"a key that the Hue bridge does not know", func(i *installation) {
		i.Hue.DeleteKey()
	}, "hue", exitFailed, "", "hueair2mqtt hue pair"},
	{"a Hue bridge with another certificate", func(i *installation) {
		other := huetest.StartTLS(i.Hue, huetest.WithSelfSigned())
		i.t.Cleanup(other.Close)
		i.replaceInHueJSON(i.HueTLS.Host(), other.Host())
	}, "hue", exitFailed, "the certificate is refused", "hueair2mqtt hue pair --host"},
	{"another Hue bridge at the address", func(i *installation) {
		i.replaceInHueJSON(harness.HueID, "001788fffe999999")
	}, "hue", exitFailed, "is 001788fffe010203, not 001788fffe999999", "hueair2mqtt hue discover"},
	{"a Hue bridge that is slow", func(i *installation) {
		i.set("hue.timeout", "1s")
		i.Hue.ScriptPath("/", slices.Repeat([]http.HandlerFunc{huetest.Hang}, 20)...)
	}, "hue", exitFailed, "within 1s", "check that the Hue bridge has power and network"},
	{"a Hue bridge that is busy", func(i *installation) {
		i.Hue.ScriptPath("/", slices.Repeat([]http.HandlerFunc{huetest.Busy(0)}, 20)...)
	},
		"hue", exitFailed, "429", "wait a minute"},

	{"times that can't be read", func(i *installation) { i.Hue.SetReportTimes("none") },
		"hue", exitGood, `the time of its report is "none"`, "look for a newer hueair2mqtt"},
	{"devices that can't be read", func(i *installation) {
		unreadable := huetest.Body(`{"data":[{"id":"d","type":"device","services":[]},{"id":"m","type":"motion","owner":"d"}]}`)
		i.Hue.ScriptPath("/clip/v2/resource", unreadable, unreadable)
	}, "hue", exitFailed, `no device to read; 1 entry not understood: resource "m": owner is of type string`, "look for a newer hueair2mqtt"},

	{"no sign-in", func(i *installation) { i.set("amazon.cookies_file", "") },
		"amazon", exitFailed, "there is no sign-in", "hueair2mqtt amazon login"},
	{"a session that Amazon ended", func(i *installation) { i.Amazon.Revoke() },
		"amazon", exitFailed, "401", "export the cookies"},
	{"a damaged sign-in", func(i *installation) {
		harness.WriteFile(i.t, i.StateFile("amazon.json"), `{"refresh_token": "`+privateKey, 0o600)
		i.give(i.Dir)
	}, "amazon", exitFailed, "amazon.json", "hueair2mqtt amazon login"},
	{"no monitor", func(i *installation) { i.Amazon.RemoveMonitor(harness.AirMonitor.Serial) },
		"amazon", exitFailed, "no device to read", "check that the Alexa app shows the monitor"},
	{"a monitor that is off", func(i *installation) {
		off := harness.AirMonitor
		off.Reachable = false
		i.Amazon.SetMonitor(off)
	}, "amazon", exitGood, "1 device, 1 offline", "check that the devices have power"},
	{"no Amazon", func(i *installation) { i.Alexa.Close() },
		"amazon", exitFailed, "refused", "check that this machine reaches the internet"},
	{"an Amazon in trouble", func(i *installation) {
		for _, path := range []string{amazontest.GraphQLPath, amazontest.PhoenixPath} {
			i.Amazon.ScriptPath(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		}
	}, "amazon", exitFailed, "503", "wait a few minutes"},
	{"an Amazon that asks for fewer requests", func(i *installation) {
		i.Amazon.ScriptPath(amazontest.GraphQLPath, amazontest.Body("application/json",
			`{"errors":[{"message":"Zu viele Anfragen","extensions":{"errorCode":"UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS"}}],"data":null}`))
	}, "amazon", exitFailed, "asks for fewer requests", "other Alexa integrations"},
	{"a monitor of another maker", func(i *installation) {
		i.Amazon.SetMonitor(amazontest.Monitor{
			EntityID: "7d0f5e5c-1111-4222-8333-444455557777", Name: "Hall", Maker: "Airthings", Temperature: 20, Reachable: true,
			Ranges: []amazontest.Range{{Instance: "4", Name: "Radon", Unit: "Becquerel", Value: 50}},
		})
	}, "amazon", exitGood, `"Hall" (amazon_7d0f5e5c_1111_4222_8333_444455557777) of Airthings: not understood and left out: "Radon" (unit "Becquerel"`, "report this text"},

	{"no mail server", func(i *installation) { i.set("alert.email.smtp", harness.ReserveAddress(i.t)) },
		"mail", exitFailed, "refused", "check alert.email.smtp and that the mail server is running there"},
	{"the mail server's wrong password", func(i *installation) { harness.WriteFile(i.t, i.file("mail-password"), "wrong", 0o600) },
		"mail", exitFailed, "535", "check alert.email.username and the password"},
	{"a mail server without a sign-in", func(i *installation) { i.mail.OfferTLS(false) },
		"mail", exitFailed, "", "offer a sign-in"},

	{"a clock that is late", func(i *installation) { i.amazonsClock(10 * time.Minute) },
		"clock", exitGood, "the clock says", "set the clock"},
	{"a clock of another day", func(i *installation) { i.amazonsClock(-72 * time.Hour) },
		"clock", exitFailed, "the clock says", "set the clock"},
	{"a clock from before the program", func(i *installation) {
		i.program = i.file("program")
		file, err := programFile()
		if err == nil {
			err = copyFile(file, i.program)
		}
		later := time.Now().AddDate(1, 0, 0)
		if err == nil {
			err = os.Chtimes(i.program, later, later)
		}
		if err != nil {
			i.t.Fatal(err)
		}
	}, "clock", exitFailed, "but this build is dated", "set the clock"},

	{"no directory for the log", func(i *installation) { i.set("log.file", i.file("nowhere/log")) },
		"log", exitFailed, "there is no directory", "install -d"},
	{"a log that can't be written", func(i *installation) {
		harness.WriteFile(i.t, i.file("log"), "", 0o400)
		i.give(i.file("log"))
		i.set("log.file", i.file("log"))
	}, "log", exitFailed, "can't be written", "allow the user that runs hueair2mqtt to write there"},
	{"a log that is a directory", func(i *installation) { i.set("log.file", i.StateDir) },
		"log", exitFailed, "is a directory", "name an ordinary file"},
}

// restrictBroker gives the installation a broker with access rules.
func (i *installation) restrictBroker(rules ...string) {
	i.t.Helper()
	acl := filepath.Join(i.t.TempDir(), "acl")
	harness.WriteFile(i.t, acl, "user "+brokerUser+"\n"+strings.Join(rules, "\n")+"\n", 0o600)
	i.Broker = startPasswordBroker(i.t, "acl_file "+acl)
	i.set("mqtt.broker", i.Broker.URL())
}

func (i *installation) replaceInHueJSON(old, text string) {
	i.t.Helper()
	file := i.StateFile("hue.json")
	harness.WriteFile(i.t, file, strings.ReplaceAll(harness.ReadFile(i.t, file), old, text), 0o600)
}

// amazonsClock sets the clock of Amazon ahead of ours.
func (i *installation) amazonsClock(later time.Duration) {
	i.Amazon.ScriptPath("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(later).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusNotFound)
	})
}

func TestCheckReportsEachFault(t *testing.T) {
	cases := brokenInstallations
	if os.Geteuid() == 0 {
		// Only root can give files away.
		cases = append(cases, broken{"hue.json of root's", func(i *installation) {
			i.asRoot = true
			if err := os.Chown(i.StateFile("hue.json"), 0, 0); err != nil {
				i.t.Fatal(err)
			}
		}, "credentials", exitUnusable, "belongs to root, so that the service can't read it", "chown nobody"})
	}
	shared := startSharedBroker(t)
	t.Run("each", func(t *testing.T) {
		for _, b := range cases {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				i := newInstallation(t, shared)
				b.spoil(i)
				code, findings, text := i.check()
				if code != b.code {
					t.Errorf("exit code %d, want %d", code, b.code)
				}
				status := "fail"
				if b.code == exitGood {
					status = "warning"
				}
				named := false
				for _, f := range findings {
					switch {
					case f.Status == "pass", f.Status == "warning" && status == "fail" && strings.Contains(f.Reason, "not tried"):
					case f.Status != status || !isComponent(f.Component, b.component):
						t.Errorf("also found: %+v", f)
					default:
						named = named || strings.Contains(f.Reason, b.reason) && strings.Contains(f.Remedy, b.remedy)
					}
				}
				if !named {
					t.Errorf("no %s of %s for %q with the remedy %q:\n%s", status, b.component, b.reason, b.remedy, text)
				}
			})
		}
	})
}

// validFrom returns a template for a certificate with these times.
func validFrom(notBefore, notAfter time.Time) x509.Certificate {
	template := harness.Localhost
	template.NotBefore, template.NotAfter = notBefore, notAfter
	return template
}

// isComponent reports whether a component has this name, with or without its endpoint.
func isComponent(component, name string) bool {
	return component == name || strings.HasPrefix(component, name+" ")
}

// Check ends in time and reports every peer that hangs.
func TestCheckEndsInTime(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hangs := httptest.NewServer(http.HandlerFunc(huetest.Hang))
	defer hangs.CloseClientConnections()
	shared := startSharedBroker(t)
	everything := newInstallation(t, shared)
	everything.set("mqtt.broker", "tcp://"+silent.Addr().String())
	everything.set("alert.email.smtp", silent.Addr().String())
	everything.set("amazon.endpoints.alexa", hangs.URL)
	everything.set("amazon.timeout", "50s")
	everything.set("hue.timeout", "50s")
	everything.replaceInHueJSON(everything.HueTLS.Host(), silent.Addr().String())

	// Opening a pipe would block.
	aFile := newInstallation(t, shared)
	if err := os.Remove(aFile.file("mail-password")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(aFile.file("mail-password"), 0o600); err != nil {
		t.Fatal(err)
	}
	aFile.give(aFile.Dir)

	began := time.Now()
	endEverything, endAFile := everything.beginCheck(), aFile.beginCheck()
	code, findings, text := endEverything()
	failed := 0
	for _, f := range findings {
		if f.Status == "fail" {
			failed++
		}
	}
	if code != exitFailed || failed != 4 {
		t.Errorf("everything hangs: exit code %d, %d failed, want 4:\n%s", code, failed, text)
	}
	code, findings, text = endAFile()
	if code != exitUnusable || len(findings) != 1 || !strings.Contains(findings[0].Reason, "mail-password") || !strings.Contains(findings[0].Reason, "not a regular file") {
		t.Errorf("a file is a pipe: exit code %d:\n%s", code, text)
	}
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("took %v", d)
	}
}
