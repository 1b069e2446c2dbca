package hue_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
)

// A bridge that got another address is found there by its id, and what was stored
// of it says so.
func TestMovedBridgeIsFoundByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			address  = "192.168.1.2"
			searches []time.Time
			start    = time.Now()
			dir      = writeState(t, pairing.Pairing{ID: strings.ToLower(bridgeID), Host: address, Model: "BSB002", Username: key})
		)
		h := newTestHomeV2(t, nil, func(o *hue.Options) {
			dial := o.DialContext
			o.Host, o.Username, o.StateDir = "", "", dir
			o.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
				if to != address+":443" {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
				}
				return dial(ctx, network, to)
			}
			o.Find = func(context.Context) ([]pairing.Found, error) {
				searches = append(searches, time.Now())
				found := []pairing.Found{{ID: "001788fffe999999", Host: "192.168.1.9"}}
				if time.Since(start) > 10*time.Minute {
					found = append(found, pairing.Found{ID: strings.ToLower(bridgeID), Host: address})
				}
				return found, errors.New("at the vendor's service: turned away")
			}
		})
		furnish(h.bridge)
		h.follow(t)
		address = "192.168.1.77"
		h.bridge.CutStreams()
		polls := 0
		for ; ; polls++ {
			time.Sleep(time.Minute)
			s, err := h.collect(t)
			if err == nil {
				deviceIn(t, s, hallID)
				break
			}
			if collectors.ClassOf(err) != collectors.Transient {
				t.Fatal(err)
			}
		}
		// Not at the first failure, and then every five minutes at most.
		if len(searches) != 3 || polls < 10 {
			t.Errorf("searched at %v in %d polls", searches, polls)
		}
		for i := 1; i < len(searches); i++ {
			if searches[i].Sub(searches[i-1]) < 5*time.Minute {
				t.Errorf("searched at %v", searches)
			}
		}
		if h.collector.Endpoint() != strings.ToLower(bridgeID) {
			t.Errorf("endpoint %q", h.collector.Endpoint())
		}
		if e := readState(t, dir)[0]; e.Host != address || e.Username != key || e.Model != "BSB002" {
			t.Errorf("%+v", e)
		}
		// Its events come from there, too.
		h.nextResync(t)
		h.mustCollect(t)
		h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		if u := h.next(t); len(u.Events) != 1 {
			t.Errorf("%+v", u)
		}
	})
}

// An address that another bridge has got is not its place any longer. Without
// https only the bridge itself reports its id.
func TestOtherBridgeAtTheAddressIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bridge, other := huetest.NewBridge(bridgeID, key), huetest.NewBridge("001788fffe999999", "another key")
		swapped := false
		h := newTestHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if swapped && r.Host == "192.168.1.2" {
				other.ServeHTTP(w, r)
				return
			}
			bridge.ServeHTTP(w, r)
		}), func(o *hue.Options) {
			o.Find = func(context.Context) ([]pairing.Found, error) {
				return []pairing.Found{{ID: strings.ToLower(bridgeID), Host: "192.168.1.3"}}, nil
			}
		})
		bridge.SetMotionSensor(hall)
		h.mustCollect(t)
		swapped = true
		if _, err := h.collect(t); collectors.KindOf(err) != "other bridge" {
			t.Errorf("err = %v", err)
		}
		time.Sleep(time.Minute)
		deviceIn(t, h.mustCollect(t), hallID)
	})
}
