// Package configs holds the configuration of the program: its types, its
// defaults, where its values come from, and everything that can be wrong with
// them.
//
// Somebody at home writes the file, once, and wants to hear of every mistake at
// the first try. So each value is checked where its place is still known (a line
// of the file, a variable, a flag), and Load reports all faults together, each
// with the key's path and what would be right. A value of type Secret is never
// part of a fault.
//
// The commented default file, which the package installs, is also where the
// program takes its defaults from, so that the two can't differ.
package configs

import (
	"net/netip"
	"time"
)

// DefaultFile is where the package installs the configuration.
const DefaultFile = "/etc/hueair2mqtt/hueair2mqtt.yaml"

// Config is the whole configuration. What Load returns is complete and checked.
type Config struct {
	MQTT          MQTT          `koanf:"mqtt"`
	HomeAssistant HomeAssistant `koanf:"homeassistant"`
	Hue           Hue           `koanf:"hue"`
	Amazon        Amazon        `koanf:"amazon"`
	Retry         Retry         `koanf:"retry"`
	Alert         Alert         `koanf:"alert"`
	Web           Web           `koanf:"web"`
	History       History       `koanf:"history"`
	Metrics       Metrics       `koanf:"metrics"`
	StateDir      string        `koanf:"state_dir" usage:"directory for credentials and alert files"`
	Log           Log           `koanf:"log"`

	App App `koanf:"-"`
}

// MQTT says how to reach the broker.
type MQTT struct {
	// Broker is a URL with a scheme of tcp, mqtt, ssl, tls, mqtts, ws or wss, and
	// always with a port.
	Broker   string `koanf:"broker" usage:"address of the MQTT broker"`
	Username string `koanf:"username" usage:"name to sign in to the broker with"`
	// Password is also set from PasswordFile.
	Password     Secret `koanf:"password"`
	PasswordFile string `koanf:"password_file" usage:"file that holds the broker's password alone"`
	// ClientID is empty where the program is to choose one.
	ClientID string `koanf:"client_id" usage:"MQTT client id; empty: one of the program's own"`
	CAFile   string `koanf:"ca_file" usage:"PEM file of the authority that signed the broker's certificate"`
	CRLFile  string `koanf:"crl_file" usage:"PEM file of the certificates that the broker's authority has revoked"`
	CertFile string `koanf:"cert_file" usage:"PEM file of the client certificate"`
	KeyFile  string `koanf:"key_file" usage:"PEM file of the client certificate's key"`
	// BaseTopic heads every topic but those of discovery; it has no slash at
	// either end and no wildcard.
	BaseTopic string `koanf:"base_topic" usage:"first part of every topic"`
}

// HomeAssistant says whether and where devices are announced.
type HomeAssistant struct {
	Discovery bool   `koanf:"discovery" usage:"announce devices to Home Assistant"`
	Prefix    string `koanf:"prefix" usage:"Home Assistant's discovery prefix"`
}

// Hue is the section of the Philips Hue bridges.
type Hue struct {
	Enabled  bool          `koanf:"enabled" usage:"read Philips Hue bridges"`
	Interval time.Duration `koanf:"interval" usage:"time from one poll of a Hue bridge to the next"`
	// Timeout bounds one request; it is at most Interval.
	Timeout time.Duration `koanf:"timeout" usage:"longest wait for an answer of a Hue bridge"`
	// Lights has lights and plugs read, too.
	Lights bool `koanf:"lights" usage:"read lights and plugs, too"`
	// ButtonEvents is "hue" or "standard".
	ButtonEvents string `koanf:"button_events" usage:"names of button events: hue or standard (Home Assistant's)"`
	// Bridges may be empty where those that were paired are enough.
	Bridges []HueBridge `koanf:"bridges"`
	// Areas has rooms by hardware id, as the user wrote it but for space at the
	// ends. No two keys differ by case alone.
	Areas map[string]string `koanf:"areas"`
}

// HueBridge is one Hue bridge.
type HueBridge struct {
	// Host is an address or name, with or without a port, or a URL of http or
	// https without a path. An IPv6 address is in brackets.
	Host string `koanf:"host"`
	// ID is empty or the bridge's 16 hexadecimal digits, in lower case.
	ID string `koanf:"id"`
	// Username is the key that the bridge gave at pairing; empty where the program
	// has paired itself with it.
	Username Secret `koanf:"username"`
}

// Amazon is the section of the Amazon account.
type Amazon struct {
	Enabled bool `koanf:"enabled" usage:"read Amazon air quality monitors"`
	// Domain is one of Alexa's marketplaces: "amazon.co.uk".
	Domain   string        `koanf:"domain" usage:"marketplace of the account"`
	Interval time.Duration `koanf:"interval" usage:"time from one poll of Amazon to the next"`
	// Timeout bounds one request; it is at most Interval.
	Timeout time.Duration `koanf:"timeout" usage:"longest wait for an answer of Amazon"`
	// CookiesFile is empty where the program is signed in by itself, which goes
	// before it.
	CookiesFile string `koanf:"cookies_file" usage:"file with the cookies of a signed-in browser"`
	// Areas has rooms by serial number, as Hue.Areas by hardware id.
	Areas     map[string]string `koanf:"areas"`
	Endpoints AmazonEndpoints   `koanf:"endpoints"`
}

