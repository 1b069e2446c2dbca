package web

import (
	"context"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/web/sparkline"
)

// Bridge is the bridge that the page shows. *bridge.Live implements it.
type Bridge interface {
	Picture(ctx context.Context) (bridge.Picture, error)
	Watch(ctx context.Context, changed func()) error
	Refresh(ctx context.Context, source string) error
	Acknowledge(ctx context.Context, source string) error
}

// Mode is the way in which the page is served.
type Mode int

const (
	// Service is the page of a bridge that runs.
	Service Mode = iota
	// Ingress is the page of a Home Assistant app. It is served only through Home
	// Assistant's Ingress, which authenticates the visitors.
	Ingress
	// Setup is the page of the command setup, whose bridge publishes nothing.
	Setup
)

// Options configure a Server.
type Options struct {
	Mode   Mode
	Config *configs.Config
	// ConfigFile is shown as the file to edit. It is empty if the configuration is
	// set in Home Assistant.
	ConfigFile string

	// PrintCode is called with a one-time code for signing in, at the start and after
	// each use of a code. If it is nil, no code is accepted.
	PrintCode func(code string)

	Bridge Bridge
	// Sparklines has the values of the last 24 hours; nil if the page draws none.
	Sparklines *sparkline.Recorder
	// Health is served beside the page; it may be nil.
	Health *health.Checks
	// LogBuffer has the log that the page shows; it may be nil.
	LogBuffer *LogBuffer
	// Log receives the page's own messages.
	Log *zap.Logger

	// FindHue searches for Hue bridges.
	FindHue pairing.FindFunc
	// Retrier returns the retrier for requests to a source.
	Retrier func(source string) *collectors.Retrier
	// Ready is called when a source has been paired or signed in to. It has the bridge
	// poll the source.
	Ready func(ctx context.Context, source string) error
	// Check runs all checks of the command check.
	Check func(ctx context.Context) []check.Finding
	// TryBroker checks a broker with the configured settings, except for those given.
	// An empty password means the configured one if the rest is as configured.
	TryBroker func(ctx context.Context, t BrokerTry) []check.Finding
}

// BrokerTry is a broker to check.
type BrokerTry struct {
	Broker, Username string
	Password         configs.Secret
}
