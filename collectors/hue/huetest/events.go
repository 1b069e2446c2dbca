package huetest

import "time"

// publish sends what changed, as one SSE event with an event for each kind of
// change in each of the groups. The caller holds the lock, as in all that follows.
func (b *Bridge) publish(groups []changes) {
	var events []object
	now := time.Now()
	for _, c := range groups {
		for _, of := range []struct {
			kind      string
			resources []*resource
		}{{"add", c.added}, {"update", c.updated}, {"delete", c.deleted}} {
			if len(of.resources) > 0 {
				events = append(events, event(now, of.kind, of.resources...))
			}
		}
	}
	b.sendEvents(now, events)
}

// publishReport sends what a button or a dial reported, at once, even where the
// report differs in nothing from the one before.
func (b *Bridge) publishReport(c changes, id string) {
	now := time.Now()
	if len(c.updated) == 0 {
		r := b.resources[id]
		part := object{}
		for _, name := range []string{"button", "relative_rotary"} {
			if value, ok := r.object[name]; ok {
				part[name] = value
			}
		}
		c.updated = []*resource{identified(r, part)}
	}
	b.sendEvents(now, []object{event(now, "update", c.updated...)})
}

func event(now time.Time, kind string, resources ...*resource) object {
	data := make([]object, len(resources))
	for i, r := range resources {
		data[i] = r.object
	}
	return object{"creationtime": now.UTC().Format("2006-01-02T15:04:05Z"), "data": data, "id": randomUUID(), "type": kind}
}

// sendEvents encodes an SSE event once and hands it to every stream.
func (b *Bridge) sendEvents(now time.Time, events []object) {
	if len(events) == 0 {
		return
	}
	if second := now.Unix(); second == b.second {
		b.number++
	} else {
		b.second, b.number = second, 0
	}
	c := sseEvent{b.second, b.number, encode(events)}
	if len(b.past) == history {
		b.past = b.past[1:]
	}
	b.past = append(b.past, c)
	if len(b.streams) == 0 {
		return
	}
	frame := c.frame()
	for s := range b.streams {
		s.deliver(c, frame)
	}
}
