package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/web"
)

var (
	pages   = []string{"/", "/hue", "/amazon", "/mqtt", "/check", "/log"}
	actions = []string{
		"/sign-out", "/refresh", "/acknowledge", "/hue/find", "/hue/pair", "/hue/stop", "/hue/forget", "/amazon/begin", "/amazon/paste", "/mqtt/try", "/check",
	}
)

func withPassword(o *web.Options) { o.Config.Web.Password = password }

// untouched fails if the bridge was asked for anything, or a file was stored.
func (s *site) untouched() {
	s.t.Helper()
	s.bridge.mu.Lock()
	defer s.bridge.mu.Unlock()
	if len(s.bridge.asked) > 0 {
		s.t.Errorf("was asked: %q", s.bridge.asked)
	}
	entries, err := os.ReadDir(s.options.Config.StateDir)
	if err != nil || len(entries) > 0 {
		s.t.Errorf("the state directory: %v, %v", entries, err)
	}
}

func TestNothingIsChangedByGET(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	for _, page := range slices.Concat(pages, actions, []string{"/sign-in?code=x", "/nothing"}) {
		for _, method := range []string{"GET", "HEAD"} {
			before := v.do("GET", "/", nil).body
			v.do(method, page+"?source=amazon&host=127.0.0.1&domain=amazon.de&secret=x", nil)
			if after := v.do("GET", "/", nil).body; after != before {
				t.Errorf("%s %s changes the overview", method, page)
			}
		}
	}
	if a := v.do("GET", "/amazon", nil); strings.Contains(a.body, `id="open"`) {
		t.Error("a sign-in was begun")
	}
	s.untouched()
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	for name, change := range map[string]func(*web.Options){"open": nil, "with a password": withPassword} {
		s := newSite(t, change)
		v := s.visitor()
		if change != nil {
			v.signIn(password)
		}
		form := url.Values{"source": {"amazon"}, "secret": {password}}
		for _, action := range append(actions, "/sign-in") {
			for _, header := range [][]string{
				{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
				{"Origin", "http://127.0.0.1:1"},
			} {
				if a := v.do("POST", action, form, header...); a.StatusCode != http.StatusForbidden || len(a.Cookies()) > 0 {
					t.Errorf("%s: %s with %s: %s", name, action, header, a.Status)
				}
			}
		}
		s.untouched()
		for _, header := range [][]string{{"Origin", s.url}, {"Sec-Fetch-Site", "same-origin"}, nil} {
			if a := v.do("POST", "/refresh", form, header...); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/" {
				t.Errorf("%s: of this page with %s: %s", name, header, a.Status)
			}
		}
		if !slices.Equal(s.bridge.asked, []string{"refresh amazon", "refresh amazon", "refresh amazon"}) {
			t.Errorf("%s: was asked: %q", name, s.bridge.asked)
		}
	}
}

func TestCookies(t *testing.T) {
	s := newSite(t, withPassword)
	v := s.visitor()
	for _, page := range append(pages, "/sign-in", "/nothing") {
		if a := v.do("GET", page, nil); len(a.Cookies()) > 0 {
			t.Errorf("%s sets a cookie before the sign-in", page)
		}
	}
	for _, action := range []string{"/sign-in", "/sign-out"} {
		for scheme, secure := range map[string]bool{"http": false, "https": true} {
			v := s.visitor()
			if action == "/sign-out" {
				v.signIn(password)
			}
			a := v.do("POST", action, url.Values{"secret": {password}}, "X-Forwarded-Proto", scheme)
			if len(a.Cookies()) != 1 {
				t.Fatalf("cookies: %v", a.Header["Set-Cookie"])
			}
			if c := a.Cookies()[0]; c.SameSite != http.SameSiteStrictMode || !c.HttpOnly || c.Path != "/" || c.Domain != "" || len(c.Value) < 26 || c.Secure != secure {
				t.Errorf("%v", c)
			}
		}
	}
}

