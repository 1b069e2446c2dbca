package web

import (
	"net/http"

	"hueair2mqtt/internal/web/access"
)

// areas are the parts of the page that handle requests.
type areas struct {
	access   *access.Access
	renderer *renderer
	live     *live
	signIn   *signInPage
	overview *overview
	hue      *huePairing
	amazon   *amazonSignIn
	mqtt     *brokerTrial
	check    *checkRun
	log      *logPage
}

// pages returns the pages of the menu, in its order.
func (a *areas) pages() []menuPage {
	return []menuPage{
		{Name: "overview", Path: "/", Title: "Overview", Short: "Overview", fromBridge: a.overview.content},
		{Name: "hue", Path: "/hue", Title: "Philips Hue", Short: "Philips Hue", fromBridge: a.hue.content},
		{Name: "amazon", Path: "/amazon", Title: "Amazon", Short: "Amazon", fromBridge: a.amazon.content},
		{Name: "mqtt", Path: "/mqtt", Title: "MQTT and Home Assistant", Short: "MQTT", fromBridge: a.mqtt.content},
		{Name: "check", Path: "/check", Title: "Check", Short: "Check", content: a.check.content},
		{Name: "log", Path: "/log", Title: "Log", Short: "Log", content: a.log.content},
	}
}

// formAction handles a form of the page. It returns the path of the page to show next.
type formAction func(r *http.Request) (next string)

// actions returns the forms of the pages by their path.
func (a *areas) actions() map[string]formAction {
	return map[string]formAction{
		"/refresh":      a.overview.refresh,
		"/acknowledge":  a.overview.acknowledge,
		"/hue/find":     a.hue.find,
		"/hue/pair":     a.hue.pair,
		"/hue/stop":     a.hue.stop,
		"/hue/forget":   a.hue.forget,
		"/amazon/begin": a.amazon.begin,
		"/amazon/paste": a.amazon.paste,
		"/mqtt/try":     a.mqtt.try,
		"/check":        a.check.start,
	}
}

// routes returns the handler of all paths.
func (a *areas) routes() http.Handler {
	a.renderer.pages = a.pages()
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{name}", assets())
	mux.HandleFunc("GET /sign-in", a.forAll(a.signIn.show))
	mux.HandleFunc("POST /sign-in", a.forAll(a.form(a.signIn.submit)))
	mux.HandleFunc("POST /sign-out", a.signedIn(a.form(a.signIn.signOut)))
	for _, p := range a.renderer.pages {
		pattern := p.Path
		if pattern == "/" {
			pattern = "/{$}"
		}
		mux.HandleFunc("GET "+pattern, a.signedIn(func(w http.ResponseWriter, r *http.Request, v access.Visit) { a.renderer.show(w, r, v, p) }))
		mux.HandleFunc("GET /live/"+p.Name, a.signedIn(func(w http.ResponseWriter, r *http.Request, v access.Visit) { a.live.serve(w, r, v, p) }))
	}
	for path, do := range a.actions() {
		mux.HandleFunc("POST "+path, a.signedIn(a.form(func(w http.ResponseWriter, r *http.Request, v access.Visit) {
			http.Redirect(w, r, v.Base+do(r), http.StatusSeeOther)
		})))
	}
	mux.HandleFunc("/", a.forAll(func(w http.ResponseWriter, _ *http.Request, v access.Visit) {
		a.renderer.fail(w, v, http.StatusNotFound, "There is no such page.")
	}))
	return mux
}

// visitHandler handles a request of a known or unknown visitor.
type visitHandler func(w http.ResponseWriter, r *http.Request, v access.Visit)

// forAll passes the requests of all visitors to next.
func (a *areas) forAll(next visitHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { next(w, r, a.access.Visit(r)) }
}

// signedIn requires an authenticated visitor. It redirects everyone else to the
// sign-in page and refuses their forms.
func (a *areas) signedIn(next visitHandler) http.HandlerFunc {
	return a.forAll(func(w http.ResponseWriter, r *http.Request, v access.Visit) {
		switch {
		case v.SignedIn():
			next(w, r, v)
		case r.Method == http.MethodPost:
			a.renderer.fail(w, v, http.StatusForbidden, "You are signed out. Sign in and try again.")
		default:
			http.Redirect(w, r, v.Base+"/sign-in", http.StatusSeeOther)
		}
	})
}

// form reads the form of a request before it calls next.
func (a *areas) form(next visitHandler) visitHandler {
	return func(w http.ResponseWriter, r *http.Request, v access.Visit) {
		if err := r.ParseForm(); err != nil {
			a.renderer.fail(w, v, http.StatusRequestEntityTooLarge, "This is not a form, or it is too large.")
			return
		}
		next(w, r, v)
	}
}
