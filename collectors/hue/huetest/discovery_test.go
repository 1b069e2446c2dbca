package huetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

func answer(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestDiscoveryListsServers(t *testing.T) {
	_, server := overTCP(t, huetest.NewBridge("001788FFFE010203", key))
	found := server.Discovered()
	h := huetest.DiscoveryHandler(found, huetest.Discovered{ID: "ecb5fafffe000000", InternalIPAddress: "192.168.1.2", Port: 443})
	want := fmt.Sprintf(`[{"id":"001788fffe010203","internalipaddress":"127.0.0.1","port":%d},{"id":"ecb5fafffe000000","internalipaddress":"192.168.1.2","port":443}]`, found.Port)
	for range 3 {
		if w := answer(h, "GET", "/"); w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if w := answer(huetest.DiscoveryHandler(), "GET", "/"); w.Body.String() != "[]" {
		t.Errorf("without a bridge: %s", w.Body)
	}
	if post, path := answer(h, "POST", "/").Code, answer(h, "GET", "/x").Code; post != 405 || path != 404 {
		t.Errorf("POST %d, another path %d", post, path)
	}
	if server.URL != fmt.Sprintf("https://127.0.0.1:%d", found.Port) {
		t.Errorf("%s is not %v", server.URL, found)
	}
}

func TestDiscoveryIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := huetest.RateLimitedDiscoveryHandler(15 * time.Minute)
		if w := answer(h, "GET", "/"); w.Code != 200 {
			t.Errorf("the first: %d", w.Code)
		}
		time.Sleep(10*time.Minute + time.Millisecond)
		if w := answer(h, "GET", "/"); w.Code != 429 || w.Header().Get("Retry-After") != "300" {
			t.Errorf("after 10 minutes: %d %v", w.Code, w.Header())
		}
		time.Sleep(5 * time.Minute)
		if w := answer(h, "GET", "/"); w.Code != 200 {
			t.Errorf("after 15 minutes: %d", w.Code)
		}
	})
}
