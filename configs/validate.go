package configs

import (
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// validate looks for impossible values, brings the others into the form that
// the types promise, and reads the password files. A whole configuration also
// has something to read.
func validate(f *faults, c *Config, whole bool) {
	c.MQTT.validate(f)
	topic(f, "homeassistant.prefix", c.HomeAssistant.Prefix, "homeassistant")
	if whole && !c.Hue.Enabled && !c.Amazon.Enabled && f.sound("amazon.enabled") {
		f.invalid("hue.enabled", "there is nothing to read: neither hue nor amazon is enabled", "set hue.enabled or amazon.enabled to true")
	}
	c.Hue.validate(f)
	c.Amazon.validate(f)
	c.Retry.validate(f)
	c.Alert.Email.validate(f)
	c.Web.validate(f)
	c.History.validate(f)
	if c.Metrics.Listen != "" {
		listenAddress(f, "metrics.listen", c.Metrics.Listen)
	}
	hostNames(f, "metrics.hosts", c.Metrics.Hosts)
	if c.StateDir == "" {
		f.invalid("state_dir", "is empty", "name a directory that the program may write to, such as /var/lib/hueair2mqtt")
	}
	choice(f, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	choice(f, "log.format", c.Log.Format, "auto", "console", "json")
	if strings.HasSuffix(c.Log.File, "/") {
		f.invalid("log.file", quoted(c.Log.File)+" is a directory", "name a file in it, such as "+c.Log.File+"hueair2mqtt.log")
	}
}

func (m *MQTT) validate(f *faults) {
	var encrypted bool
	m.Broker, encrypted = broker(f, m.Broker)
	if m.Username == "" && f.sound("mqtt.username") {
		const problem, remedy = "a password without a username is not sent", "set mqtt.username too"
		switch {
		case m.Password != "":
			f.invalid("mqtt.password", problem, remedy)
		case m.PasswordFile != "":
			f.invalid("mqtt.password_file", problem, remedy)
		}
	}
	if m.PasswordFile != "" {
		if m.Password != "" {
			f.invalid("mqtt.password_file", "mqtt.password is there too", "keep one of the two")
		} else {
			m.Password = readPassword(f, "mqtt.password_file", m.PasswordFile)
		}
	}
	for _, file := range []struct{ path, name string }{
		{"mqtt.ca_file", m.CAFile}, {"mqtt.crl_file", m.CRLFile}, {"mqtt.cert_file", m.CertFile}, {"mqtt.key_file", m.KeyFile},
	} {
		if file.name == "" {
			continue
		}
		readable(f, file.path, file.name)
		if !encrypted && f.sound("mqtt.broker") {
			f.invalid(file.path, "the connection to the broker is not encrypted, so this has no effect",
				"begin mqtt.broker with ssl://, or remove this key")
		}
	}
	if m.CertFile != "" && m.KeyFile == "" {
		f.invalid("mqtt.key_file", "is empty, though mqtt.cert_file is set", "name the file with the certificate's key")
	}
	if m.KeyFile != "" && m.CertFile == "" {
		f.invalid("mqtt.cert_file", "is empty, though mqtt.key_file is set", "name the file with the key's certificate")
	}
	topic(f, "mqtt.base_topic", m.BaseTopic, "hueair2mqtt")
}

var bridgeID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (h *Hue) validate(f *faults) {
	pace(f, "hue", time.Second, h.Interval, h.Timeout)
	choice(f, "hue.button_events", h.ButtonEvents, "hue", "standard")
	hosts, ids := map[string]int{}, map[string]int{}
	for i := range h.Bridges {
		b, path := &h.Bridges[i], element("hue.bridges", i)
		at := member(path, "host")
		if b.Host == "" {
			f.invalid(at, "is missing", "write the Hue bridge's address, such as 192.168.1.2")
		} else {
			var identity string
			b.Host, identity = hueHost(f, at, b.Host)
			if first, twice := hosts[identity]; twice && identity != "" {
				f.invalid(at, "is the same Hue bridge as "+element("hue.bridges", first), "remove one of the two")
			}
			hosts[identity] = i
		}

		at = member(path, "id")
		b.ID = strings.ToLower(b.ID)
		if b.ID != "" {
			if !bridgeID.MatchString(b.ID) {
				f.invalid(at, quoted(b.ID)+" is not the id of a Hue bridge",
					"write its 16 hexadecimal digits, such as 001788fffe09a1b2, or remove the key")
			}
			if first, twice := ids[b.ID]; twice {
				f.invalid(at, "is the same Hue bridge as "+element("hue.bridges", first), "remove one of the two")
			}
			ids[b.ID] = i
		}
	}
	rooms(f, "hue.areas", h.Areas)
	for id := range h.Areas {
		const remedy = "write its eight pairs of hexadecimal digits, such as 00:17:88:01:02:03:04:05"
		switch {
		case id == "", sensorMAC.MatchString(id):
		case strings.Trim(id, "0123456789abcdefABCDEF:-. ") == "": // meant to be one
			f.invalid(entry("hue.areas", id), "is no address of a sensor", remedy)
		default: // something else in the wrong place, perhaps a secret
			f.invalid("hue.areas", "has an entry that is no address of a sensor", remedy)
		}
	}
}

func (a *Amazon) validate(f *faults) {
	a.Domain = marketplace(f, "amazon.domain", a.Domain)
	a.Endpoints.Alexa = endpoint(f, "amazon.endpoints.alexa", a.Endpoints.Alexa)
	a.Endpoints.Auth = endpoint(f, "amazon.endpoints.auth", a.Endpoints.Auth)
	shortest := time.Second
	if a.Endpoints.isAmazons() {
		shortest = minAmazonInterval
	}
	pace(f, "amazon", shortest, a.Interval, a.Timeout)
	rooms(f, "amazon.areas", a.Areas)
}

// isAmazons reports whether polls go to a host of Amazon's own.
func (e AmazonEndpoints) isAmazons() bool {
	u, err := url.Parse(e.Alexa)
	if e.Alexa == "" || err != nil {
		return true
	}
	_, found := FindMarketplace(u.Hostname())
	return found
}

func (r *Retry) validate(f *faults) {
	const longest = time.Hour
	if r.Attempts < 1 || r.Attempts > 100 {
		f.invalid("retry.attempts", fmt.Sprintf("%d is out of range", r.Attempts), "write 1 to 100; 1 means no second try")
	}
	if r.BaseDelay < time.Millisecond || r.BaseDelay > longest {
		f.invalid("retry.base_delay", fmt.Sprintf("%s is out of range", r.BaseDelay), "write a duration from 1ms to 1h")
	}
	if !(r.Multiplier >= 1 && r.Multiplier <= 100) {
		f.invalid("retry.multiplier", fmt.Sprintf("%g is out of range", r.Multiplier), "write 1 to 100; 1 means that all waits are alike")
	}
	switch {
	case r.MaxDelay < time.Millisecond || r.MaxDelay > longest:
		f.invalid("retry.max_delay", fmt.Sprintf("%s is out of range", r.MaxDelay), "write a duration from 1ms to 1h")
	case r.MaxDelay < r.BaseDelay && f.sound("retry.base_delay"):
		f.invalid("retry.max_delay", fmt.Sprintf("%s is less than retry.base_delay, %s", r.MaxDelay, r.BaseDelay),
			"make it at least as long")
	}
	if math.IsNaN(r.Jitter) || r.Jitter < 0 || r.Jitter > 1 {
		f.invalid("retry.jitter", fmt.Sprintf("%g is out of range", r.Jitter), "write a share from 0 to 1, such as 0.1")
	}
}

func (e *Email) validate(f *faults) {
	if e.SMTP == "" && e.From == "" && len(e.To) == 0 && e.Username == "" && e.PasswordFile == "" {
		return
	}
	const half, path = "is empty, though other keys of alert.email are set", "alert.email"
	if e.SMTP == "" {
		f.invalid(path+".smtp", half, "write the mail server as host:port, such as smtp.example.org:587, or remove the others")
	} else {
		mailServer(f, path+".smtp", e.SMTP)
	}
	if e.From == "" {
		f.invalid(path+".from", half, "write the sender's address, or remove the others")
	} else {
		mailAddress(f, path+".from", e.From)
	}
	if len(e.To) == 0 {
		f.invalid(path+".to", half, "write the addresses to tell, such as [you@example.org], or remove the others")
	}
	for i, to := range e.To {
		mailAddress(f, element(path+".to", i), to)
	}
	if e.Username != "" && e.PasswordFile == "" {
		f.invalid(path+".password_file", "is empty, though alert.email.username is set", "name the file that holds the mail account's password")
	}
	if e.PasswordFile != "" {
		if e.Username == "" {
			f.invalid(path+".username", "is empty, though alert.email.password_file is set", "write the mail account's name too")
		}
		e.Password = readPassword(f, path+".password_file", e.PasswordFile)
	}
}

func (h *History) validate(f *faults) {
	const longest = 10 * 365 * 24 * time.Hour
	if h.MaxAge < time.Minute || h.MaxAge > longest {
		f.invalid("history.max_age", fmt.Sprintf("%s is out of range", h.MaxAge), "write a duration from 1m to 87600h; 168h is a week")
	}
	if h.MaxMegabytes < 1 || h.MaxMegabytes > 100_000 {
		f.invalid("history.max_megabytes", fmt.Sprintf("%d is out of range", h.MaxMegabytes), "write 1 to 100000")
	}
}

func mailAddress(f *faults, path, address string) {
	if _, err := mail.ParseAddress(address); err != nil {
		f.invalid(path, fmt.Sprintf("%.*q is not a mail address", maxShown, address), "write one such as you@example.org")
	}
}

// minAmazonInterval is the shortest interval for Amazon's own hosts, which throttle
// whoever asks more often. Other hosts, of tests and proxies, have one second.
const minAmazonInterval = time.Minute

// pace checks how often a source is asked, and how long it may take.
func pace(f *faults, section string, shortest, interval, timeout time.Duration) {
	if interval < shortest {
		remedy := fmt.Sprintf("write at least %.0fs", shortest.Seconds())
		if shortest == minAmazonInterval {
			remedy += ": Amazon throttles clients that ask more often"
		}
		f.invalid(section+".interval", fmt.Sprintf("%s is too short", interval), remedy)
	}
	switch {
	case timeout <= 0:
		f.invalid(section+".timeout", fmt.Sprintf("%s is no time at all", timeout), "write a duration such as 10s")
	case timeout > interval && f.sound(section+".interval"):
		f.invalid(section+".timeout", fmt.Sprintf("%s is longer than %s.interval, %s", timeout, section, interval),
			"make it at most as long")
	}
}

// maxTopic bounds a configured part of a topic, in bytes. MQTT ends at 65,535
// for the whole; nobody types more than this.
const maxTopic = 256

// topic checks the first part of a topic.
func topic(f *faults, path, topic, example string) {
	remedy := "write words with single slashes between them, such as " + example
	switch {
	case topic == "":
		f.invalid(path, "is empty", remedy)
	case !utf8.ValidString(topic):
		f.invalid(path, "is not UTF-8", remedy)
	case len(topic) > maxTopic:
		f.invalid(path, fmt.Sprintf("is longer than %d bytes", maxTopic), remedy)
	case strings.ContainsAny(topic, "+#"):
		f.invalid(path, quoted(topic)+" holds a wildcard, + or #", remedy)
	case strings.HasPrefix(topic, "$"):
		f.invalid(path, quoted(topic)+" begins with $, which is the broker's own", remedy)
	case strings.HasPrefix(topic, "/"), strings.HasSuffix(topic, "/"):
		f.invalid(path, quoted(topic)+" begins or ends with a slash", remedy)
	case strings.Contains(topic, "//"):
		f.invalid(path, quoted(topic)+" has two slashes in a row", remedy)
	}
}

// sensorMAC is the address that every Zigbee device has, as the Hue bridge and
// Home Assistant write it.
var sensorMAC = regexp.MustCompile(`^(?i)[0-9a-f]{2}(:[0-9a-f]{2}){7}$`)

// rooms checks the names of rooms.
func rooms(f *faults, path string, areas map[string]string) {
	ids := make([]string, 0, len(areas))
	for id := range areas {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		switch {
		case id == "":
			f.invalid(path, "a room has no device", "write the device's id before the colon")
		case areas[id] == "":
			f.invalid(entry(path, id), "is empty", "write the room's name, or remove the line")
		}
	}
}

func choice(f *faults, path, value string, choices ...string) {
	if slices.Contains(choices, value) {
		return
	}
	last := len(choices) - 1
	f.invalid(path, quoted(value)+" is no choice here", "write "+strings.Join(choices[:last], ", ")+" or "+choices[last])
}

func readable(f *faults, path, file string) {
	opened, err := OpenFile(file)
	if err != nil {
		f.unusable(path, quoted(file)+" can't be read: "+reason(err), "name a file that the program's user may read")
		return
	}
	opened.Close()
}