// inline is what the policy forbids. The one script has a src and no content.
var (
	theScript = regexp.MustCompile(`<script src="[^"]+" defer></script>`)
	inline    = regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:`)
)

func TestContentSecurityPolicy(t *testing.T) {
	for name, change := range map[string]func(*web.Options){
		"'none'": nil, "'self'": func(o *web.Options) { o.Config.Web.TrustIngress = true },
	} {
		s := newSite(t, change)
		v := s.visitor()
		for _, page := range slices.Concat(pages, []string{"/sign-in", "/nothing", "/assets/app.js"}) {
			a := v.do("GET", page, nil)
			policy := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "base-uri 'none'", "frame-ancestors " + name} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: %q is not in %q", page, part, policy)
				}
			}
			if strings.Contains(policy, "unsafe") || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" {
				t.Errorf("%s: %v", page, a.Header)
			}
			if found := inline.FindString(theScript.ReplaceAllString(a.body, "")); found != "" && page != "/assets/app.js" {
				t.Errorf("%s has inline code: %q", page, found)
			}
			for _, elsewhere := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
				if !strings.HasPrefix(elsewhere[1], "/") && elsewhere[1] != "#main" {
					t.Errorf("%s leads to %s", page, elsewhere[1])
				}
			}
		}
	}
}

// Text from the network is not markup.
func TestTextStaysText(t *testing.T) {
	s := newSite(t, nil)
	s.bridge.change(func(p *bridge.Picture) {
		p.Devices[0].Name, p.Devices[0].Area, p.Devices[0].ID = `<img src=x onerror=alert(1)>`, `"><script>`, `x" onclick="y`
	})
	v := s.visitor()
	for _, page := range pages {
		if body := v.do("GET", page, nil).body; strings.Contains(body, "<img") || strings.Contains(body, `"><script>`) || strings.Contains(body, `" onclick`) || strings.Contains(body, "<b>refused") {
			t.Errorf("%s shows markup that came from elsewhere", page)
		}
	}
}

func TestHosts(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(o *web.Options) { o.Config.Web.Hosts = []string{"sensors.example.org"} })
	v := s.visitor()
	for host, known := range map[string]bool{
		"127.0.0.1:8467": true, "192.168.1.2": true, "[::1]:8467": true, "localhost:8467": true, "LOCALHOST": true,
		name: true, name + ".local:8467": true, "sensors.example.org": true, "sensors.example.org.:443": true,
		"evil.example": false, "localhost.evil.example": false, name + ".evil.example": false, "127.0.0.1.evil.example:8467": false,
		"evil.sensors.example.org": false, "": false,
	} {
		if host == "" {
			continue
		}
		for _, page := range []string{"/", "/live/overview", "/assets/app.css"} {
			if known && page == "/live/overview" {
				continue
			}
			a := v.do("GET", page, nil, "Host", host)
			if (a.StatusCode == http.StatusOK) != known {
				t.Errorf("%s as %q: %s", page, host, a.Status)
			}
			if !known && (a.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(a.body, "web.hosts")) {
				t.Errorf("%s as %q: %s: %s", page, host, a.Status, a.body)
			}
		}
	}
}

func TestWithoutSignInNothingIsShownOrDone(t *testing.T) {
	s := newSite(t, withPassword)
	v := s.visitor()
	for _, page := range append(pages, "/live/overview") {
		a := v.do("GET", page, nil)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/sign-in" || strings.Contains(a.body, "Hall") {
			t.Errorf("%s: %s", page, a.Status)
		}
	}
	for _, action := range actions {
		if a := v.do("POST", action, url.Values{"source": {"amazon"}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", action, a.Status)
		}
	}
	s.untouched()
	if a := v.send("/sign-in", url.Values{"secret": {"a wrong one"}}); a.StatusCode != http.StatusForbidden || strings.Contains(a.body, "a wrong one") {
		t.Errorf("a wrong password: %s", a.Status)
	}
	if a := v.send("/sign-in", url.Values{"secret": {password}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the right password: %s", a.Status)
	}
	if a := v.do("GET", "/", nil); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Hall") {
		t.Errorf("signed in: %s", a.Status)
	}
	if a := s.visitor().do("GET", "/", nil); a.StatusCode != http.StatusSeeOther {
		t.Errorf("somebody else meanwhile: %s", a.Status)
	}
	v.send("/sign-out", url.Values{})
	if a := v.do("GET", "/", nil); a.StatusCode != http.StatusSeeOther {
		t.Errorf("signed out: %s", a.Status)
	}
}

func TestSlowRequestsTimeOut(t *testing.T) {
	for name, test := range map[string]struct {
		sent string
		most time.Duration
	}{
		"nothing":       {"", 10 * time.Second},
		"half a header": {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", 10 * time.Second},
		"half a body":   {"POST /refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken=", 15 * time.Second},
		"and goes on":   {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(s *site) {
				conn := s.dial("127.0.0.1")
				began := time.Now()
				go io.WriteString(conn, test.sent)
				if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				if took := time.Since(began); took > test.most {
					t.Errorf("was waited for %v", took)
				}
			})
		})
	}
}

func TestLargeRequestsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	form := url.Values{"source": {strings.Repeat("x", 100<<10)}}
	if a := v.do("POST", "/refresh", form); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("100 KiB: %s", a.Status)
	}
	s.untouched()
	inBubble(t, nil, func(s *site) {
		conn := s.dial("127.0.0.1")
		go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: %s\r\n\r\n", strings.Repeat("x", 64<<10))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 64 KiB: %v, %v", answer, err)
		}
	})
}

