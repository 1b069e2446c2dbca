package huetest

import (
	"encoding/json"
	"slices"
	"time"
)

// CutStreams ends all streams in the middle, without the end that HTTP has for a
// body. What was not yet begun to be written is lost. A client that does not read
// is cut a second later.
func (b *Bridge) CutStreams() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutStreams()
}

func (b *Bridge) cutStreams() {
	for s := range b.streams {
		s.cut = true
		s.notify()
		// For who does not read. An error would be that the client is gone.
		_ = s.out.SetWriteDeadline(time.Now().Add(time.Second))
		delete(b.streams, s)
	}
}

// SilenceStreams keeps all streams that are open now open, and sends nothing to
// them ever again. Streams that are opened later are not concerned.
func (b *Bridge) SilenceStreams() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.streams {
		s.silent, s.pending = true, nil
	}
}

// SendRaw writes exactly this to all streams: half an event, garbage, an event of
// an unknown type.
func (b *Bridge) SendRaw(text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text = slices.Clone(text)
	for s := range b.streams {
		if !s.poll {
			s.send(text)
		}
	}
}

// SendEvent sends an SSE event with one event of this type ("error" for one, or one
// is unknown) whose data are these JSON texts, of which the bridge itself
// knows nothing. A text that is no JSON is a panic: see SendRaw.
func (b *Bridge) SendEvent(kind string, data ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]json.RawMessage, len(data))
	for i, text := range data {
		list[i] = json.RawMessage(text)
	}
	now := time.Now()
	b.sendEvents(now, []object{{"creationtime": now.UTC().Format("2006-01-02T15:04:05Z"), "data": list, "id": randomUUID(), "type": kind}})
}

// Flood sends n SSE events at once: the temperatures of all
// motion sensors in turn go up and down and end where they were. Without a motion
// sensor that reports it is a panic.
func (b *Bridge) Flood(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for _, d := range b.list {
		if motion, ok := partOf[*motionPart](d); ok && !motion.NeverReported {
			ids = append(ids, d.id("temperature", 0))
		}
	}
	if len(ids) == 0 {
		panic("huetest: a flood needs a motion sensor")
	}
	for i := range n {
		now := time.Now()
		r := b.resources[ids[i%len(ids)]]
		temperature := r.object["temperature"].(object)
		if last := i >= n-len(ids); !last {
			value := temperature["temperature"].(float64) + float64(1+i%100)/100
			temperature = object{
				"temperature": value, "temperature_valid": true,
				"temperature_report": object{"changed": b.instant(now), "temperature": value},
			}
		}
		b.sendEvents(now, []object{event(now, "update", identified(r, object{"temperature": temperature}))})
	}
}

// SetReplay sets whether a client that names the last event it got receives what
// came after that, as it does from a real bridge.
func (b *Bridge) SetReplay(replay bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noReplay = !replay
}

// SetLatency makes each request wait this long before it is answered.
func (b *Bridge) SetLatency(latency time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latency = latency
}

// RepeatReports sends the last report of each button and dial once more; one that
// was never used reports a press of 1970.
func (b *Bridge) RepeatReports() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.repeatReports()
}

func (b *Bridge) repeatReports() {
	const never = "1970-01-01T00:00:00Z"
	var again []*resource
	for _, id := range b.order {
		r := b.resources[id]
		part := object{}
		switch r.kind {
		case "button":
			button := r.object["button"].(object)
			part["button"] = object{"button_report": object{"event": "initial_press", "updated": never}}
			if report, ok := button["button_report"]; ok {
				part["button"] = object{"button_report": report}
			}
		case "relative_rotary":
			part["relative_rotary"] = object{"rotary_report": object{
				"action": "start", "rotation": object{"direction": "clock_wise", "duration": 0, "steps": 0}, "updated": never,
			}}
			if report, ok := r.object["relative_rotary"].(object)["rotary_report"]; ok {
				part["relative_rotary"] = object{"rotary_report": report}
			}
		default:
			continue
		}
		again = append(again, identified(r, part))
	}
	if len(again) > 0 {
		now := time.Now()
		b.sendEvents(now, []object{event(now, "update", again...)})
	}
}

// RestartBooting is Restart of a bridge that, once it answers again, does not know
// the paths of CLIP v2 for a while.
func (b *Bridge) RestartBooting(down, booting time.Duration) {
	b.mu.Lock()
	b.booting = time.Now().Add(down + booting)
	b.mu.Unlock()
	b.Restart(down)
}

// Restart has the bridge restart: it cuts all streams, drops all connections,
// forgets its past events and answers nothing for this long. To the first stream
// after that it sends the old reports of its buttons and dials again.
func (b *Bridge) Restart(down time.Duration) {
	b.mu.Lock()
	b.down = time.Now().Add(down)
	b.past, b.restored = nil, true
	b.cutStreams()
	servers := slices.Clone(b.servers)
	b.mu.Unlock()
	for _, s := range servers {
		s.dropConnections()
	}
}
