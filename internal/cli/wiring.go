package cli

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/sources"
)

// finder searches for Hue bridges. Tests replace it with one that stays on this machine.
var finder pairing.Finder

// registry returns all sources as the configuration has them.
func registry(c *configs.Config) []sources.Source { return sources.All(c, finder.Find) }

// tasksToRun returns the tasks of the enabled sources, except of those that are to be set
// up on the page first.
func tasksToRun(all []sources.Source) (tasks []bridge.Task, err error) {
	for _, source := range all {
		if !source.Enabled || source.AwaitsSetup() {
			continue
		}
		endpoints, err := source.Endpoints()
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, tasksOf(source, endpoints)...)
	}
	return tasks, nil
}

func tasksOf(source sources.Source, endpoints []collectors.Collector) (tasks []bridge.Task) {
	for _, c := range endpoints {
		tasks = append(tasks, bridge.Task{Collector: c, Interval: source.Interval, AlertFile: source.AlertFile})
	}
	return tasks
}

func brokerOptions(c *configs.Config) mqtt.Options {
	return mqtt.Options{Settings: c.MQTT, Locate: locateBroker(c)}
}

func bridgeOptions(c *configs.Config, tasks []bridge.Task, log *zap.Logger) bridge.Options {
	o := bridge.Options{
		Broker:        brokerOptions(c),
		HomeAssistant: c.HomeAssistant, Retry: c.Retry, History: c.History,
		StateDir: c.StateDir, Version: versionText(), Sources: sources.Names(), Tasks: tasks, Log: log,
	}
	if c.Alert.Email.Enabled() {
		o.Notifiers = append(o.Notifiers, &alert.Mail{Settings: c.Alert.Email})
	}
	return o
}

func healthChecks(l *bridge.Live) *health.Checks { return health.New(l.Healthy, l.Ready) }

// serviceManager returns the systemd that started the program as a service, if any, by
// NOTIFY_SOCKET and WATCHDOG_USEC in the environment.
func serviceManager() (bridge.ServiceManager, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return bridge.ServiceManager{}, fmt.Errorf("WATCHDOG_USEC or WATCHDOG_PID in the environment, which systemd sets: %w: remove both", err)
	}
	return bridge.ServiceManager{
		Notify: func(state string) error {
			_, err := daemon.SdNotify(false, state) // returns false, nil without systemd
			return err
		},
		Watchdog: watchdog,
	}, nil
}
