package configs

import (
	"cmp"
	"strings"
)

// MQTT configures the connection to the broker.
type MQTT struct {
	// Broker is a URL with a scheme of tcp, mqtt, ssl, tls, mqtts, ws or wss, and
	// always with a port.
	Broker   string `koanf:"broker" usage:"address of the MQTT broker"`
	Username string `koanf:"username" usage:"user name at the broker"`
	// Password is also set from PasswordFile.
	Password     Secret `koanf:"password"`
	PasswordFile string `koanf:"password_file" usage:"file that contains the broker's password and nothing else"`
	// ClientID is empty if the program chooses one.
	ClientID string `koanf:"client_id" usage:"MQTT client id; empty: the program chooses one"`
	CAFile   string `koanf:"ca_file" usage:"PEM file of the authority that signed the broker's certificate"`
	CRLFile  string `koanf:"crl_file" usage:"PEM file of the authority's revoked certificates"`
	CertFile string `koanf:"cert_file" usage:"PEM file of the client certificate"`
	KeyFile  string `koanf:"key_file" usage:"PEM file of the client certificate's key"`
	// BaseTopic begins every topic except those of discovery. It has no slash at
	// either end and no wildcard.
	BaseTopic string `koanf:"base_topic" usage:"first part of every topic"`
}

var defaultMQTT = MQTT{Broker: "tcp://localhost:1883", BaseTopic: "hueair2mqtt"}

// brokerPorts has the default port of each scheme: for MQTT those of IANA, for
// WebSocket those of HTTP.
var brokerPorts = map[string]string{
	"tcp": "1883", "mqtt": "1883",
	"ssl": "8883", "tls": "8883", "mqtts": "8883",
	"ws": "80", "wss": "443",
}

func (m *MQTT) validate(f *faults) {
	encrypted := m.normalizeBroker(f)
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
			f.invalid("mqtt.password_file", "mqtt.password is set too", "keep one of the two")
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
		if opened, err := OpenFile(file.name); err != nil {
			f.unreadable(file.path, file.name, err)
		} else {
			opened.Close()
		}
		if !encrypted && f.sound("mqtt.broker") {
			f.invalid(file.path, "has no effect, because the connection to the broker is not encrypted",
				"begin mqtt.broker with ssl://, or remove this key")
		}
	}
	if m.CertFile != "" && m.KeyFile == "" {
		f.invalid("mqtt.key_file", "is empty, but mqtt.cert_file is set", "name the file with the certificate's key")
	}
	if m.KeyFile != "" && m.CertFile == "" {
		f.invalid("mqtt.cert_file", "is empty, but mqtt.key_file is set", "name the file with the key's certificate")
	}
	topic(f, "mqtt.base_topic", m.BaseTopic, "hueair2mqtt")
}

// normalizeBroker adds scheme and port to the broker's address, and reports
// whether the connection is encrypted.
func (m *MQTT) normalizeBroker(f *faults) (encrypted bool) {
	const path, remedy = "mqtt.broker", "write a URL such as tcp://192.168.1.10:1883, or ssl://broker.example.org:8883 for TLS"
	if m.Broker == "" {
		f.invalid(path, "is empty", remedy)
		return false
	}
	scheme, _, _ := strings.Cut(strings.ToLower(m.Broker), "://")
	web := scheme == "ws" || scheme == "wss"
	rule := urlRule{
		schemes: []string{"", "tcp", "mqtt", "ssl", "tls", "mqtts", "ws", "wss"}, path: web, query: web,
		remedy: remedy, credentials: "write them as mqtt.username and mqtt.password_file",
	}
	u := rule.parse(f, path, m.Broker)
	if u == nil {
		m.Broker = ""
		return false
	}
	u.Scheme = cmp.Or(u.Scheme, "tcp")
	if u.Port() == "" {
		u.Host += ":" + brokerPorts[u.Scheme]
	}
	m.Broker = u.String()
	switch u.Scheme {
	case "ssl", "tls", "mqtts", "wss":
		return true
	}
	return false
}
