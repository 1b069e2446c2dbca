package huetest_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

func TestStreamBeginsAsARealOne(t *testing.T) {
	c, _ := overTCP(t, newTestHome())
	l := c.listen(nil)
	if l.resp.StatusCode != 200 || !strings.HasPrefix(l.resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("%s %v", l.resp.Status, l.resp.Header)
	}
	if l.resp.ProtoMajor != 2 {
		t.Errorf("%s, though the client speaks HTTP/2", l.resp.Proto)
	}
	for _, accept := range []string{"text/html, Text/Event-Stream;q=0.9", "text/event-stream;charset=utf-8"} {
		c.listen(http.Header{"Accept": {accept}})
	}
}

// The events of a stream, applied to a read before them, give the read after them.
func TestEveryChangeIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l := c.listen(nil)
		resources := c.all()
		cold := hall
		cold.Temperature, cold.Motion, cold.Battery = -3.5, false, 2
		offline := cold
		offline.Reachable = false
		steps := []func(){
			func() { b.SetMotionSensor(cold) },
			func() { b.SetMotionSensor(offline) },
			func() { b.SetMotionSensor(hall) },
			func() { b.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Tampered: true, Reachable: true}) },
			func() { b.PressButton(dialMAC, 2, "initial_press", "short_release") },
			func() { b.PressButton(tapMAC, 4, "initial_press") },
			func() { b.Turn(dialMAC, "counter_clock_wise", 15) },
			func() { b.SetLight(huetest.Light{MAC: lampMAC, Name: "Lamp", Brightness: 10, Reachable: true}) },
			func() { b.Rename(mac, "Flur") },
			func() { b.SetConnectivity(dialMAC, "disconnected") },
			func() { b.SetRoom("Kitchen", mac, doorMAC) },
			func() { b.SetMotionSensor(cold) },
			func() {
				b.SetMotionSensor(huetest.MotionSensor{MAC: missingMAC, Name: "New", Lux: 1000, Motion: true, Reachable: true})
			},
			func() { b.Remove(mac) },
			func() { b.SetMotionSensor(hall) },
			func() { b.SetMotionSensor(cold) },
			func() { b.SetSoftware("1968096020") },
			func() { b.Flood(30) },
		}
		for _, step := range steps {
			step()
		}
		b.SendEvent("error", `{"id":"the end"}`)
		for {
			_, events := l.sseEvent()
			if events[0].Type == "error" {
				break
			}
			for _, e := range events {
				e.apply(t, resources)
			}
		}
		want := c.all()
		if !reflect.DeepEqual(resources, want) {
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if !reflect.DeepEqual(resources[id], want[id]) {
					t.Errorf("by events %v\nread      %v", resources[id], want[id])
				}
			}
			t.Errorf("%d resources by events, %d read", len(resources), len(want))
		}
	})
}

func TestUnchangedStateIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l := c.listen(nil)
		changed := c.service(mac, "motion")["motion"].(resource)["motion_report"].(resource)["changed"]
		time.Sleep(time.Minute)
		b.SetMotionSensor(hall)
		warm := hall
		warm.Temperature = 22.5
		b.SetMotionSensor(warm)
		kind, r := l.next()
		delete(r, "id")
		delete(r, "owner")
		want := resource{
			"type": "temperature", "id_v1": "/sensors/3", "temperature": resource{
				"temperature": 22.5, "temperature_valid": true,
				"temperature_report": resource{"changed": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "temperature": 22.5},
			},
		}
		if kind != "update" || !reflect.DeepEqual(r, want) {
			t.Errorf("%s %v", kind, r)
		}
		if now := c.service(mac, "motion")["motion"].(resource)["motion_report"].(resource)["changed"]; now != changed {
			t.Errorf("motion changed at %v, then at %v without a change", changed, now)
		}
		if _, text := c.ask("GET", "/api/"+key+"/sensors/4", nil, ""); !strings.Contains(text, `"lastupdated":"2000-01-01T00:01:00"`) {
			t.Errorf("CLIP v1 does not report the sensor: %s", text)
		}
	})
}

func TestButtonsAndDialsEmitEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l := c.listen(nil)
		v1 := func(id, want string) {
			t.Helper()
			if _, text := c.ask("GET", "/api/"+key+"/sensors/"+id, nil, ""); !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
		v1("6", `"state":{"buttonevent":null,"lastupdated":"none"}`)
		v1("7", `"rotaryevent":null`)
		b.PressButton(strings.ToUpper(dialMAC), 3, "initial_press", "repeat", "repeat", "long_press", "long_release")
		for _, want := range []string{"initial_press", "repeat", "repeat", "long_press", "long_release"} {
			kind, r := l.next()
			hideTimes(t, r)
			if kind != "update" || r["type"] != "button" || !reflect.DeepEqual(r["metadata"], resource{"control_id": 3.0}) ||
				!reflect.DeepEqual(r["button"], resource{"button_report": resource{"event": want, "updated": "*"}, "last_event": want}) {
				t.Errorf("%s %v, want %s", kind, r, want)
			}
		}
		v1("6", `"buttonevent":3003`)
		b.PressButton(tapMAC, 2, "initial_press")
		l.next()
		v1("9", `"buttonevent":16`)
		for _, turn := range []struct {
			direction, action, v1 string
			pause                 time.Duration
		}{
			{"clock_wise", "start", `"expectedrotation":30,"lastupdated":"2000-01-01T00:00:00","rotaryevent":1`, 0},
			{"clock_wise", "repeat", `"expectedrotation":30,"lastupdated":"2000-01-01T00:00:00","rotaryevent":2`, 400 * time.Millisecond},
			{"counter_clock_wise", "start", `"expectedrotation":-30,"lastupdated":"2000-01-01T00:00:02","rotaryevent":1`, 2 * time.Second},
		} {
			time.Sleep(turn.pause)
			b.Turn(dialMAC, turn.direction, 30)
			kind, r := l.next()
			hideTimes(t, r)
			rotation := resource{"direction": turn.direction, "duration": 400.0, "steps": 30.0}
			want := resource{
				"last_event":    resource{"action": turn.action, "rotation": rotation},
				"rotary_report": resource{"action": turn.action, "rotation": rotation, "updated": "*"},
			}
			if kind != "update" || !reflect.DeepEqual(r["relative_rotary"], want) {
				t.Errorf("%s %v", kind, r)
			}
			v1("7", turn.v1)
		}
		b.SetDial(huetest.Dial{MAC: dialMAC, Name: "Dial", Battery: 20, Reachable: true})
		if c.service(dialMAC, "relative_rotary")["relative_rotary"].(resource)["rotary_report"] == nil {
			t.Error("a dial that is set again has forgotten that it was turned")
		}
	})
}

func TestEventsByLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		type answer struct {
			resp *http.Response
			text string
		}
		answers := make(chan answer)
		poll := func(header http.Header) {
			resp, text := c.ask("GET", "/eventstream/clip/v2", header, "")
			answers <- answer{resp, text}
		}
		go poll(nil)
		synctest.Wait()
		if n := b.Streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
		b.SendEvent("update", `{"id":"1"}`)
		first := <-answers
		if first.resp.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(first.text, `[{"creationtime":`) {
			t.Errorf("%v %s", first.resp.Header, first.text)
		}
		b.SendEvent("update", `{"id":"2"}`)
		go poll(http.Header{"If-None-Match": {first.resp.Header.Get("Etag")}})
		if second := <-answers; !strings.Contains(second.text, `{"id":"2"}`) {
			t.Error(second.text)
		}
	})
}

func TestLastEventIDReplaysEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l := c.listen(nil)
		var ids []string
		for i := range 4 {
			if i == 3 {
				time.Sleep(time.Second)
			}
			b.SendEvent("update", fmt.Sprintf(`{"id":"%d"}`, i))
			id, _ := l.sseEvent()
			ids = append(ids, id)
		}
		second := strings.TrimSuffix(ids[0], ids[0][strings.Index(ids[0], ":"):])
		if !strings.HasPrefix(ids[2], second+":") || strings.HasPrefix(ids[3], second+":") || !strings.HasSuffix(ids[3], ":0") {
			t.Errorf("ids %v", ids)
		}
		again := c.listen(http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {ids[1]}})
		for _, want := range ids[2:] {
			if id, _ := again.sseEvent(); id != want {
				t.Errorf("%s, want %s", id, want)
			}
		}
		l.close()
		again.close()
		synctest.Wait()
		for _, nonsense := range []string{"x", "1:y", ids[3]} {
			none := c.listen(http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {nonsense}})
			b.SendEvent("update", `{"id":"later"}`)
			if _, r := none.next(); r["id"] != "later" {
				t.Errorf("after %q: %v", nonsense, r)
			}
			none.close()
			synctest.Wait()
		}
		b.SetReplay(false)
		none := c.listen(http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {ids[1]}})
		b.SendEvent("update", `{"id":"without"}`)
		if _, r := none.next(); r["id"] != "without" {
			t.Errorf("without a replay: %v", r)
		}
		if got := b.LastEventIDs(); len(got) != 6 || got[0] != "" || got[1] != ids[1] {
			t.Errorf("named %q", got)
		}
	})
}

func TestStreamFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l, other := c.listen(nil), c.listen(nil)
		if n := b.Streams(); n != 2 {
			t.Fatalf("%d streams", n)
		}
		other.close()
		synctest.Wait()
		if n := b.Streams(); n != 1 {
			t.Errorf("%d streams after one went away", n)
		}

		b.SendRaw([]byte("id: 1:0\ndata: [{\"ty"))
		b.SendRaw([]byte("pe\":\"x\"}]\n\n"))
		if _, events := l.sseEvent(); events[0].Type != "x" {
			t.Errorf("%v", events)
		}

		b.Flood(1000)
		for range 1000 {
			if kind, r := l.next(); kind != "update" || r["type"] != "temperature" {
				t.Errorf("%s %v", kind, r)
			}
		}

		b.SilenceStreams()
		loud := c.listen(nil)
		b.Rename(mac, "Flur")
		b.SendRaw([]byte("x"))
		loud.sseEvent()
		if n := b.Streams(); n != 2 {
			t.Errorf("%d streams, one of them silent", n)
		}

		b.CutStreams()
		for _, l := range []*listener{l, loud} {
			rest, err := io.ReadAll(l.lines)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 && l != loud {
				t.Errorf("after a cut: %v, %q", err, rest)
			}
		}
		synctest.Wait()
		if n := b.Streams(); n != 0 {
			t.Errorf("%d streams after a cut", n)
		}
		c.listen(nil)
	})
}

func TestRestartCutsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		l := c.listen(nil)
		b.SendEvent("update", `{"id":"before"}`)
		id, _ := l.sseEvent()
		b.Restart(30 * time.Second)
		if _, err := l.lines.ReadByte(); err == nil {
			t.Error("the stream is still open")
		}
		for range 3 {
			if resp, err := c.do(t.Context(), "GET", "/api/config", nil, ""); err == nil {
				t.Errorf("%s while the bridge restarts", resp.Status)
			}
			time.Sleep(9 * time.Second)
		}
		before := b.RequestsTo("/api/config")
		time.Sleep(3 * time.Second)
		again := c.listen(http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {"1:0"}})
		_, old := again.sseEvent()
		if len(old[0].Data) != 13 || !strings.Contains(fmt.Sprint(old), "1970-01-01T00:00:00Z") {
			t.Errorf("the old reports are %v", old)
		}
		b.SendEvent("update", `{"id":"after"}`)
		if _, r := again.next(); r["id"] != "after" || before != 0 {
			t.Errorf("%v after %s, %d requests", r, id, before)
		}
	})
}

func TestBootingBridgeLacksV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		b.RestartBooting(time.Second, 10*time.Second)
		header := http.Header{"Hue-Application-Key": {key}}
		for _, want := range []int{404, 200} {
			time.Sleep(9 * time.Second)
			if resp, _ := c.ask("GET", "/clip/v2/resource", header, ""); resp.StatusCode != want {
				t.Errorf("%s, want %d", resp.Status, want)
			}
		}
	})
}

func TestRefusesFourthConcurrentRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestHome()
		c := inMemory(t, b)
		for range 3 {
			c.listen(nil)
		}
		header := http.Header{"Hue-Application-Key": {key}}
		if resp, _ := c.ask("GET", "/clip/v2/resource", header, ""); resp.StatusCode != 429 {
			t.Error(resp.Status)
		}
		b.CutStreams()
		synctest.Wait()
		if resp, _ := c.ask("GET", "/clip/v2/resource", header, ""); resp.StatusCode != 200 {
			t.Errorf("%s", resp.Status)
		}
	})
}

func TestRestartRefusesTCPConnections(t *testing.T) {
	b := newTestHome()
	c, _ := overTCP(t, b)
	l := c.listen(nil)
	b.Restart(time.Hour)
	if _, err := l.lines.ReadByte(); err == nil {
		t.Error("the stream is still open")
	}
	c.http.CloseIdleConnections()
	if resp, err := c.do(t.Context(), "GET", "/api/config", nil, ""); err == nil {
		t.Errorf("%s while the bridge restarts", resp.Status)
	}
	b.Restart(0)
	c.listen(nil)
}

// A client that does not read blocks nothing: no change, no cut, no close.
func TestSlowClientDoesNotBlock(t *testing.T) {
	for _, cut := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := newTestHome()
			c := inMemory(t, b)
			lazy, busy := c.listen(nil), c.listen(nil)
			b.Flood(1000)
			for range 1000 {
				busy.sseEvent()
			}
			if !cut {
				return
			}
			b.CutStreams()
			if n := b.Streams(); n != 0 {
				t.Errorf("%d streams after a cut", n)
			}
			if _, err := io.Copy(io.Discard, lazy.lines); err == nil {
				t.Error("the stream has a proper end")
			}
		})
	}
}

// A cut ends the stream alone: with HTTP/2 the connection stays open.
func TestCutStreamsOverHTTP2(t *testing.T) {
	b := newTestHome()
	c, _ := overTCP(t, b)
	l := c.listen(nil)
	b.Rename(mac, "Flur")
	l.next()
	b.CutStreams()
	if _, err := l.lines.ReadByte(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after a cut: %v", err)
	}
	again := c.listen(nil)
	b.Rename(mac, "Hall")
	if _, r := again.next(); r["metadata"].(resource)["name"] != "Hall" {
		t.Errorf("%v", r)
	}
}
