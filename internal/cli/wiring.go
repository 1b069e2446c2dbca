package cli

import (
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

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

func bridgeOptions(c *configs.Config, tasks []bridge.Task, log *zap.Logger) bridge.Options {
	return bridge.Options{
		LocateBroker: locateBroker(c), MQTT: c.MQTT, HomeAssistant: c.HomeAssistant, Retry: c.Retry, Email: c.Alert.Email, History: c.History,
		StateDir: c.StateDir, Version: versionText(), Tasks: tasks, Log: log,
	}
}
