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

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

// readHouse asks a v2 bridge for all its resources, in one request, and makes
// devices of them.
func (c *Collector) readHouse(ctx context.Context) (collectors.Snapshot, error) {
	client, err := c.link.client(c.key)
	if err != nil {
		return collectors.Snapshot{}, malformed("the address of the Hue bridge is unusable: %s", c.clean(err.Error()))
	}
	askedAt := c.stream.position()
	var (
		house = newHouse(c.lights)
		found faults
	)
	resources, err := c.read(ctx, house, &found, client.GetResources)
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
		if err := c.readByType(ctx, house, &found, client); err != nil {
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

// readByType asks for the resources of one type after the other, of those that are
// there.
func (c *Collector) readByType(ctx context.Context, house *house, found *faults, client *api.Client) error {
	for _, kind := range house.types() {
		ask := func(ctx context.Context, edit ...api.RequestEditorFn) (*http.Response, error) {
			return client.GetResources(ctx, append(edit, func(_ context.Context, req *http.Request) error {
				req.URL.Path += "/" + kind
				return nil
			})...)
		}
		if _, err := c.read(ctx, house, found, ask); err != nil {
			return err
		}
	}
	return nil
}

// read sends one request and adds the resources of its answer to the house. It
// returns how many there were, of any type.
func (c *Collector) read(
	ctx context.Context, house *house, found *faults,
	ask func(context.Context, ...api.RequestEditorFn) (*http.Response, error),
) (resources int, err error) {
	const doing = "asking for the resources"
	err = c.limited(ctx, doing, func(ctx context.Context) error {
		resp, err := ask(ctx)
		if err != nil {
			return c.networkError(doing, withoutURL(err))
		}
		defer resp.Body.Close()
		if err := c.statusError(resp); err != nil {
			return err
		}
		if resp.ContentLength > maxBody {
			return oversized("the answer announces %d bytes, and no Hue bridge has more than %d to say", resp.ContentLength, maxBody)
		}
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			house.answered = at
		}
		resources, err = c.decodeAnswer(resp.Body, house, found)
		return err
	})
	return resources, err
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
		return 0, malformed("the answer is a page of HTML or XML, not JSON; is %s.host the Hue bridge?", c.setting)
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
					found.add("the Hue bridge says: %s", c.clean(description(raw)))
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
					found.add("%s: %s", whose(head, raw), c.clean(err.Error()))
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
