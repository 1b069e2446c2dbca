package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

const (
	// supervisorAddress is the Supervisor's address in the network of the apps.
	supervisorAddress = "http://supervisor"

	supervisorTimeout = 10 * time.Second
	// maxSupervisorAnswer is the maximum size of an answer in bytes.
	maxSupervisorAnswer = 64 << 10
)

// locateBroker returns a function that asks the Supervisor for the broker, or nil if the
// configuration names one.
func locateBroker(c *configs.Config) func(context.Context) (configs.MQTT, error) {
	if !c.App.AskBroker {
		return nil
	}
	s := supervisor{address: supervisorAddress, token: c.App.Token}
	return func(ctx context.Context) (configs.MQTT, error) { return s.broker(ctx, c.MQTT) }
}

// supervisor is Home Assistant's Supervisor, which manages the apps.
type supervisor struct {
	address string
	token   configs.Secret
}

// broker returns m with the broker of Home Assistant's MQTT service. A username in m is kept.
// The error has a remedy.
func (s supervisor) broker(ctx context.Context, m configs.MQTT) (configs.MQTT, error) {
	var service struct {
		Host     string `json:"host"`
		Port     uint16 `json:"port"`
		SSL      bool   `json:"ssl"`
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := s.get(ctx, "/services/mqtt", &service); err != nil {
		return m, err
	}
	if service.Host == "" || service.Port == 0 {
		return m, &collectors.RemedyError{
			Err:    errors.New("the MQTT service of Home Assistant comes without a broker address"),
			Remedy: "restart the app that provides it, such as the Mosquitto broker",
		}
	}
	scheme := "tcp"
	if service.SSL {
		scheme = "ssl"
	}
	m.Broker = scheme + "://" + net.JoinHostPort(service.Host, strconv.Itoa(int(service.Port)))
	if m.Username == "" {
		m.Username, m.Password = service.Username, configs.Secret(service.Password)
	}
	return m, nil
}

// get requests a path of the Supervisor's API and decodes the data of the answer.
func (s supervisor) get(ctx context.Context, path string, data any) error {
	const restart = "restart this app; if that doesn't help, restart Home Assistant"
	with := func(remedy, format string, args ...any) error {
		return &collectors.RemedyError{Err: fmt.Errorf(format, args...), Remedy: remedy}
	}
	ctx, cancel := context.WithTimeout(ctx, supervisorTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	if err != nil {
		return with(restart, "ask the Supervisor for %s: %w", path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxSupervisorAnswer))
	if err != nil {
		return with(restart, "read the Supervisor's answer: %w", err)
	}
	var answer struct {
		Result  string          `json:"result"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	decoded := json.Unmarshal(content, &answer)
	switch {
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return with("restart this app, which gives it a new token; if that doesn't help, reinstall it", "the Supervisor refuses this app's token (HTTP %d)", response.StatusCode)
	case response.StatusCode == http.StatusBadRequest && decoded == nil && answer.Result == "error":
		return with("install the app \"Mosquitto broker\" from Home Assistant's app store and start it, or set the option mqtt.broker of this app",
			"Home Assistant has no MQTT broker (%s)", collectors.CleanText(answer.Message))
	case response.StatusCode != http.StatusOK || decoded != nil || answer.Result != "ok":
		return with(restart, "the Supervisor answers HTTP %d to %s", response.StatusCode, path)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return with(restart, "the Supervisor's answer to %s can't be understood: %w", path, err)
	}
	return nil
}
