package bridge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// streamingSource is a source with an event stream.
type streamingSource struct {
	*source
	updates chan streamed
}

type streamed struct {
	update collectors.Update
	err    error
}

func (s *streamingSource) Next(ctx context.Context) (collectors.Update, error) {
	select {
	case h := <-s.updates:
		if h.err == nil && len(h.update.Devices)+len(h.update.Events) == 0 {
			panic("surprise")
		}
		return h.update, h.err
	case <-ctx.Done():
		return collectors.Update{}, ctx.Err()
	}
}

func button() collectors.Device {
	d := motionSensor("1", 21)
	d.EventTypes = map[string][]string{"button_1": {"initial_press", "short_release"}}
	return d
}

func inStreamingHome(t *testing.T, test func(t *testing.T, s *streamingSource, h *testHome)) {
	s := &streamingSource{hueSource().reports(button()), make(chan streamed)}
	inHome(t, nil, func(t *testing.T, h *testHome) {
		h.options.Tasks = []bridge.Task{{Collector: s, Interval: time.Minute, AlertFile: "ALERT_hue.txt"}}
		s.updates = make(chan streamed) // made in the bubble
		h.start()
		after(time.Second)
		test(t, s, h)
	})
}

func press(eventType string) collectors.Update {
	return collectors.Update{Events: []collectors.Event{{DeviceID: "hue_1", Key: "button_1", Type: eventType}}}
}

func TestUpdateIsPublishedImmediately(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		s.updates <- streamed{update: collectors.Update{Devices: []collectors.Device{motionSensor("1", 30)}}}
		after(0)
		if got := h.get(stateOne); !strings.Contains(got, `"temperature":30`) {
			t.Errorf("state is %s", got)
		}
		if got := h.get(configOne); !strings.Contains(got, "button_1") {
			t.Errorf("an update removed the button: %s", got)
		}
		s.updates <- streamed{update: press("initial_press")}
		s.updates <- streamed{update: press("short_release")}
		after(0)
		var pressed []string
		for _, l := range h.lines() {
			if l.topic == "hueair2mqtt/hue_1/button_1" {
				pressed = append(pressed, l.payload)
			}
		}
		if got := strings.Join(pressed, ""); got != `{"event_type":"initial_press"}{"event_type":"short_release"}` {
			t.Errorf("events %s", got)
		}
		if retained := h.server.Topics.Messages("hueair2mqtt/hue_1/button_1"); len(retained) != 0 {
			t.Error("an event is retained")
		}
		if s.polled() != 1 {
			t.Errorf("%d polls, want the first alone", s.polled())
		}
	})
}

func TestPollsContinueDuringStream(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		for range 100 {
			s.updates <- streamed{update: press("initial_press")}
			after(3 * time.Second)
		}
		if got := s.polled(); got < 5 || got > 7 {
			t.Errorf("%d polls in five minutes", got)
		}
		before := s.polled()
		h.publish("hueair2mqtt/bridge/request/refresh", "", false)
		after(2 * time.Second)
		if s.polled() != before+1 {
			t.Error("a request did not poll while the stream was followed")
		}
	})
}

func TestResyncPollsOnce(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		after(5 * time.Second)
		s.updates <- streamed{err: collectors.ErrResync}
		after(0)
		if s.polled() != 2 {
			t.Errorf("%d polls, want a second immediately", s.polled())
		}
		go func() {
			for range 5 {
				s.updates <- streamed{err: collectors.ErrResync}
			}
		}()
		after(3 * time.Second)
		if got := s.polled(); got < 3 || got > 6 {
			t.Errorf("%d polls in three seconds of resyncs", got)
		}
		after(time.Minute)
	})
}

func TestPanickingStreamCausesPoll(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		after(5 * time.Second)
		s.updates <- streamed{}
		after(time.Second)
		if s.polled() != 2 {
			t.Errorf("%d polls, want a second one", s.polled())
		}
		h.want(availabilityOne, "online")
	})
}

func TestEventsWithoutBrokerAreDropped(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		h.stopBroker()
		after(time.Second)
		s.updates <- streamed{update: press("initial_press")}
		after(time.Second)
		h.startBroker()
		after(10 * time.Second)
		if n := h.count("hueair2mqtt/hue_1/button_1"); n != 0 {
			t.Errorf("%d events were published late", n)
		}
		h.want(availabilityOne, "online")
	})
}
