package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/sources"
)

//go:embed assets templates
var files embed.FS

// pages are those of the menu.
var pages = []struct{ Name, Path, Title, Short string }{
	{Name: "overview", Path: "/", Title: "Overview", Short: "Overview"},
	{Name: "hue", Path: "/hue", Title: "Philips Hue", Short: "Philips Hue"},
	{Name: "amazon", Path: "/amazon", Title: "Amazon", Short: "Amazon"},
	{Name: "mqtt", Path: "/mqtt", Title: "MQTT and Home Assistant", Short: "MQTT"},
	{Name: "check", Path: "/check", Title: "Check", Short: "Check"},
	{Name: "log", Path: "/log", Title: "Log", Short: "Log"},
}

// templates has each page with the layout around it. A program without a page has
// no use for it.
var templates = sync.OnceValue(parseTemplates)

func parseTemplates() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"time": timeElement, "source": sources.Title, "seconds": secondsLeft, "values": values,
	}).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	all := make(map[string]*template.Template)
	for _, name := range []string{"overview", "hue", "amazon", "mqtt", "check", "log", "signin", "error"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// assetVersion makes browsers keep what has not changed, and only that.
var assetVersion = sync.OnceValue(func() string {
	sum := sha256.New()
	for _, name := range []string{"assets/app.css", "assets/app.js", "assets/icon.svg"} {
		content, err := files.ReadFile(name)
		if err != nil {
			panic(err) // of a file that is part of the program
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
})

// visit is one request by somebody.
type visit struct {
	base    string // prefix of all paths
	client  httpguard.Client
	visitor string
	session context.Context // nil: not signed in
}

// inside reports whether the visitor is signed in.
func (v visit) inside() bool { return v.session != nil }

// view is what the layout shows around a page.
type view struct {
	Name, Title string
	Base        string
	Assets      string
	Token       string
	Menu        any // pages, or nil outside
	Setup       bool
	SignOut     bool
	// Refresh makes a browser without JavaScript load the page again, in seconds; 0
	// not at all.
	Refresh int
	Now     time.Time
	Data    any
}

// Handler serves the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // of a folder that is part of the program
	}
	static := http.FileServerFS(assets)
	mux.HandleFunc("GET /assets/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("v") == assetVersion() {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.StripPrefix("/assets/", static).ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /sign-in", s.showSignIn)
	mux.HandleFunc("POST /sign-in", s.doSignIn)
	for _, p := range pages {
		path := p.Path
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, s.inside(func(w http.ResponseWriter, r *http.Request, v visit) { s.showPage(w, r, v, p.Name) }))
	}
	mux.HandleFunc("GET /live/{page}", s.inside(s.live))
	for path, do := range map[string]func(r *http.Request, v visit) (to string){
		"/refresh":      s.doRefresh,
		"/acknowledge":  s.doAcknowledge,
		"/hue/find":     s.doFindHue,
		"/hue/pair":     s.doPairHue,
		"/hue/stop":     s.doStopPairing,
		"/hue/forget":   s.doForgetHue,
		"/amazon/begin": s.doBeginSignIn,
		"/amazon/paste": s.doPaste,
		"/mqtt/try":     s.doTryBroker,
		"/check":        s.doCheck,
	} {
		mux.HandleFunc("POST "+path, s.action(do))
	}
	mux.HandleFunc("POST /sign-out", s.doSignOut)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, "There is no such page.")
	})
	page := s.guard.wrap(s.recovered(mux))
	if s.o.Ingress {
		page = ingressOnly(page)
	}
	return s.o.Health.Handler(page)
}

// recovered makes a page that fails unexpectedly cost that page alone.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				http.Error(w, s.unforeseen(p).Error(), http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) visit(w http.ResponseWriter, r *http.Request) visit {
	base := s.guard.base(r)
	id := s.access.visitor(w, r, base)
	return visit{base: base, client: s.guard.proxies.Client(r), visitor: id, session: s.access.session(id)}
}

// inside is for who is signed in; others are led to the sign-in.
func (s *Server) inside(show func(http.ResponseWriter, *http.Request, visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		if !v.inside() {
			http.Redirect(w, r, v.base+"/sign-in", http.StatusSeeOther)
			return
		}
		show(w, r, v)
	}
}

// action is a POST of a form of this page. It ends on a page to look at.
func (s *Server) action(do func(r *http.Request, v visit) (to string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if v, ok := s.mayAct(w, r); ok {
			http.Redirect(w, r, v.base+do(r, v), http.StatusSeeOther)
		}
	}
}

// mayAct reports whether a form of this page was sent by a visitor who is signed in.
// If not, it has answered.
func (s *Server) mayAct(w http.ResponseWriter, r *http.Request) (v visit, ok bool) {
	v = s.visit(w, r)
	if !v.inside() {
		s.fail(w, r, http.StatusForbidden, "You are not signed in, or not any more.")
		return v, false
	}
	return v, s.formIsOurs(w, r, v)
}

// formIsOurs looks at a form's size and token.
func (s *Server) formIsOurs(w http.ResponseWriter, r *http.Request, v visit) bool {
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, http.StatusRequestEntityTooLarge, "That is too much, or no form.")
		return false
	}
	if !same(r.PostForm.Get("token"), s.access.token(v.visitor)) {
		s.fail(w, r, http.StatusForbidden, "The page was open for too long, or the browser keeps no cookies. Go back, load the page again, and repeat it.")
		return false
	}
	return true
}

