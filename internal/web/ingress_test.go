package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/web"
)

const (
	supervisor  = "172.30.32.2:40000"
	ingressPath = "/api/hassio_ingress/sKLfEBxOIrKp8sYLvj7b4fHhPdnR3tQf"
)

// ingressPage is the page of a Home Assistant app.
func ingressPage(t *testing.T) http.Handler {
	t.Helper()
	o := options(t, newFakeBridge())
	o.Mode, o.ConfigFile = web.Ingress, ""
	o.Config.Web.TrustIngress = true
	o.Health = health.New(func(context.Context) error { return nil }, func(context.Context) error { return nil })
	ctx, end := context.WithCancel(t.Context())
	page := web.New(ctx, o)
	t.Cleanup(func() {
		end()
		page.Wait()
	})
	return page.Handler()
}

// throughIngress returns a request as the Supervisor passes it on. change may alter it.
func throughIngress(method, path string, form url.Values, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://homeassistant.example:8123")
	}
	r.RemoteAddr, r.Host = supervisor, "homeassistant.example:8123"
	for name, value := range map[string]string{
		"X-Hass-Source": "core.ingress", "X-Ingress-Path": ingressPath, "X-Remote-User-Id": "0123456789abcdef0123456789abcdef",
		"X-Remote-User-Name": "anna", "X-Forwarded-For": "192.0.2.7, 172.30.32.1", "X-Forwarded-Host": "homeassistant.example:8123", "X-Forwarded-Proto": "http",
		"X-Forwarded-Server": "proxy", "X-Real-IP": "192.0.2.7", "X-Scheme": "https", // of a proxy before Home Assistant
	} {
		r.Header.Set(name, value)
	}
	if change != nil {
		change(r)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestIngress(t *testing.T) {
	page := ingressPage(t)
	w := serve(page, throughIngress("GET", "/", nil, nil))
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, "Hall") {
		t.Fatalf("%d %s", w.Code, body)
	}
	if !strings.Contains(body, `href="`+ingressPath+`/hue"`) || strings.Contains(body, "Sign out") {
		t.Errorf("the links are not for Ingress, or one can sign out:\n%s", body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Errorf("Home Assistant can't show it: %s", policy)
	}
	if cookies := w.Result().Cookies(); len(cookies) > 0 {
		t.Errorf("a page without a sign-in sets cookies: %v", cookies)
	}
	post := func(change func(*http.Request)) *httptest.ResponseRecorder {
		return serve(page, throughIngress("POST", "/refresh", url.Values{"source": {"amazon"}}, change))
	}
	if w := post(nil); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), ingressPath+"/") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, change := range map[string]func(*http.Request){
		"another origin":   func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"another site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"the app's own IP": func(r *http.Request) { r.Header.Set("Origin", "http://172.30.33.5:8099") },
	} {
		if w := post(change); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestIngressIsTheOnlyWayIn(t *testing.T) {
	page := ingressPage(t)
	for name, change := range map[string]func(*http.Request){
		"another app":              func(r *http.Request) { r.RemoteAddr = "172.30.33.7:40000" },
		"the host":                 func(r *http.Request) { r.RemoteAddr = "172.30.32.1:40000" },
		"loopback":                 func(r *http.Request) { r.RemoteAddr = "127.0.0.1:40000" },
		"the network at home":      func(r *http.Request) { r.RemoteAddr = "192.168.1.2:40000" },
		"IPv6":                     func(r *http.Request) { r.RemoteAddr = "[fd00::2]:40000" },
		"no address":               func(r *http.Request) { r.RemoteAddr = "@" },
		"nobody":                   func(r *http.Request) { r.Header.Del("X-Remote-User-Id") },
		"no path":                  func(r *http.Request) { r.Header.Del("X-Ingress-Path") },
		"a path that is a script":  func(r *http.Request) { r.Header.Set("X-Ingress-Path", `/"><script>`) },
		"a path to somewhere else": func(r *http.Request) { r.Header.Set("X-Ingress-Path", "//evil.example") },
	} {
		for _, path := range []string{"/", "/log", "/sign-in", "/live/overview", "/assets/app.js", "/nowhere"} {
			w := serve(page, throughIngress("GET", path, nil, change))
			if w.Code != http.StatusForbidden && w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 || strings.Contains(w.Body.String(), "Hall") {
				t.Errorf("%s: %s: %d %s", name, path, w.Code, w.Body)
			}
		}
	}
	// A listener on IPv4 and IPv6 has the address in this form.
	if w := serve(page, throughIngress("GET", "/", nil, func(r *http.Request) { r.RemoteAddr = "[::ffff:172.30.32.2]:40000" })); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
	// The Supervisor's watchdog and Docker's health check.
	for _, from := range []string{supervisor, "127.0.0.1:40000"} {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.RemoteAddr, r.Host = from, "172.30.33.5:8099"
		if w := serve(page, r); w.Code != http.StatusOK {
			t.Errorf("%s: %d", from, w.Code)
		}
	}
}

// Where the program is no app, anyone can send these headers.
func TestIngressHeadersOpenNothingElsewhere(t *testing.T) {
	o := options(t, newFakeBridge())
	o.Config.Web.TrustIngress, o.Config.Web.Password = true, password
	ctx, end := context.WithCancel(t.Context())
	page := web.New(ctx, o)
	defer page.Wait()
	defer end()
	w := serve(page.Handler(), throughIngress("GET", "/", nil, func(r *http.Request) { r.Host = "localhost" }))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != ingressPath+"/sign-in" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	in := serve(page.Handler(), throughIngress("POST", "/sign-in", url.Values{"secret": {password}}, nil))
	if cookies := in.Result().Cookies(); in.Code != http.StatusMisdirectedRequest || len(cookies) > 0 {
		t.Errorf("by a name that is not configured: %d %v", in.Code, cookies)
	}
	in = serve(page.Handler(), throughIngress("POST", "/sign-in", url.Values{"secret": {password}}, func(r *http.Request) {
		r.Host = "localhost"
		r.Header.Set("Origin", "http://localhost")
	}))
	if cookies := in.Result().Cookies(); len(cookies) != 1 || cookies[0].Path != ingressPath+"/" {
		t.Errorf("%d %v", in.Code, cookies)
	}
}
