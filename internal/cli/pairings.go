package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

// pairingsEvery is how often the file with the paired Hue bridges is looked at.
const pairingsEvery = 2 * time.Second

// pairings keeps a running bridge in step with the Hue bridges that are paired.
type pairings struct {
	config *configs.Config
	live   *bridge.Live
	log    *zap.Logger
}

// follow takes up Hue bridges that are paired and lets go of those that are
// forgotten, until ctx ends. It returns when the bridge has stopped.
func (p *pairings) follow(ctx context.Context) {
	file := filepath.Join(p.config.StateDir, pairing.StateFile)
	seen := stamp(file)
	tick := time.NewTicker(pairingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := stamp(file)
		if now == seen {
			continue
		}
		seen = now
		if err := p.apply(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("the paired Hue bridges have changed and can't be taken up", zap.Error(err))
		}
	}
}

// fileStamp changes with the content of a file; zero for one that is missing.
type fileStamp struct {
	modified time.Time
	size     int64
}

func stamp(file string) fileStamp {
	info, err := os.Stat(file)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// apply adds and removes tasks until the bridge reads what is paired and configured.
func (p *pairings) apply(ctx context.Context) error {
	tasks, err := hueTasksIfAny(p.config)
	if err != nil {
		return err
	}
	picture, err := p.live.Picture(ctx)
	if err != nil {
		closeTasks(tasks)
		return err
	}
	var wanted []string
	for i, task := range tasks {
		wanted = append(wanted, task.Collector.Endpoint())
		added, err := p.live.Add(ctx, task)
		if !added {
			task.Collector.Close()
		}
		if err != nil {
			closeTasks(tasks[i+1:])
			return err
		}
		if added {
			p.log.Info("a Hue bridge was paired, and is read from now on", zap.String("endpoint", task.Collector.Endpoint()))
		}
	}
	for _, source := range picture.Sources {
		for _, e := range source.Endpoints {
			if source.Source == hue.Source && !slices.Contains(wanted, e.Endpoint) {
				if _, err := p.live.Remove(ctx, hue.Source, e.Endpoint); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func closeTasks(tasks []bridge.Task) {
	for _, t := range tasks {
		t.Collector.Close()
	}
}
