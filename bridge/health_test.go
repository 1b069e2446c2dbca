package bridge_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// wantHealth checks the text of a health check's error; "" means no error.
func wantHealth(t *testing.T, check func(context.Context) error, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	got := ""
	if err := check(ctx); err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// stuck returns a poll that ignores the end of its context, as a hung system call does.
func stuck(release chan struct{}) func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
	return func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		<-release
		return collectors.Snapshot{}, nil
	}
}

func TestHealthOfPolls(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inLiveHome(t, []*source{hue}, func(t *testing.T, h *testHome, l *bridge.Live) {
		wantHealth(t, l.Healthy, "")
		wantHealth(t, l.Ready, "")

		hue.fails(unreachable())
		after(10 * time.Minute)
		wantHealth(t, l.Healthy, "")
		wantHealth(t, l.Ready, "")

		release := make(chan struct{})
		hue.does(stuck(release)) // from 11:00 on; the last poll was at 10:00
		after(3*time.Minute - 2*time.Second)
		wantHealth(t, l.Healthy, "")
		after(2 * time.Second)
		const overdue = "hue was not polled for 3m1s, although its interval is 1m0s"
		wantHealth(t, l.Healthy, overdue)
		wantHealth(t, l.Ready, overdue)

		hue.reports(motionSensor("1", 21))
		close(release)
		after(2 * time.Minute)
		wantHealth(t, l.Healthy, "")
	})
}

func TestHealthBeforeTheFirstPoll(t *testing.T) {
	hue := hueSource()
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		release := make(chan struct{})
		hue.does(stuck(release))
		l := bridge.NewLive()
		h.options.Live = l
		h.start()
		after(time.Second)
		wantHealth(t, l.Healthy, "")
		wantHealth(t, l.Ready, "hue was not polled yet")
		after(3 * time.Minute)
		wantHealth(t, l.Healthy, "hue was not polled for 3m1s, although its interval is 1m0s")
		close(release)
	})
}

func TestReadyNeedsTheBroker(t *testing.T) {
	inLiveHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome, l *bridge.Live) {
		h.stopBroker()
		after(time.Second)
		wantHealth(t, l.Healthy, "")
		wantHealth(t, l.Ready, "there is no connection to the broker")
		h.startBroker()
		after(10 * time.Second)
		wantHealth(t, l.Ready, "")
	})
}

func TestHealthOfAHungOwner(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		hang := make(chan struct{})
		h.options.Log = zap.New(stickyLog{h.options.Log.Core(), hang})
		l := bridge.NewLive()
		h.options.Live = l
		h.start()
		after(time.Second)
		wantHealth(t, l.Healthy, "the bridge does not respond")
		close(hang)
		after(time.Second)
		wantHealth(t, l.Healthy, "")
		h.stop()
		wantHealth(t, l.Healthy, "the bridge has stopped")
	})
}

// A pause is healthy: a restart would only poll the throttled source again.
func TestHealthInAPause(t *testing.T) {
	amazon := amazonSource().fails(throttled(0))
	inLiveHome(t, []*source{amazon}, func(t *testing.T, h *testHome, l *bridge.Live) {
		for range 100 { // half a day, with pauses up to 4 hours
			after(7 * time.Minute)
			wantHealth(t, l.Healthy, "")
			wantHealth(t, l.Ready, "")
		}
	})
}

func TestHealthAfterAPause(t *testing.T) {
	amazon := amazonSource().fails(throttled(0))
	inLiveHome(t, []*source{amazon}, func(t *testing.T, h *testHome, l *bridge.Live) {
		release := make(chan struct{})
		amazon.does(stuck(release)) // from 15:00 on, the end of the pause
		after(17 * time.Minute)
		wantHealth(t, l.Healthy, "")
		after(time.Minute)
		wantHealth(t, l.Healthy, "amazon was not polled for 18m1s, although its interval is 1m0s")
		close(release)
	})
}
