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

// brokerTried is a broker that was tried, and what was found.
type brokerTried struct {
	Broker, Username string
	WithPassword     bool // another one than the configured
	Findings         []check.Finding
}

type mqttPage struct {
	Broker, Username string // to fill the form with
	Configured       configs.MQTT
	HomeAssistant    configs.HomeAssistant
	Picture          bridge.BrokerPicture
	Trying           jobState[brokerTried]
	Works            bool
	Lines            []string
	PasswordFile     string // for the password that was tried and works; else empty
	File             string
	Announced        []announcement
	Setup            bool
}

// announcement is a device as Home Assistant is told of it.
type announcement struct {
	Name, Area, Topic, Config string
	Entities                  []string
}

func (s *Server) mqttPage(p bridge.Picture) mqttPage {
	c := s.o.Config
	page := mqttPage{
		Broker: cmp.Or(c.MQTT.Broker, p.Broker.Address), Username: c.MQTT.Username, Configured: c.MQTT, HomeAssistant: c.HomeAssistant,
		Picture: p.Broker, Trying: s.trying.now(), File: s.o.ConfigFile, Setup: s.o.Setup,
	}
	page.Configured.Broker = s.brokerAddress(p.Broker)
	if tried := page.Trying; !tried.Began.IsZero() {
		page.Broker, page.Username = tried.Result.Broker, tried.Result.Username
		page.Works = tried.Done() && works(tried.Result.Findings)
		page.Lines = s.brokerLines()
		if page.Works && tried.Result.WithPassword {
			page.PasswordFile = s.passwordFile()
		}
	}
	topics := discovery.Topics{Base: c.MQTT.BaseTopic, Prefix: c.HomeAssistant.Prefix}
	for _, d := range p.Devices {
		a := announcement{Name: d.Name, Area: d.Area, Topic: topics.State(d.ID), Config: topics.Config(d.ID)}
		for _, r := range readings(d) {
			a.Entities = append(a.Entities, r.Name)
		}
		a.Entities = append(a.Entities, eventNames(d)...)
		page.Announced = append(page.Announced, a)
	}
	return page
}

// brokerAddress is the configured one, or the one that Home Assistant has named.
func (s *Server) brokerAddress(p bridge.BrokerPicture) string {
	return cmp.Or(s.o.Config.MQTT.Broker, p.Address, "the broker of Home Assistant")
}

func (s *Server) doTryBroker(r *http.Request, _ visit) string {
	try := BrokerTry{
		Broker:   strings.TrimSpace(r.PostForm.Get("broker")),
		Username: strings.TrimSpace(r.PostForm.Get("username")),
		Password: configs.Secret(r.PostForm.Get("password")),
	}
	s.trying.begin(s, checkLimit, func(ctx context.Context, update func(func(*brokerTried))) error {
		update(func(t *brokerTried) {
			t.Broker, t.Username, t.WithPassword = try.Broker, try.Username, try.Password != ""
		})
		findings := s.o.TryBroker(ctx, try)
		update(func(t *brokerTried) { t.Findings = findings })
		return nil
	})
	return "/mqtt"
}

// brokerLines are those that the configuration needs for the broker that was tried
// last and works.
func (s *Server) brokerLines() []string {
	tried, c := s.trying.now(), s.o.Config.MQTT
	t := tried.Result
	if !tried.Done() || !works(t.Findings) || t.Broker == c.Broker && t.Username == c.Username {
		return nil
	}
	lines := []string{"mqtt:", "  broker: " + yamlText(t.Broker)}
	if t.Username != "" {
		lines = append(lines, "  username: "+yamlText(t.Username))
	}
	return lines
}

// passwordFile is where the password of the broker belongs: the file that is
// configured, else the one that needs no key.
func (s *Server) passwordFile() string {
	if file := s.o.Config.MQTT.PasswordFile; file != "" || s.o.ConfigFile == "" {
		return file
	}
	return filepath.Join(filepath.Dir(s.o.ConfigFile), "credentials", "mqtt-password")
}

// yamlText writes text so that YAML takes it for that.
func yamlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
