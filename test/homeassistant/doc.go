// Package homeassistant proves the bridge in the real Home Assistant, which is
// where its users look. It holds tests only:
//
//	make test-homeassistant
//
// installs a pinned Home Assistant Core below .cache and starts, for each test
// anew, the test servers of the sources, Mosquitto, Home Assistant and the
// shipped program. What then counts is what Home Assistant's own interfaces say:
// its registries, states, history, logbook and log, and a page of it in a browser.
//
// All of that runs in a network without interfaces: Home Assistant looks for
// devices around it and calls home otherwise.
//
// The tests carry the build tag homeassistant, so that "go test ./..." needs no
// Home Assistant.
package homeassistant
