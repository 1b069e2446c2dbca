package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

// runFollowing runs a bridge, which must have a Live, and makes it read the endpoints that
// are set up meanwhile.
func runFollowing(ctx context.Context, c *configs.Config, options bridge.Options) error {
	ctx, end := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer end()
	for _, source := range registry(c) {
		if source.Setup.Endpoints && (source.Enabled || options.Preview) {
			f := follower{source, filepath.Join(c.StateDir, source.Setup.StateFile), options.Live, options.Log}
			following.Go(func() { f.run(ctx) })
		}
	}
	return bridge.Run(ctx, options)
}

// followInterval is the time between two looks at the file.
const followInterval = 2 * time.Second

// follower makes a running bridge read the endpoints that a source's set-up has stored.
type follower struct {
	source sources.Source
	file   string // with the endpoints
	live   *bridge.Live
	log    *zap.Logger
}

// run adds and removes endpoints whenever the file changes, until ctx is done.
func (f follower) run(ctx context.Context) {
	seen := stamp(f.file)
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := stamp(f.file)
		if now == seen {
			continue
		}
		seen = now
		if err := f.apply(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the set-up has changed, but the change can't be applied: restart hueair2mqtt", zap.String("collector", f.source.Name), zap.Error(err))
		}
	}
}

// fileStamp differs for different contents of a file. It is zero if the file is missing.
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

// apply makes the bridge read exactly what is set up and configured.
func (f follower) apply(ctx context.Context) error {
	endpoints, err := f.source.Collectors()
	if err != nil {
		return err
	}
	picture, err := f.live.Picture(ctx)
	if err != nil {
		closeAll(endpoints)
		return err
	}
	added, err := add(ctx, f.live, f.source, endpoints)
	for _, endpoint := range added {
		f.log.Info("an endpoint was set up and is read from now on", zap.String("collector", f.source.Name), zap.String("endpoint", endpoint))
	}
	if err != nil {
		return err
	}
	for _, source := range picture.Sources {
		for _, old := range source.Endpoints {
			stays := slices.ContainsFunc(endpoints, func(c collectors.Collector) bool { return c.Endpoint() == old.Endpoint })
			if source.Source == f.source.Name && !stays {
				if _, err := f.live.Remove(ctx, source.Source, old.Endpoint); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// add gives a running bridge the endpoints that it doesn't read yet, and closes the others.
// It returns the names of the new ones.
func add(ctx context.Context, live *bridge.Live, source sources.Source, endpoints []collectors.Collector) (names []string, err error) {
	for i, task := range tasksOf(source, endpoints) {
		added, err := live.Add(ctx, task)
		if !added {
			task.Collector.Close()
		}
		if err != nil {
			closeAll(endpoints[i+1:])
			return names, err
		}
		if added {
			names = append(names, task.Collector.Endpoint())
		}
	}
	return names, nil
}

func closeAll(endpoints []collectors.Collector) {
	for _, c := range endpoints {
		c.Close()
	}
}