// showPage shows a page of the menu.
func (s *Server) showPage(w http.ResponseWriter, r *http.Request, v visit, name string) {
	content, err := s.render(r.Context(), v, name, "layout.html")
	if err != nil {
		s.fail(w, r, http.StatusServiceUnavailable, "The bridge is just ending: "+err.Error())
		return
	}
	writeHTML(w, http.StatusOK, content)
}

// render makes a page, or a part of it that a template is for.
func (s *Server) render(ctx context.Context, v visit, name, part string) ([]byte, error) {
	data, busy, err := s.data(ctx, name)
	if err != nil {
		return nil, err
	}
	shown := s.view(v, name)
	shown.Data = data
	if busy {
		shown.Refresh = 2
	}
	return s.execute(shown, part), nil
}

func (s *Server) view(v visit, name string) view {
	shown := view{
		Name: name, Base: v.base, Assets: assetVersion(), Token: s.access.token(v.visitor),
		Setup: s.o.Setup, SignOut: v.inside() && !s.access.open(), Now: time.Now(),
	}
	if v.inside() {
		shown.Menu = pages
	}
	for _, p := range pages {
		if p.Name == name {
			shown.Title = p.Title
		}
	}
	return shown
}

// execute can't fail but for a fault of a template.
func (s *Server) execute(shown view, part string) []byte {
	var b bytes.Buffer
	if err := templates()[shown.Name].ExecuteTemplate(&b, part, shown); err != nil {
		panic(fmt.Sprintf("showing %s: %v", shown.Name, err))
	}
	return b.Bytes()
}

// data is what a page shows. busy says that it will look different in a moment.
func (s *Server) data(ctx context.Context, name string) (data any, busy bool, err error) {
	switch name {
	case "log":
		return s.logPage(), false, nil
	case "check":
		state := s.checking.now()
		return state, state.Running, nil
	}
	picture, err := s.o.House.Picture(ctx)
	if err != nil {
		return nil, false, err
	}
	switch name {
	case "hue":
		page := s.huePage(picture)
		return page, page.Finding.Running || page.Pairing.Running, nil
	case "amazon":
		page := s.amazonPage(picture)
		return page, page.Job.Running, nil
	case "mqtt":
		page := s.mqttPage(picture)
		return page, page.Trying.Running, nil
	default:
		return s.overview(picture), false, nil
	}
}

// fail shows what is wrong with a request.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	shown := s.view(s.visit(w, r), "error")
	shown.Title, shown.Data = http.StatusText(status), text
	writeHTML(w, status, s.execute(shown, "layout.html"))
}

func writeHTML(w http.ResponseWriter, status int, content []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	// Whoever asked may have left.
	_, _ = w.Write(content)
}

type signInPage struct {
	ByPassword, ByCode bool
	Code               string
	Wrong              string
}

func (s *Server) signInPage(code, wrong string) signInPage {
	return signInPage{ByPassword: s.access.password != "", ByCode: s.access.tell != nil, Code: code, Wrong: wrong}
}

// showSignIn shows the form. The code of a link is only filled in: a link is looked
// at by more than people, and it opens the page once.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	v := s.visit(w, r)
	if v.inside() {
		http.Redirect(w, r, v.base+"/", http.StatusSeeOther)
		return
	}
	s.signInForm(w, v, http.StatusOK, s.signInPage(r.URL.Query().Get("code"), ""))
}

func (s *Server) signInForm(w http.ResponseWriter, v visit, status int, page signInPage) {
	shown := s.view(v, "signin")
	shown.Title, shown.Data = "Sign in", page
	writeHTML(w, status, s.execute(shown, "layout.html"))
}

func (s *Server) doSignIn(w http.ResponseWriter, r *http.Request) {
	v := s.visit(w, r)
	if !s.formIsOurs(w, r, v) {
		return
	}
	secret := r.PostForm.Get("secret")
	if !s.access.useCode(secret) && !s.passwordIsRight(w, v, secret) {
		return
	}
	setCookie(w, r, v.base, s.access.signIn(v.visitor))
	http.Redirect(w, r, v.base+"/", http.StatusSeeOther)
}

// passwordIsRight checks a password within the limits of attempts. If it is wrong,
// or was not checked, it has answered.
func (s *Server) passwordIsRight(w http.ResponseWriter, v visit, secret string) bool {
	from := zap.Stringer("from", v.client)
	if s.access.password != "" {
		known := ""
		if s.access.isKnown(v.visitor) {
			known = v.visitor
		}
		if !s.access.attempts.allow(v.client, known) {
			s.o.Errors.Warn("too many attempts to sign in to the page", from)
			w.Header().Set("Retry-After", strconv.Itoa(int(attemptEvery.Seconds())))
			s.signInForm(w, v, http.StatusTooManyRequests, s.signInPage("", fmt.Sprintf("Too many attempts: wait %d seconds.", int(attemptEvery.Seconds()))))
			return false
		}
		if s.access.isPassword(secret) {
			return true
		}
	}
	s.o.Errors.Warn("an attempt to sign in to the page with a wrong password or code", from)
	s.signInForm(w, v, http.StatusForbidden, s.signInPage("", "That was not right. A link can be used once only; the newest one is in the terminal."))
	return false
}

func (s *Server) doSignOut(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.mayAct(w, r); ok {
		setCookie(w, r, v.base, s.access.signOut(v.visitor))
		http.Redirect(w, r, v.base+"/sign-in", http.StatusSeeOther)
	}
}
