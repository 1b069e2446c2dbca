package bridge_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/bridge"
)

// systemd records the notifications of a service.
type systemd struct {
	mu   sync.Mutex
	said []saying
}

type saying struct {
	state string
	at    time.Time
}

func (s *systemd) notify(state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, saying{state, time.Now()})
	return nil
}

// pings returns the times of the watchdog pings.
func (s *systemd) pings() (at []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, said := range s.said {
		if said.state == "WATCHDOG=1" {
			at = append(at, said.at)
		}
	}
	return at
}

func (s *systemd) heard(state string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.said, func(said saying) bool { return said.state == state })
}

// forget drops the records.
func (s *systemd) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = nil
}

const watchdog = time.Minute

// stickyLog is a log on a disk that can hang.
type stickyLog struct {
	zapcore.Core
	hang chan struct{} // closed when the disk works again
}

func (l stickyLog) With(fields []zapcore.Field) zapcore.Core {
	return stickyLog{l.Core.With(fields), l.hang}
}

func (l stickyLog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return c.AddCore(e, l)
}

func (l stickyLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if e.Message == "polled" { // the owner's log entry about a poll
		<-l.hang
	}
	return l.Core.Write(e, fields)
}

func TestHealthyOwnerPingsWatchdog(t *testing.T) {
	s := hueSource().reports(motionSensor("01", 21))
	inHome(t, []*source{s, amazonSource().fails(unreachable())}, func(t *testing.T, h *testHome) {
		manager := &systemd{}
		h.options.ServiceManager = bridge.ServiceManager{Notify: manager.notify, Watchdog: watchdog}
		h.start()
		began := time.Now()
		after(0)
		if !manager.heard("READY=1") {
			t.Error("READY=1 was not sent")
		}
		after(10 * time.Minute)
		h.stopBroker()
		after(10 * time.Minute)
		last := began
		for _, at := range append(manager.pings(), time.Now()) {
			if silence := at.Sub(last); silence > watchdog/2 {
				t.Errorf("no ping for %v", silence)
			}
			last = at
		}
		if manager.heard("STOPPING=1") {
			t.Error("STOPPING=1 was sent too early")
		}
		h.stop()
		if !manager.heard("STOPPING=1") {
			t.Error("STOPPING=1 was not sent")
		}
	})
}

func TestHungOwnerDoesNotPing(t *testing.T) {
	s := hueSource().reports(motionSensor("01", 21))
	inHome(t, []*source{s}, func(t *testing.T, h *testHome) {
		manager, hang := &systemd{}, make(chan struct{})
		h.options.ServiceManager = bridge.ServiceManager{Notify: manager.notify, Watchdog: watchdog}
		h.options.Log = zap.New(stickyLog{h.options.Log.Core(), hang})
		h.start()
		after(time.Second) // the first poll
		manager.forget()
		after(10 * watchdog)
		if pings := manager.pings(); len(pings) > 0 {
			t.Errorf("%d pings by an owner that hangs", len(pings))
		}
		close(hang)
		after(watchdog)
		if len(manager.pings()) == 0 {
			t.Error("no ping after the owner had continued")
		}
	})
}

func TestServiceStatus(t *testing.T) {
	good, bad := hueSource().reports(motionSensor("01", 21), motionSensor("02", 20)), amazonSource().fails(refused())
	inHome(t, []*source{good, bad}, func(t *testing.T, h *testHome) {
		manager := &systemd{}
		h.options.ServiceManager = bridge.ServiceManager{Notify: manager.notify}
		h.start()
		after(time.Minute)
		for _, status := range []string{
			"no connection to the broker; amazon: not polled yet; hue: not polled yet",
			"connected to the broker; amazon: only you can fix this, see hueair2mqtt check; hue: 2 devices",
		} {
			if !manager.heard("STATUS=" + status) {
				t.Errorf("%q was not sent, but %v", status, manager.said)
			}
		}
		good.fails(unreachable())
		h.stopBroker()
		after(2 * time.Minute)
		if status := "no connection to the broker; amazon: only you can fix this, see hueair2mqtt check; hue: 2 devices, the last poll failed"; !manager.heard("STATUS=" + status) {
			t.Errorf("%q was not sent, but %v", status, manager.said)
		}
		if n := len(manager.pings()); n > 0 {
			t.Errorf("%d pings without a watchdog", n)
		}
	})
}
