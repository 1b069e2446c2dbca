package bridge

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// ServiceManager is who started the process and wants to hear that it is well:
// systemd. The zero one is nobody.
//
// Everything that it hears is said by the owner. A process whose owner hangs is
// of no use, whatever its other goroutines do: it falls silent, and a watchdog
// ends it.
type ServiceManager struct {
	// Notify says a state in sd_notify's words, such as "READY=1".
	Notify func(state string) error
	// Watchdog is how long the process may be silent before it is ended; zero is
	// for ever.
	Watchdog time.Duration
}

// service is what the owner has told the service manager.
type service struct {
	manager ServiceManager
	pings   *time.Ticker
	status  string
	failed  bool // telling it did, which is told once
	log     *zap.Logger
}

// begin says that the owner runs. From then on ping is due whenever the channel
// has something. A broker that is away does not hold it up: polls, alerts and
// mails work without.
func (s *service) begin() (due <-chan time.Time) {
	s.say(daemon.SdNotifyReady)
	if s.manager.Watchdog <= 0 {
		return nil
	}
	s.ping()
	// A third: one ping may come late without harm.
	s.pings = time.NewTicker(s.manager.Watchdog / 3)
	return s.pings.C
}

func (s *service) ping() { s.say(daemon.SdNotifyWatchdog) }

// end says that the process is about to end.
func (s *service) end() {
	if s.pings != nil {
		s.pings.Stop()
	}
	s.say(daemon.SdNotifyStopping)
}

// show says a line for people, if it is news.
func (s *service) show(status string) {
	if status != s.status {
		s.status = status
		s.say("STATUS=" + status)
	}
}

func (s *service) say(state string) {
	if s.manager.Notify == nil {
		return
	}
	if err := s.manager.Notify(state); err != nil && !s.failed {
		s.failed = true
		s.log.Error("the service manager can't be told that all is well; it may end or restart the program", zap.Error(err))
	}
}

// showStatus tells the service manager what systemctl status is to show.
func (w *owner) showStatus() {
	if w.service.manager.Notify == nil {
		return
	}
	parts := []string{"connected to the broker"}
	if w.out == nil {
		parts[0] = "no connection to the broker"
	}
	devices := make(map[string]int)
	for _, d := range w.devices {
		devices[d.poller.source()]++
	}
	for _, source := range w.sources() {
		polled, failed := 0, 0
		for _, p := range w.pollers {
			if end := w.endpoints[p]; p.source() == source && end.polled {
				polled++
				if end.err != nil {
					failed++
				}
			}
		}
		part := fmt.Sprintf("%s: %d devices", source, devices[source])
		switch {
		case w.alerts[source].raised():
			part = source + ": only you can help, see hueair2mqtt check"
		case polled == 0:
			part = source + ": not asked yet"
		case failed > 0:
			part += ", the last poll failed"
		}
		parts = append(parts, part)
	}
	w.service.show(strings.Join(parts, "; "))
}
