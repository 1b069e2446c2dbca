package cli

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/sources"
	"hueair2mqtt/internal/web"
	"hueair2mqtt/internal/web/sparkline"
)

// listenAgain is the pause before web.listen is opened again while another program uses the
// port. The bridge runs meanwhile.
const listenAgain = 10 * time.Second

// page is the page in the browser with the bridge that it shows.
type page struct {
	cmd    *cobra.Command
	config *configs.Config
	setup  bool
	live   *bridge.Live
	health *health.Checks
	buffer *web.LogBuffer
	lines  *sparkline.Recorder
	log    *zap.Logger
	code   func(code string)
}

// newPage returns the page of the bridge that live observes. From now on the page's log
// records what log gets.
func newPage(cmd *cobra.Command, c *configs.Config, live *bridge.Live, log *zap.Logger) (*page, error) {
	p := &page{cmd: cmd, config: c, live: live, health: healthChecks(live), buffer: new(web.LogBuffer), lines: sparkline.New()}
	kept, err := newLogger(configs.Log{Level: c.Log.Level, Format: "console"}, p.buffer)
	if err != nil {
		return nil, err
	}
	p.log = log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { return zapcore.NewTee(core, kept.Core()) }))
	return p, nil
}

// around runs a bridge together with the page and waits for both to end. listen opens the
// page's port.
func (p *page) around(ctx context.Context, o bridge.Options, listen func(context.Context) (net.Listener, error)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	o.Log, o.Live = p.log, p.live
	o.OnReadings = func(device string, readings map[collectors.Measurement]collectors.Value) {
		p.lines.Record(time.Now(), device, readings)
	}
	server := web.New(ctx, p.options(o))
	var serving sync.WaitGroup
	serving.Go(func() {
		// Without the page run continues, but setup is useless.
		if p.setup {
			defer end()
		}
		listener, err := listen(ctx)
		if err != nil {
			return // ctx is done
		}
		if err := server.Serve(listener); err != nil {
			p.log.Error("the page in the browser has stopped", zap.Error(err))
		}
	})
	err := runFollowing(ctx, p.config, o)
	end()
	serving.Wait()
	return err
}

// listen opens web.listen and retries until it succeeds.
func (p *page) listen(ctx context.Context) (net.Listener, error) {
	for reported := false; ; reported = true {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.config.Web.Listen)
		if err == nil {
			p.log.Info("the page in the browser is ready", zap.String("url", "http://"+listener.Addr().String()+p.config.Web.BasePath+"/"))
			return listener, nil
		}
		if !reported && ctx.Err() == nil {
			p.log.Error("web.listen can't be opened, so there is no page in the browser yet: stop the program that uses the port, or set another port; hueair2mqtt tries again every 10 s", zap.Error(err))
		}
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *page) options(o bridge.Options) web.Options {
	mode, file := web.Service, p.cmd.Flag("config").Value.String()
	switch {
	case p.config.App.Token != "":
		mode, file = web.Ingress, "" // options are set in Home Assistant
	case p.setup:
		mode = web.Setup
	}
	return web.Options{
		Mode: mode, Config: p.config, ConfigFile: file, PrintCode: p.code,
		Bridge: p.live, Sparklines: p.lines, Health: p.health, LogBuffer: p.buffer, Log: p.log,
		FindHue: finder.Find,
		Retrier: func(source string) *collectors.Retrier {
			return collectors.NewRetrier(collectors.RetryPolicy(p.config.Retry), source, p.log)
		},
		Ready: p.ready,
		Check: func(ctx context.Context) []check.Finding { return findAll(ctx, p.cmd) },
		TryBroker: func(ctx context.Context, t web.BrokerTry) []check.Finding {
			return tryBroker(ctx, o, t)
		},
	}
}

// ready makes the bridge read, at once, the source that has just been set up.
func (p *page) ready(ctx context.Context, source string) error {
	s, found := sources.ByName(registry(p.config), source)
	if found && (p.setup || s.Enabled) {
		endpoints, err := s.Endpoints()
		if err != nil {
			return err
		}
		if _, err := add(ctx, p.live, s, endpoints); err != nil {
			return err
		}
	}
	return p.live.Refresh(ctx, source)
}

// tryBroker examines the configured broker or another one that the user has entered. Only the
// configured broker gets the configured password.
func tryBroker(ctx context.Context, o bridge.Options, t web.BrokerTry) []check.Finding {
	const component = "broker"
	environ := []string{"HUEAIR2MQTT_MQTT__BROKER=" + t.Broker}
	if t.Username != "" {
		environ = append(environ, "HUEAIR2MQTT_MQTT__USERNAME="+t.Username)
	}
	if t.Password != "" {
		environ = append(environ, "HUEAIR2MQTT_MQTT__PASSWORD="+t.Password.Reveal())
	}
	typed, err := configs.Load("", environ, nil, "mqtt")
	if faulty, ok := errors.AsType[*configs.FaultsError](err); ok {
		var findings []check.Finding
		for _, f := range faulty.Faults {
			findings = append(findings, check.Failed(component, f.Remedy, "%s %s", f.Path, f.Problem))
		}
		return findings
	}
	if err != nil {
		return []check.Finding{check.FromError(component, err, "")}
	}
	m := typed.MQTT
	if o.Broker.Locate != nil {
		if located, err := o.Broker.Locate(ctx); err == nil {
			o.Broker.Settings = located
		}
	}
	known := m.Username == o.Broker.Settings.Username || m.Username == "" && o.Broker.Locate != nil
	if m.Password == "" && m.Broker == o.Broker.Settings.Broker && known {
		m.Username, m.Password = o.Broker.Settings.Username, o.Broker.Settings.Password
	}
	o.Broker.Settings.Broker, o.Broker.Settings.Username, o.Broker.Settings.Password = m.Broker, m.Username, m.Password
	return check.Broker(ctx, o.Broker, o.HomeAssistant)
}