func TestNoSecretIsShown(t *testing.T) {
	s := newSite(t, func(o *web.Options) {
		withPassword(o)
		o.Config.Alert.Email.Password = "the password of the mail"
		o.Config.Hue.Bridges = []configs.HueBridge{{Host: "192.168.1.2", Username: "a-key-of-the-bridge"}}
		o.Config.Amazon.Domain = "amazon.co.uk"
	})
	secrets := []string{password, brokers, "the password of the mail", "a-key-of-the-bridge"}
	for _, line := range append(secrets,
		"Atnr|EwICIMabc", `{"refresh_token": "Atnr|EwICIMabcdef"}`, "https://x/?openid.oa2.authorization_code=ANabcdefgh&x=y",
		"GET /api/1028d66426293e821ecfd9ef1a0731df12345678/sensors", "mail sent to somebody@example.org") {
		fmt.Fprintf(s.options.LogBuffer, "info it says %s here\n", line)
	}
	secrets = append(secrets, "EwICIM", "ANabcdefgh", "1028d66426293e821ecfd9ef1a0731df12345678", "somebody@example.org")
	v := s.visitor()
	v.signIn(password)
	v.send("/amazon/begin", url.Values{"domain": {"amazon.de"}})
	v.send("/mqtt/try", url.Values{"broker": {"x"}, "username": {"me"}, "password": {"typed into the form"}})
	v.send("/amazon/paste", url.Values{"address": {"https://www.amazon.de/ap/maplanding?openid.oa2.authorization_code=AN+typed"}})
	secrets = append(secrets, "typed into the form", "AN+typed")
	for _, page := range pages {
		a := v.do("GET", page, nil)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", page, a.Status)
		}
		for _, secret := range secrets {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s shows %q", page, secret)
			}
		}
	}
	log := v.do("GET", "/log", nil).body
	if strings.Count(log, "[redacted]") < 9 || !strings.Contains(log, "it says") {
		t.Errorf("the log was not redacted, or is gone:\n%s", log)
	}
}

func TestBasePath(t *testing.T) {
	s := newSite(t, func(o *web.Options) { withPassword(o); o.Config.Web.BasePath = "/air" })
	for _, stripped := range []string{"", "/air"} {
		v := s.visitor()
		in := v.do("POST", stripped+"/sign-in", url.Values{"secret": {password}})
		if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != "/air/" || in.Cookies()[0].Path != "/air/" {
			t.Fatalf("%q: %s, %v", stripped, in.Status, in.Header)
		}
		a := v.do("GET", stripped+"/", nil, "Cookie", in.Cookies()[0].Name+"="+in.Cookies()[0].Value)
		for _, text := range []string{`href="/air/hue"`, `action="/air/refresh"`, `src="/air/assets/app.js`, `data-live="/air/live/overview"`} {
			if !strings.Contains(a.body, text) {
				t.Errorf("%q: the overview lacks %s", stripped, text)
			}
		}
		if got := v.do("GET", stripped+"/assets/app.css", nil); got.StatusCode != http.StatusOK {
			t.Errorf("the style sheet: %s", got.Status)
		}
	}
	for trusted, want := range map[bool]string{true: `href="/api/hassio_ingress/x_y-Z/hue"`, false: `href="/hue"`} {
		s := newSite(t, func(o *web.Options) { o.Config.Web.TrustIngress = trusted })
		if a := s.visitor().do("GET", "/", nil, "X-Ingress-Path", "/api/hassio_ingress/x_y-Z"); !strings.Contains(a.body, want) {
			t.Errorf("trusted %v: %s is not there", trusted, want)
		}
		for _, path := range []string{"//evil.example", "https://evil.example", `/x"><script>`, "/../x", "javascript:x"} {
			if a := s.visitor().do("GET", "/", nil, "X-Ingress-Path", path); !strings.Contains(a.body, `href="/hue"`) {
				t.Errorf("the path %q was taken", path)
			}
		}
	}
}

func TestStreamsEndWithTheSession(t *testing.T) {
	s := newSite(t, withPassword)
	v, other := s.visitor(), s.visitor()
	for _, each := range []*visitor{v, other} {
		each.signIn(password)
	}
	streams := []*events{v.live("overview"), v.live("log")}
	kept := other.live("log")
	for _, stream := range append(streams, kept) {
		stream.next()
	}
	v.send("/sign-out", url.Values{})
	for _, stream := range streams {
		stream.end()
	}
	eventually(t, "no watcher", func() bool { return s.bridge.watching() == 0 })
	fmt.Fprintln(s.options.LogBuffer, "info still here")
	if next := kept.next(); !strings.Contains(next, "still here") {
		t.Errorf("somebody else's stream:\n%s", next)
	}
}

