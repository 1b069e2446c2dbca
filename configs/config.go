// Package configs holds the configuration: its types with their defaults and
// validation, and where values come from.
//
// Load reports all mistakes at once, each with the path of its key, where the
// value was set (a line of the file, a variable, a flag) and what to write
// instead. A fault never contains a Secret.
package configs

import (
	"reflect"
	"strings"
	"time"
)

// DefaultFile is where the package installs the configuration.
const DefaultFile = "/etc/hueair2mqtt/hueair2mqtt.yaml"

// Config is the whole configuration. Load returns it complete and validated.
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

// App describes how the program runs as a Home Assistant app. It is zero
// elsewhere.
type App struct {
	// Token authenticates the program at the Supervisor.
	Token Secret
	// AskBroker means that no broker is configured, so that the Supervisor names it.
	AskBroker bool
}

// HomeAssistant configures MQTT discovery.
type HomeAssistant struct {
	Discovery bool   `koanf:"discovery" usage:"announce devices to Home Assistant"`
	Prefix    string `koanf:"prefix" usage:"Home Assistant's discovery prefix"`
}

// Retry configures how transient failures are retried.
type Retry struct {
	// Attempts includes the first one: 1 to 100.
	Attempts  int           `koanf:"attempts" usage:"max tries of one request, including the first"`
	BaseDelay time.Duration `koanf:"base_delay" usage:"delay before the second try"`
	// Multiplier is at least 1.
	Multiplier float64       `koanf:"multiplier" usage:"growth of the delay from one try to the next"`
	MaxDelay   time.Duration `koanf:"max_delay" usage:"max delay between two tries"`
	// Jitter is a share of the delay, 0 to 1.
	Jitter float64 `koanf:"jitter" usage:"random share added to a delay, 0 to 1"`
}

// History configures the record of readings that the broker missed.
type History struct {
	Enabled bool `koanf:"enabled" usage:"record readings while the broker is away, and publish them later"`
	// MaxAge is at least a minute.
	MaxAge time.Duration `koanf:"max_age" usage:"age at which a recorded reading is dropped"`
	// MaxMegabytes bounds the files, in units of 1,000,000 bytes: 1 to 100,000.
	MaxMegabytes int `koanf:"max_megabytes" usage:"max megabytes of recorded readings; the oldest are dropped"`
}

// Metrics configures the metrics for Prometheus.
type Metrics struct {
	// Listen is empty for no metrics, or host:port, where host may be empty.
	Listen string `koanf:"listen" usage:"host:port of the metrics for Prometheus; empty: no metrics"`
	// Hosts are names in lower case, without port, that scrapers may use. An
	// address, localhost and the host of Listen are always accepted.
	Hosts []string `koanf:"hosts"`
}

// Log configures logging.
type Log struct {
	Level string `koanf:"level" usage:"min level to log: debug, info, warn, error"`
	// Format is "auto", "console" or "json".
	Format string `koanf:"format" usage:"auto, console or json"`
	// File is empty for standard error.
	File string `koanf:"file" usage:"file to log to instead of standard error"`
}

// defaults returns the configuration of an empty file.
func defaults() Config {
	return Config{
		MQTT:          defaultMQTT,
		HomeAssistant: HomeAssistant{Discovery: true, Prefix: "homeassistant"},
		Hue:           defaultHue,
		Amazon:        defaultAmazon,
		Retry:         Retry{Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second, Jitter: 0.1},
		History:       History{MaxAge: 7 * 24 * time.Hour, MaxMegabytes: 64},
		StateDir:      "/var/lib/hueair2mqtt",
		Log:           Log{Level: "info", Format: "auto"},
	}
}

// validate reports bad values, normalizes the others as their types document, and
// reads the password files.
func (c *Config) validate(f *faults) {
	c.MQTT.validate(f)
	topic(f, "homeassistant.prefix", c.HomeAssistant.Prefix, "homeassistant")
	c.Hue.validate(f)
	c.Amazon.validate(f)
	c.Retry.validate(f)
	c.Alert.Email.validate(f)
	c.Web.validate(f)
	c.History.validate(f)
	c.Metrics.validate(f)
	if c.StateDir == "" {
		f.invalid("state_dir", "is empty", "name a directory that the program may write to, such as /var/lib/hueair2mqtt")
	}
	c.Log.validate(f)
}

// validateSources reports a configuration in which no source is enabled. A source is a
// section with the keys enabled and interval.
func (c *Config) validateSources(f *faults) {
	var keys []string
	for _, s := range settings(reflect.TypeFor[Config]()) {
		section := reflect.ValueOf(*c).Field(s.field)
		if s.typ.Kind() != reflect.Struct || !section.FieldByName("Enabled").IsValid() || !section.FieldByName("Interval").IsValid() {
			continue
		}
		key := s.name + ".enabled"
		if section.FieldByName("Enabled").Bool() || !f.sound(key) {
			return
		}
		keys = append(keys, key)
	}
	f.invalid(keys[0], "no source is enabled, so there is nothing to read", "set "+strings.Join(keys, " or ")+" to true")
}

func (r *Retry) validate(f *faults) {
	const delays = "write a duration from 1ms to 1h"
	within(f, "retry.attempts", r.Attempts, 1, 100, "write 1 to 100; 1 means no second try")
	within(f, "retry.base_delay", r.BaseDelay, time.Millisecond, time.Hour, delays)
	within(f, "retry.multiplier", r.Multiplier, 1, 100, "write 1 to 100; 1 means that all delays are equal")
	within(f, "retry.max_delay", r.MaxDelay, time.Millisecond, time.Hour, delays)
	if f.sound("retry.base_delay") {
		within(f, "retry.max_delay", r.MaxDelay, r.BaseDelay, time.Hour, "write at least retry.base_delay, "+r.BaseDelay.String())
	}
	within(f, "retry.jitter", r.Jitter, 0, 1, "write a share from 0 to 1, such as 0.1")
}

func (h *History) validate(f *faults) {
	within(f, "history.max_age", h.MaxAge, time.Minute, 10*365*24*time.Hour, "write a duration from 1m to 87600h; 168h is a week")
	within(f, "history.max_megabytes", h.MaxMegabytes, 1, 100_000, "write 1 to 100000")
}

func (m *Metrics) validate(f *faults) {
	if m.Listen != "" {
		hostPort(f, "metrics.listen", m.Listen, true, "write one such as 127.0.0.1:9469, or :9469 for every address of this machine")
	}
	hostNames(f, "metrics.hosts", m.Hosts)
}

func (l *Log) validate(f *faults) {
	choice(f, "log.level", l.Level, "debug", "info", "warn", "error")
	choice(f, "log.format", l.Format, "auto", "console", "json")
	if strings.HasSuffix(l.File, "/") {
		f.invalid("log.file", quoted(l.File)+" is a directory", "name a file in it, such as "+l.File+"hueair2mqtt.log")
	}
}
