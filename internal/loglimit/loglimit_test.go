package loglimit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/internal/loglimit"
)

func TestOneLinePerMinuteWithCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		log, limiter := loglimit.New(zap.New(core))
		for i := range 2000 { // 200 s
			log.With(zap.String("from", fmt.Sprint(i))).Warn("wrong password", zap.Int("n", i))
			log.Debug("below the level")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		log.Warn("wrong password", zap.Int("n", 2000))
		log.Warn("wrong password", zap.Int("n", 2001))
		log.Info("wrong password")
		log.Warn("another message")
		limiter.Close()
		log.Warn("wrong password", zap.Int("n", 2002))
		lines, stoodFor := logs.FilterMessage("wrong password").FilterLevelExact(zapcore.WarnLevel).All(), 0
		for i, line := range lines {
			count, ok := line.ContextMap()["count"].(int64)
			if !ok {
				count = 1
			}
			stoodFor += int(count)
			if i > 0 && i < 4 && line.Time.Sub(lines[i-1].Time) < 59*time.Second {
				t.Errorf("lines at %s and %s", lines[i-1].Time, line.Time)
			}
		}
		if len(lines) != 8 || stoodFor != 2003 || logs.Len() != 10 {
			t.Errorf("%d lines for %d, %d in all", len(lines), stoodFor, logs.Len())
		}
		if lines[1].ContextMap()["from"] == "0" || lines[1].ContextMap()["n"] == nil {
			t.Errorf("fields %v", lines[1].ContextMap())
		}
	})
}

func TestLinesAreDistinguished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		log, limiter := loglimit.New(zap.New(core), "endpoint", "attempt")
		for range 100 {
			for _, endpoint := range []string{"a", "b"} {
				for attempt := range 2 {
					log.With(zap.String("endpoint", endpoint)).Warn("retrying", zap.Int("attempt", attempt))
				}
			}
			log.DPanic("critical")
			log.Debug("details")
		}
		if n := logs.FilterMessage("retrying").Len(); n != 4 {
			t.Errorf("%d lines", n)
		}
		if n := logs.FilterMessage("critical").Len(); n != 1 {
			t.Errorf("%d critical lines", n)
		}
		if n := logs.FilterMessage("details").Len(); n != 100 {
			t.Errorf("%d lines for debugging", n)
		}
		limiter.Close()
		if n := logs.FilterMessage("retrying").Len(); n != 8 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestManyMessagesConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		log, limiter := loglimit.New(zap.New(core))
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				for j := range 10_000 {
					log.Error(fmt.Sprint("message ", j), zap.Error(errors.New("x")), zap.Int("of", i))
				}
			})
		}
		wg.Wait()
		if n := logs.Len(); n > 4097 {
			t.Errorf("%d lines", n)
		}
		limiter.Close()
	})
}
