package configs

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"
)

// App says how the program runs as a Home Assistant app. It is zero elsewhere.
type App struct {
	// Token authenticates the program at the Supervisor.
	Token Secret
	// AskBroker reports whether the Supervisor is asked for the broker, since the
	// options name none.
	AskBroker bool
}

// AppOptions is where the Supervisor writes the options that the user has chosen.
const AppOptions = "/data/options.json"

// ingressPort is the port of the page: the default of ingress_port in config.yaml.
const ingressPort = "8099"

// LoadApp is Load for a Home Assistant app. The options have the keys of the
// configuration file. The page is for Ingress alone, whatever they say.
func LoadApp(options string, token Secret, environ []string, fs *pflag.FlagSet) (*Config, error) {
	const remedy = "open the Configuration tab of this app in Home Assistant and save it, which writes the file anew"
	content, err := ReadFile(options, maxFileSize)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read: %s: %s", options, reason(err), remedy)
	}
	var chosen struct {
		MQTT struct {
			Broker *string `json:"broker"`
		} `json:"mqtt"`
	}
	if err := json.Unmarshal(content, &chosen); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w: %s", options, err, remedy)
	}
	c, err := Load(options, environ, fs)
	if err != nil {
		return nil, err
	}
	c.App = App{Token: token, AskBroker: chosen.MQTT.Broker == nil}
	if c.App.AskBroker {
		c.MQTT.Broker = "" // the default is another machine's
	}
	c.Web = Web{Listen: ":" + ingressPort, TrustIngress: true}
	return c, nil
}
