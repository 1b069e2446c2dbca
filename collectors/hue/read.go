package hue

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// readHouse asks a v2 bridge for all its resources, in one request, and makes
// devices of them.
func (c *Collector) readHouse(ctx context.Context) (collectors.Snapshot, error) {
	askedAt := c.stream.position()
	var (
		house = newHouse(c.lights)
		found faults
	)
	resources, err := c.read(ctx, house, &found, resourcesPath)
	if err != nil {
		return collectors.Snapshot{}, err
	}
	if resources == 0 || len(house.devices()) == 0 {
		what := "no resources"
		if resources > 0 {
			what = "not one device"
		}
		return collectors.Snapshot{}, emptyHouse(what, found)
	}
	if house.namesOnly() {
		if err := c.readByType(ctx, house, &found); err != nil {
			return collectors.Snapshot{}, err
		}
	}
	house.arrange(&found)
	now := time.Now()
	c.house, c.askedAt, c.readAt = house, askedAt, c.stream.position()
	c.reads.done(now)
	c.forgetStates()
	c.receiveAll()
	c.compareReports(house, cmp.Or(house.answered, now))
	c.readFaults = found
	return c.known(), nil
}

// known makes a snapshot of what is known, without a request.
func (c *Collector) known() collectors.Snapshot {
	found := faults{told: slices.Clone(c.readFaults.told), more: c.readFaults.more}
	devices := c.house.all(c, &found)
	return collectors.Snapshot{Devices: devices, Faults: append(slices.Clip(found.list()), c.stream.faults(c)...)}
}

// emptyHouse is empty for v2, with what the bridge itself says about it.
func emptyHouse(what string, found faults) error {
	text := fmt.Sprintf("the answer is empty (%s), which is a fault of the Hue bridge: every one has at least itself for a device", what)
	if list := found.list(); len(list) > 0 {
		text += "; " + list[0].Error()
	}
	return &collectors.TransientError{Kind: "empty", Err: errors.New(text)}
}

// namesOnly reports whether the list of all resources has nothing but their ids,
// types and owners. The OpenHue specification has it so; the bridges of Signify
// send them whole.
func (h *house) namesOnly() bool {
	for _, d := range h.devices() {
		if d.Services != nil || d.ProductData.ModelID != "" {
			return false
		}
	}
	return true
}

// resourcesPath is the path of all resources of CLIP v2.
const resourcesPath = "/clip/v2/resource"

// readByType asks for the resources of one type after the other, of those that are
// there.
func (c *Collector) readByType(ctx context.Context, house *house, found *faults) error {
	for _, kind := range house.types() {
		if _, err := c.read(ctx, house, found, resourcesPath+"/"+kind); err != nil {
			return err
		}
	}
	return nil
}

// read sends one request and adds the resources of its answer to the house. It
// returns how many there were, of any type.
func (c *Collector) read(ctx context.Context, house *house, found *faults, path string) (resources int, err error) {
	err = c.conn.client.Get(ctx, "asking for the resources", path, func(resp *http.Response) error {
		if resp.ContentLength > maxBody {
			return oversized("the answer announces %d bytes; a Hue bridge sends at most %d", resp.ContentLength, maxBody)
		}
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			house.answered = at
		}
		resources, err = c.decodeAnswer(resp.Body, house, found)
		return err
	})
	return resources, err
}

// authPath answers whether a key is accepted, with an empty body: 200 or 403
// (Hue Entertainment API). An emulator may not have it.
const authPath = "/auth/v1"

// confirmed reports whether the bridge is there and has not refused the key. It
// costs the bridge far less than a full read. Without an answer the stream is doubted.
func (c *Collector) confirmed(ctx context.Context) bool {
	err := c.conn.client.Get(ctx, "asking whether the key is accepted", authPath, func(*http.Response) error { return nil })
	if collectors.ClassOf(err) == collectors.Authentication {
		return false
	}
	if err == nil || statusOf(err) != 0 {
		return true
	}
	c.stream.doubt()
	return false
}

// decodeAnswer reads {"errors": [...], "data": [...]} resource by resource, so
// that the answer is never in memory as a whole and one that is wrong loses
// itself alone.
func (c *Collector) decodeAnswer(body io.Reader, house *house, found *faults) (resources int, err error) {
	squeezed := newSqueezer(body)
	in := bufio.NewReader(squeezed)
	start, err := in.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return 0, emptyHouse("no text at all", faults{})
	case err != nil:
		return 0, c.readError(err)
	case start[0] == '<':
		return 0, malformed("the answer is a page of HTML or XML, not JSON; is %s.host the Hue bridge?", c.target.Setting)
	}
	dec := json.NewDecoder(in)
	if start[0] != '{' {
		var value any
		if err := dec.Decode(&value); err != nil {
			return 0, c.readError(err)
		}
		if list, ok := value.([]any); value == nil || ok && len(list) == 0 {
			return 0, emptyHouse(kindOf(value), faults{})
		}
		return 0, malformed("the answer is %s, not resources", kindOf(value))
	}
	if _, err := dec.Token(); err != nil {
		return 0, c.readError(err)
	}
	var raw json.RawMessage
	for dec.More() {
		squeezed.allow()
		key, err := dec.Token()
		if err != nil {
			return 0, c.readError(err)
		}
		if key == "data" || key == "errors" {
			err = eachItem(dec, func() error {
				squeezed.allow()
				raw = raw[:0]
				if err := dec.Decode(&raw); err != nil {
					return err
				}
				if key == "errors" {
					found.add("the Hue bridge says: %s", c.target.Clean(description(raw)))
					return nil
				}
				if resources++; resources > maxEntries {
					return oversized("the answer holds more than %d resources", maxEntries)
				}
				var head header
				err := decode(raw, &head)
				if err == nil {
					err = house.add(head, raw)
				}
				if err != nil {
					found.add("%s: %s", whose(head, raw), c.target.Clean(err.Error()))
					house.refused[head.ID] = true
				}
				return nil
			})
		} else {
			raw = raw[:0]
			err = dec.Decode(&raw)
		}
		if err != nil {
			return 0, c.readError(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return 0, c.readError(err)
	}
	if resources > 0 && house.isEmpty() && len(found.list()) >= resources {
		return 0, malformed("not one entry of the answer is a resource; the first is refused: %w", found.list()[0])
	}
	return resources, nil
}

// eachItem calls take before each item of a list, which take must read. A null
// is an empty list.
func eachItem(dec *json.Decoder, take func() error) error {
	start, err := dec.Token()
	switch {
	case err != nil:
		return err
	case start == nil:
		return nil
	case start != json.Delim('['):
		return malformed("the answer's data is no list")
	}
	for dec.More() {
		if err := take(); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// description is the text of an error that a v2 bridge sends.
func description(raw []byte) string {
	var item struct{ Description string }
	if err := json.Unmarshal(raw, &item); err != nil || item.Description == "" {
		return "an error without a description"
	}
	return item.Description
}