// AmazonEndpoints replace Amazon's hosts, for tests and proxies. Each is empty
// or a URL of http or https without a slash at its end.
type AmazonEndpoints struct {
	Alexa string `koanf:"alexa" usage:"URL used instead of Alexa's host, for tests and proxies"`
	Auth  string `koanf:"auth" usage:"URL used instead of Amazon's token host, for tests and proxies"`
}

// Retry says how transient failures are tried again.
type Retry struct {
	// Attempts counts the first one: 1 to 100.
	Attempts  int           `koanf:"attempts" usage:"tries of one request, the first included"`
	BaseDelay time.Duration `koanf:"base_delay" usage:"wait before the second try"`
	// Multiplier is at least 1.
	Multiplier float64       `koanf:"multiplier" usage:"growth of the wait from one try to the next"`
	MaxDelay   time.Duration `koanf:"max_delay" usage:"longest wait between two tries"`
	// Jitter is a share of the wait, 0 to 1.
	Jitter float64 `koanf:"jitter" usage:"random share added to a wait, 0 to 1"`
}

// Alert says who is told of a problem that only the user can mend.
type Alert struct {
	Email Email `koanf:"email"`
}

// Email is the mail account that alerts go out by.
type Email struct {
	SMTP         string   `koanf:"smtp" usage:"mail server as host:port"`
	From         string   `koanf:"from" usage:"sender of alert mail"`
	To           []string `koanf:"to"`
	Username     string   `koanf:"username" usage:"name to sign in to the mail server with"`
	PasswordFile string   `koanf:"password_file" usage:"file that holds the mail account's password alone"`
	// Password is what PasswordFile holds; it has no key of its own.
	Password Secret `koanf:"-"`
}

// Enabled says whether alerts go out by mail.
func (e Email) Enabled() bool { return e.SMTP != "" }

// Web is the page in the browser that run serves.
type Web struct {
	// Listen is empty, or address:port; the address is one of this machine's,
	// "localhost", or empty for all of them.
	Listen       string `koanf:"listen" usage:"address:port of the page in the browser; empty: there is none"`
	PasswordFile string `koanf:"password_file" usage:"file that holds the page's password alone"`
	// Password is what PasswordFile holds; it has no key of its own. It is set
	// whenever Listen can be reached from other machines or through a reverse proxy.
	Password Secret `koanf:"-"`
	// BasePath is empty, or a path that begins with a slash and ends without.
	BasePath string `koanf:"base_path" usage:"path of the page behind a reverse proxy, such as /hueair2mqtt"`
	// TrustIngress takes the path from the header X-Ingress-Path. It is no sign-in.
	TrustIngress bool `koanf:"trust_ingress" usage:"take the page's path from Home Assistant's X-Ingress-Path"`
	// Hosts are names in lower case, without port.
	Hosts []string `koanf:"hosts"`
	// TrustedProxies are addresses and networks of reverse proxies.
	TrustedProxies []string `koanf:"trusted_proxies"`
	// Proxies are the networks of TrustedProxies; they have no key of their own.
	Proxies []netip.Prefix `koanf:"-"`
}

// History says whether readings are kept while the broker is away, and how many.
type History struct {
	Enabled bool `koanf:"enabled" usage:"keep readings while the broker is away, and tell them later"`
	// MaxAge is at least a minute.
	MaxAge time.Duration `koanf:"max_age" usage:"age at which a reading that was kept is dropped"`
	// MaxMegabytes bounds the files, in 1,000,000 bytes: 1 to 100,000.
	MaxMegabytes int `koanf:"max_megabytes" usage:"megabytes of readings that are kept; the oldest are dropped"`
}

// Metrics says where Prometheus finds its metrics.
type Metrics struct {
	// Listen is host:port, of which the host may be empty; empty where nobody
	// listens.
	Listen string `koanf:"listen" usage:"host:port at which Prometheus finds metrics; empty: nowhere"`
	// Hosts are names in lower case, without port, by which scrapers may call it. An
	// address, localhost and the name in Listen need not be here.
	Hosts []string `koanf:"hosts"`
}

// Log says what is logged and how.
type Log struct {
	Level string `koanf:"level" usage:"least level that is logged: debug, info, warn, error"`
	// Format is "auto", "console" or "json".
	Format string `koanf:"format" usage:"auto, console or json"`
	// File is empty for standard error.
	File string `koanf:"file" usage:"file to log to instead of standard error"`
}