func TestSessionsExpireAfterAWeek(t *testing.T) {
	inBubble(t, withPassword, func(s *site) {
		v := s.visitor()
		v.signIn(password)
		cookie := v.cookie()
		began := time.Now()
		stream, ended := v.live("log"), make(chan time.Duration)
		go func() {
			stream.end()
			ended <- time.Since(began)
		}()
		v.Jar = nil // the browser would delete its cookie
		time.Sleep(6 * 24 * time.Hour)
		if a := v.do("GET", "/", nil, "Cookie", cookie); a.StatusCode != http.StatusOK {
			t.Errorf("after 6 days: %s", a.Status)
		}
		if took := <-ended; took < 7*24*time.Hour-time.Second || took > 7*24*time.Hour+time.Second {
			t.Errorf("the stream ended after %v", took)
		}
		if a := v.do("GET", "/", nil, "Cookie", cookie); a.StatusCode != http.StatusSeeOther {
			t.Errorf("a week later: %s", a.Status)
		}
	})
}

// A session ends by signing out and by signing in again.
func TestAnEndedSessionIsNotAccepted(t *testing.T) {
	s := newSite(t, withPassword)
	v := s.visitor()
	works := func(cookie string) bool {
		return s.visitor().do("GET", "/", nil, "Cookie", cookie).StatusCode == http.StatusOK
	}
	planted := "hueair2mqtt=" + strings.Repeat("x", 26)
	v.signIn(password)
	first := v.cookie()
	if !works(first) {
		t.Error("the cookie of the sign-in does not work")
	}
	// A signed-in visitor may send the form of the sign-in, which is not shown.
	v.do("POST", "/sign-in", url.Values{"secret": {password}})
	second := v.cookie()
	if first == second || works(first) || !works(second) {
		t.Error("the session before the last sign-in goes on")
	}
	v.send("/sign-out", url.Values{})
	third := v.cookie()
	if third == second || works(second) || works(third) {
		t.Error("a session goes on after sign-out")
	}
	// The next sign-in makes none of them valid again.
	v.signIn(password)
	for name, old := range map[string]string{"planted": planted, "first": first, "second": second, "third": third} {
		if works(old) {
			t.Errorf("the %s cookie works", name)
		}
	}
	// A sign-in does not make a planted cookie valid.
	other := s.visitor()
	if a := other.do("POST", "/sign-in", url.Values{"secret": {password}}, "Cookie", planted); len(a.Cookies()) != 1 || works(planted) {
		t.Errorf("a cookie from before the sign-in works: %s", a.Status)
	}
}

func TestAnOpenPageIsNotForProxies(t *testing.T) {
	for _, header := range [][]string{
		{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}, {"X-Real-IP", "192.0.2.1"}, {"Via", "1.1 proxy"},
		{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "sensors.example.org"}, {"X-Forwarded-Server", "proxy"},
		{"X-Forwarded-Port", "443"}, {"X-Forwarded-Prefix", "/sensors"}, {"X-Forwarded-Scheme", "https"}, {"X-Original-Forwarded-For", "192.0.2.1"},
		{"X-Client-IP", "192.0.2.1"}, {"True-Client-IP", "192.0.2.1"}, {"CF-Connecting-IP", "192.0.2.1"}, {"X-Scheme", "https"},
	} {
		for _, page := range []string{"/", "/live/overview", "/log"} {
			if a := newSite(t, nil).visitor().do("GET", page, nil, header...); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "web.password_file") {
				t.Errorf("%s with %s: %s", page, header[0], a.Status)
			}
		}
		if a := newSite(t, withPassword).visitor().do("GET", "/sign-in", nil, header...); a.StatusCode != http.StatusOK {
			t.Errorf("with a password and %s: %s", header[0], a.Status)
		}
	}
}

// By default nginx uses HTTP/1.0 and adds no header.
func TestAnOpenPageIsNotForHTTP10(t *testing.T) {
	inBubble(t, nil, func(s *site) {
		for version, want := range map[string]int{"1.0": http.StatusForbidden, "1.1": http.StatusOK} {
			conn := s.dial("127.0.0.1")
			go io.WriteString(conn, "GET / HTTP/"+version+"\r\nHost: 127.0.0.1:8467\r\nConnection: close\r\n\r\n")
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || answer.StatusCode != want {
				t.Errorf("HTTP/%s: %v, %v", version, answer, err)
			}
		}
	})
}

func TestStrangersDontHoldThePage(t *testing.T) {
	inBubble(t, nil, func(s *site) {
		var held []net.Conn
		for range 200 {
			held = append(held, s.dial("127.0.0.1"))
		}
		conn := s.dial("127.0.0.1")
		go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", answer, err)
		}
		began := time.Now()
		for _, c := range held {
			io.Copy(io.Discard, c)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("they were waited for %v", took)
		}
	})
}
