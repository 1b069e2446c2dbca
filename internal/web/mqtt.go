package web

import (
	"cmp"
	"context"
	"net/http"
	"path/filepath"
	"strings"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/check"
)

// brokerTrial is the page about MQTT. It checks brokers before they are configured.
type brokerTrial struct {
	options *Options
	jobs    *jobs
	job     job[brokerResult]
}

// brokerResult is a broker that was checked, with the findings.
type brokerResult struct {
	Broker, Username string
	OwnPassword      bool // not the configured one
	Findings         []check.Finding
}

type mqttData struct {
	Broker, Username string // for the form
	Configured       configs.MQTT
	HomeAssistant    configs.HomeAssistant
	State            bridge.BrokerPicture
	Trial            jobState[brokerResult]
	Lines            []string
	PasswordFile     string // for the password that was typed in and works; else ""
	Topics           discovery.Topics
	Devices          []bridge.DevicePicture
}

func (b *brokerTrial) content(p bridge.Picture) (data any, busy bool) {
	c := b.options.Config
	shown := mqttData{
		Broker: cmp.Or(c.MQTT.Broker, p.Broker.Address), Username: c.MQTT.Username, Configured: c.MQTT, HomeAssistant: c.HomeAssistant,
		State: p.Broker, Trial: b.job.now(), Lines: b.lines(),
		Topics: discovery.Topics{Base: c.MQTT.BaseTopic, Prefix: c.HomeAssistant.Prefix}, Devices: p.Devices,
	}
	shown.Configured.Broker = b.address(p.Broker)
	if tried := shown.Trial; !tried.Began.IsZero() {
		shown.Broker, shown.Username = tried.Result.Broker, tried.Result.Username
	}
	if b.works() && shown.Trial.Result.OwnPassword {
		shown.PasswordFile = b.passwordFile()
	}
	return shown, shown.Trial.Running
}

// address returns the broker as configured, or as Home Assistant has named it.
func (b *brokerTrial) address(p bridge.BrokerPicture) string {
	return cmp.Or(b.options.Config.MQTT.Broker, p.Address, "Home Assistant's broker")
}

func (b *brokerTrial) try(r *http.Request) string {
	try := BrokerTry{
		Broker:   strings.TrimSpace(r.PostForm.Get("broker")),
		Username: strings.TrimSpace(r.PostForm.Get("username")),
		Password: configs.Secret(r.PostForm.Get("password")),
	}
	b.job.start(b.jobs, checkLimit, func(ctx context.Context, update func(func(*brokerResult))) error {
		update(func(result *brokerResult) {
			result.Broker, result.Username, result.OwnPassword = try.Broker, try.Username, try.Password != ""
		})
		findings := b.options.TryBroker(ctx, try)
		update(func(result *brokerResult) { result.Findings = findings })
		return nil
	})
	return "/mqtt"
}

// works reports whether the last broker that was checked works.
func (b *brokerTrial) works() bool {
	last := b.job.now()
	return last.Done() && passed(last.Result.Findings)
}

// lines returns the lines that the configuration lacks for the broker that was
// checked last, if it works.
func (b *brokerTrial) lines() []string {
	tried, c := b.job.now().Result, b.options.Config.MQTT
	if !b.works() || tried.Broker == c.Broker && tried.Username == c.Username {
		return nil
	}
	lines := []string{"mqtt:", "  broker: " + yamlString(tried.Broker)}
	if tried.Username != "" {
		lines = append(lines, "  username: "+yamlString(tried.Username))
	}
	return lines
}

// passwordFile returns the file for the broker's password: the configured one, or the
// one that is read without any configuration.
func (b *brokerTrial) passwordFile() string {
	if file := b.options.Config.MQTT.PasswordFile; file != "" || b.options.ConfigFile == "" {
		return file
	}
	return filepath.Join(filepath.Dir(b.options.ConfigFile), "credentials", "mqtt-password")
}

func yamlString(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
