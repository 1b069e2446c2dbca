package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

// The timetable of the demo shows everything once within ten seconds.
const (
	demoInterval = 2 * time.Second
	demoExpire   = 2500 * time.Millisecond // Amazon's cookies expire
	demoRevoke   = 5 * time.Second         // Amazon revokes the sign-in
	demoRestore  = 7 * time.Second         // and accepts it again
)

func newDemoCommand() *cobra.Command {
	var (
		duration time.Duration
		port     uint16
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the bridge at work, without any device, broker or configuration",
		Long: `Runs the bridge with its own broker, Philips Hue bridge and Amazon account, all in this
process and reachable from this machine only. Prints a line for each MQTT message. It
shows cookies that are renewed, and a sign-in that Amazon revokes and accepts again.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if duration < 0 {
				return errors.New("--for must not be negative; leave it out to run until Ctrl-C")
			}
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			return failed(demo(ctx, port, cmd.OutOrStdout(), cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().DurationVar(&duration, "for", 0, "stop after this time, such as 10s (0: run until Ctrl-C)")
	cmd.Flags().Uint16Var(&port, "port", 0, "loopback port of the demo's broker (0: any free one)")
	return cmd
}

// demo runs until ctx is done.
func demo(ctx context.Context, port uint16, stdout, stderr io.Writer) error {
	stateDir, err := os.MkdirTemp("", "hueair2mqtt-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stateDir)

	// The reader of the output may exit first ("| head"). Without this, SIGPIPE would kill the
	// demo before it has removed its directory.
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGPIPE)
	defer signal.Stop(ignored)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	printer := &demoPrinter{out: stdout, failed: stop}
	address, closeBroker, err := startDemoBroker(port, printer)
	if err != nil {
		return err
	}
	defer closeBroker()

	home := newDemoHome()
	hueURL, closeHue, err := serveLoopback(home.hue)
	if err != nil {
		return err
	}
	defer closeHue()
	alexaURL, closeAlexa, err := serveLoopback(home.amazon)
	if err != nil {
		return err
	}
	defer closeAlexa()

	log, err := newLogger(configs.Log{Level: "warn", Format: "console"}, stderr)
	if err != nil {
		return err
	}
	config := home.config(hueURL, alexaURL, stateDir)
	config.MQTT.Broker = "tcp://" + address
	if err := home.signIn(ctx, config, log); err != nil {
		return err
	}
	tasks, err := tasksToRun(sources.All(config, nil))
	if err != nil {
		return err
	}

	host, brokerPort, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	printer.printf("Two Hue motion sensors and an air quality monitor, polled every %v.\n", demoInterval)
	printer.printf("Watch it from another terminal:  mosquitto_sub -h %s -p %s -v -t '#'\n", host, brokerPort)
	printer.printf("Or point Home Assistant's MQTT integration at it. Press Ctrl-C to stop.\n\n")

	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { home.run(ctx, printer) })
	return bridge.Run(ctx, bridgeOptions(config, tasks, log))
}

// startDemoBroker starts a broker on loopback that prints each message.
func startDemoBroker(port uint16, printer *demoPrinter) (address string, closeBroker func(), err error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", nil, fmt.Errorf("opening a port for the broker: %w: choose another with --port", err)
	}
	server := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	err = errors.Join(
		server.AddHook(new(allowAll), nil),
		server.AddListener(listeners.NewNet("demo", listener)),
	)
	if err == nil {
		err = server.Serve()
	}
	if err == nil {
		err = server.Subscribe("#", 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
			if !strings.HasPrefix(p.TopicName, "$") { // topics of the broker itself
				printer.message(p.TopicName, p.Payload)
			}
		})
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("starting the broker: %w", err), listener.Close())
	}
	return listener.Addr().String(), func() { server.Close() }, nil
}

// allowAll authorizes every client on this machine.
type allowAll struct{ broker.HookBase }

func (*allowAll) ID() string { return "allow-all" }
func (*allowAll) Provides(hook byte) bool {
	return hook == broker.OnConnectAuthenticate || hook == broker.OnACLCheck
}
func (*allowAll) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }
func (*allowAll) OnACLCheck(*broker.Client, string, bool) bool              { return true }

// serveLoopback serves a handler on a free loopback port until it is closed.
func serveLoopback(h http.Handler) (url string, closeServer func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	return "http://" + listener.Addr().String(), func() {
		server.Close()
		serving.Wait()
	}, nil
}

// demoHome has a Hue bridge and an Amazon account with values that change.
type demoHome struct {
	hue     *huetest.Bridge
	amazon  *amazontest.Account
	sensors []huetest.MotionSensor
	monitor amazontest.Monitor
}

const (
	demoHueID  = "001788fffe010203"
	demoHueKey = "demo-key"
)

func newDemoHome() *demoHome {
	h := &demoHome{
		hue:    huetest.NewBridge(demoHueID, demoHueKey),
		amazon: amazontest.NewAccount(),
		sensors: []huetest.MotionSensor{
			{MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Temperature: 20.5, Lux: 120, Battery: 87, Reachable: true},
			{MAC: "00:17:88:01:02:03:04:06", Name: "Cellar", Temperature: 14.2, Lux: 3, Battery: 41, Reachable: true},
		},
		monitor: amazontest.Monitor{
			Serial: "G0A00000000DEMO1", EntityID: "0d0e0f00-0000-4000-8000-000000000001", ApplianceID: "AAA_DEMO_1",
			Name: "Living Room Air", Temperature: 21.4, Humidity: 47, PM25: 6, PM10: 9, CO: 0, VOCIndex: 12, AirQuality: 92, Reachable: true,
		},
	}
	h.step(0)
	return h
}

// config returns the configuration of a bridge that reads the home.
func (h *demoHome) config(hueURL, amazonURL, stateDir string) *configs.Config {
	return &configs.Config{
		MQTT:          configs.MQTT{BaseTopic: "hueair2mqtt", ClientID: "hueair2mqtt-demo"},
		HomeAssistant: configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"},
		Hue: configs.Hue{
			Enabled: true, Interval: demoInterval, Timeout: demoInterval,
			Bridges: []configs.HueBridge{{Host: hueURL, ID: demoHueID, Username: demoHueKey}},
			Areas:   map[string]string{h.sensors[0].MAC: "Hall", h.sensors[1].MAC: "Cellar"},
		},
		Amazon: configs.Amazon{
			Enabled: true, Interval: demoInterval, Timeout: demoInterval, Domain: "amazon.co.uk",
			Areas:     map[string]string{h.monitor.Serial: "Living Room"},
			Endpoints: configs.AmazonEndpoints{Alexa: amazonURL, Auth: amazonURL},
		},
		Retry:    configs.Retry{Attempts: 3, BaseDelay: 100 * time.Millisecond, Multiplier: 2, MaxDelay: time.Second, Jitter: 0.1},
		StateDir: stateDir,
	}
}

// signIn signs in to the account as a user does, whose part it plays.
func (h *demoHome) signIn(ctx context.Context, c *configs.Config, log *zap.Logger) error {
	signIn, err := account.NewSignIn(sources.AmazonOptions(c).Account)
	if err != nil {
		return err
	}
	defer signIn.Close()
	landing, err := h.amazon.Consent(signIn.Address())
	if err != nil {
		return err
	}
	_, err = signIn.Finish(ctx, collectors.NewRetrier(collectors.DefaultRetryPolicy, amazon.Source, log), landing)
	return err
}

// run changes the values every second, expires the cookies once, and revokes and restores the
// sign-in once, until ctx is done.
func (h *demoHome) run(ctx context.Context, printer *demoPrinter) {
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	expire := time.NewTimer(demoExpire)
	defer expire.Stop()
	revoke := time.NewTimer(demoRevoke)
	defer revoke.Stop()
	restore := time.NewTimer(demoRestore)
	defer restore.Stop()
	renewals := math.MaxInt // that there were when the cookies ended
	for n := 1; ; {
		if h.amazon.Requests(amazontest.TokenPath) > renewals {
			renewals = math.MaxInt
			printer.printf("\n-- The cookies were renewed, without any action by the user and without an alert --\n\n")
		}
		select {
		case <-ctx.Done():
			return
		case <-seconds.C:
			h.step(n)
			n++
		case <-expire.C:
			printer.printf("\n-- Amazon's cookies expire early: the next poll renews them --\n\n")
			renewals = h.amazon.Requests(amazontest.TokenPath)
			h.amazon.KillCookies()
		case <-revoke.C:
			printer.printf("\n-- Amazon revokes the sign-in: see the problem topic and the monitor's availability --\n\n")
			h.amazon.Revoke()
		case <-restore.C:
			printer.printf("\n-- Amazon accepts the sign-in again: the alert clears by itself --\n\n")
			h.amazon.Restore()
		}
	}
}

// step sets every value to that of second n.
func (h *demoHome) step(n int) {
	wave := func(period float64) float64 { return math.Sin(2 * math.Pi * float64(n) / period) }
	for i, s := range h.sensors {
		s.Temperature += 0.5 * wave(20+float64(i))
		s.Lux *= 1 + 0.2*wave(15)
		s.Motion = n%(4+3*i) < 2
		h.hue.SetMotionSensor(s)
	}
	m := h.monitor
	m.Temperature += 0.4 * wave(25)
	m.Humidity = math.Round(m.Humidity + 2*wave(30))
	m.PM25 = math.Round(m.PM25 + 3*wave(12))
	m.PM10 = math.Round(m.PM10 + 4*wave(12))
	m.VOCIndex = math.Round(m.VOCIndex + 5*wave(18))
	m.AirQuality = math.Round(m.AirQuality - 4*wave(12))
	h.amazon.SetMonitor(m)
}
