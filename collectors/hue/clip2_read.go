package hue

import (
	"encoding/json"
	"net/http"

	"hueair2mqtt/collectors/hue/pairing"
)

// readResources reads an answer {"errors": [...], "data": [...]} and adds its resources. A
// malformed one does not affect the others. It returns how many there were, of any type.
func readResources(client *pairing.Client, resp *http.Response, rs *resources, found *faults) (n int, err error) {
	a, err := readAnswer(client, resp)
	if err != nil {
		return 0, err
	}
	if a.start != '{' {
		return 0, a.unexpected("resources")
	}
	if n, err = a.readResources(rs, found); err != nil {
		return 0, a.failure(err)
	}
	if n > 0 && rs.isEmpty() && len(found.list()) >= n {
		return 0, malformed("not one entry of the response is a resource; the first error is: %w", found.list()[0])
	}
	return n, nil
}

func (a *answer) readResources(rs *resources, found *faults) (n int, err error) {
	if _, err := a.Token(); err != nil {
		return 0, err
	}
	for a.More() {
		a.squeezed.allow()
		key, err := a.Token()
		if err != nil {
			return 0, err
		}
		switch key {
		case "data":
			err = a.eachItem(func(raw []byte) error {
				if n++; n > maxEntries {
					return oversized("the answer contains more than %d resources", maxEntries)
				}
				if err := rs.add(raw); err != nil {
					found.add("%w", err)
				}
				return nil
			})
		case "errors":
			err = a.eachItem(func(raw []byte) error {
				found.add("the Hue bridge reports: %s", reportedText(a.client, raw))
				return nil
			})
		default:
			a.raw = a.raw[:0]
			err = a.Decode(&a.raw)
		}
		if err != nil {
			return 0, err
		}
	}
	_, err = a.Token()
	return n, err
}

// eachItem calls take for each item of a list. A null is an empty list.
func (a *answer) eachItem(take func(raw []byte) error) error {
	start, err := a.Token()
	switch {
	case err != nil:
		return err
	case start == nil:
		return nil
	case start != json.Delim('['):
		return malformed("the data of the response is not a list")
	}
	for a.More() {
		raw, err := a.next()
		if err != nil {
			return err
		}
		if err := take(raw); err != nil {
			return err
		}
	}
	_, err = a.Token()
	return err
}

// reportedText returns the text of an error in an answer of CLIP v2.
func reportedText(client *pairing.Client, raw []byte) string {
	var item struct{ Description string }
	if err := json.Unmarshal(raw, &item); err != nil || item.Description == "" {
		return "an error without a description"
	}
	return client.Clean(item.Description)
}
