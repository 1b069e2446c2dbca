package bridge

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
)

// requestHandler carries out the requests of users, from MQTT and from Live. Only the owner's
// goroutine uses it.
type requestHandler struct {
	*publisher
}

// responsePayload is the payload of a response topic.
type responsePayload struct {
	Status string `json:"status"` // "ok" or "error"
	Source string `json:"source,omitempty"`
	Error  string `json:"error,omitempty"`
}

// handle carries out a request from MQTT and responds.
func (r requestHandler) handle(name, payload string) {
	var (
		source string
		err    error
	)
	switch name {
	case "refresh":
		source, err = r.refresh(payload)
	case "acknowledge":
		source, err = r.acknowledge(payload)
	case mqtt.RequestCheck:
		return
	default:
		r.log.Warn("unknown request ignored; the requests are refresh and acknowledge", zap.String("request", collectors.CleanText(name)))
		return
	}
	answer := responsePayload{Status: "ok", Source: source}
	if err != nil {
		answer.Status, answer.Error = "error", err.Error()
	}
	r.publish(r.announcer.Response(name), answer)
}

// refresh polls the source of this name, or all sources if there is none. It returns the
// source, and an error if every endpoint is paused.
func (r requestHandler) refresh(name string) (source string, err error) {
	endpoints := r.endpoints
	if r.alerts.Has(name) {
		source, endpoints = name, r.endpointsOf(name)
	}
	requested := false
	var until time.Time
	for _, e := range endpoints {
		if e.throttling.active() {
			until = latest(until, e.throttling.until)
			continue
		}
		e.requestPoll()
		requested = true
	}
	if !requested && !until.IsZero() {
		return source, fmt.Errorf("the source asks for fewer requests and is not polled before %s", until.Format(time.RFC3339))
	}
	return source, nil
}

// acknowledge marks the problem of a source as seen, so that no notification follows.
func (r requestHandler) acknowledge(name string) (source string, err error) {
	if !r.alerts.Has(name) {
		return "", errors.New("the payload must name a source: " + strings.Join(r.alerts.Sources(), ", "))
	}
	return name, r.alerts.Acknowledge(name)
}
