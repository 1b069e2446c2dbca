package bridge

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// ServiceManager is the service manager that started the process, such as systemd. The
// zero ServiceManager is none.
//
// Every notification comes from the owner. If the owner hangs, the notifications stop and
// the watchdog ends the process, even if other goroutines still run.
type ServiceManager struct {
	// Notify sends a state as sd_notify does, such as "READY=1".
	Notify func(state string) error
	// Watchdog is how long the process may send nothing before it is ended; zero means
	// forever.
	Watchdog time.Duration
}

// service notifies the service manager.
type service struct {
	manager ServiceManager
	pings   *time.Ticker
	status  string
	failed  bool // a failure was logged
	log     *zap.Logger
}

// begin notifies the manager that the owner runs, with or without a broker. From then
// on, a ping is due whenever the channel has a value.
func (s *service) begin() (due <-chan time.Time) {
	s.notify(daemon.SdNotifyReady)
	if s.manager.Watchdog <= 0 {
		return nil
	}
	s.ping()
	s.pings = time.NewTicker(s.manager.Watchdog / 3) // one ping may come late
	return s.pings.C
}

func (s *service) ping() { s.notify(daemon.SdNotifyWatchdog) }

// end notifies the manager that the process is about to end.
func (s *service) end() {
	if s.pings != nil {
		s.pings.Stop()
	}
	s.notify(daemon.SdNotifyStopping)
}

// show sends the line for "systemctl status", if it has changed.
func (s *service) show(of *state) {
	if s.manager.Notify == nil {
		return
	}
	if status := of.summary(); status != s.status {
		s.status = status
		s.notify("STATUS=" + status)
	}
}

func (s *service) notify(state string) {
	if s.manager.Notify == nil {
		return
	}
	if err := s.manager.Notify(state); err != nil && !s.failed {
		s.failed = true
		s.log.Error("the service manager cannot be notified; it may end or restart the program", zap.Error(err))
	}
}

// summary returns the state in one line.
func (s *state) summary() string {
	parts := []string{"connected to the broker"}
	if !s.broker.Connected {
		parts[0] = "no connection to the broker"
	}
	devices := s.deviceCounts()
	for _, source := range s.alerts.Sources() {
		polled, failed, count := false, false, 0
		for _, e := range s.endpointsOf(source) {
			polled = polled || e.polled()
			failed = failed || e.err != nil
			count += devices[e]
		}
		part := fmt.Sprintf("%s: %d devices", source, count)
		switch _, raised := s.alerts.Problem(source); {
		case raised:
			part = source + ": only you can fix this, see hueair2mqtt check"
		case !polled:
			part = source + ": not polled yet"
		case failed:
			part += ", the last poll failed"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}
