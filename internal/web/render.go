package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/internal/sources"
	"hueair2mqtt/internal/web/access"
)

//go:embed assets templates
var files embed.FS

// menuPage is a page of the menu. Its template has the same name.
type menuPage struct {
	Name, Path, Title, Short string

	// Either of these returns the data for the template. busy reports whether the page
	// will change in a moment.
	fromBridge func(bridge.Picture) (data any, busy bool)
	content    func() (data any, busy bool)
}

// templates returns every page with the layout around it. They are parsed at their
// first use: a program that serves no page does not need them.
var templates = sync.OnceValue(func() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"time": timeElement, "source": sources.TitleOf, "seconds": secondsLeft, "values": values, "entities": entities,
	}).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	all := make(map[string]*template.Template)
	for _, name := range []string{"overview", "hue", "amazon", "mqtt", "check", "log", "signin", "error"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
})

// assetVersion changes with the assets, so that browsers may cache each version.
var assetVersion = sync.OnceValue(func() string {
	sum := sha256.New()
	for _, name := range []string{"assets/app.css", "assets/app.js", "assets/icon.svg"} {
		content, err := files.ReadFile(name)
		if err != nil {
			panic(err) // an embedded file is missing
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
})

// assets serves the files that the layout links to.
func assets() http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("v") == assetVersion() {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		server.ServeHTTP(w, r)
	})
}

// layout is the data of layout.html.
type layout struct {
	Name, Title string
	Base        string
	Assets      string
	Menu        []menuPage // nil for a visitor who is not signed in
	ConfigFile  string
	StateDir    string
	Setup       bool
	SignOut     bool
	Live        bool // the page has a live stream
	Refresh     int  // seconds after which a browser without JavaScript reloads; 0: never
	Now         time.Time
	Data        any
}

// renderer makes HTML of the pages.
type renderer struct {
	options    *Options
	pages      []menuPage
	canSignOut bool
}

func (r *renderer) layout(v access.Visit, name, title string, data any) layout {
	l := layout{
		Name: name, Title: title, Base: v.Base, Assets: assetVersion(), ConfigFile: r.options.ConfigFile, StateDir: r.options.Config.StateDir,
		Setup: r.options.Mode == Setup, Now: time.Now(), Data: data,
	}
	if v.SignedIn() {
		l.Menu, l.SignOut = r.pages, r.canSignOut
	}
	return l
}

// render returns a page of the menu, or the part of it that a template defines.
func (r *renderer) render(ctx context.Context, v access.Visit, p menuPage, part string) ([]byte, error) {
	var (
		data any
		busy bool
	)
	if p.fromBridge != nil {
		picture, err := r.options.Bridge.Picture(ctx)
		if err != nil {
			return nil, err
		}
		data, busy = p.fromBridge(picture)
	} else {
		data, busy = p.content()
	}
	l := r.layout(v, p.Name, p.Title, data)
	l.Live = true
	if busy {
		l.Refresh = 2
	}
	return execute(l, part), nil
}

// show sends a page of the menu.
func (r *renderer) show(w http.ResponseWriter, request *http.Request, v access.Visit, p menuPage) {
	content, err := r.render(request.Context(), v, p, "layout.html")
	if err != nil {
		r.fail(w, v, http.StatusServiceUnavailable, "hueair2mqtt is shutting down: "+err.Error())
		return
	}
	send(w, http.StatusOK, content)
}

// other sends a page that is not in the menu.
func (r *renderer) other(w http.ResponseWriter, v access.Visit, status int, name, title string, data any) {
	send(w, status, execute(r.layout(v, name, title, data), "layout.html"))
}

// fail sends a page with the reason why a request failed.
func (r *renderer) fail(w http.ResponseWriter, v access.Visit, status int, text string) {
	r.other(w, v, status, "error", http.StatusText(status), text)
}

// execute panics if a template is wrong.
func execute(l layout, part string) []byte {
	var b bytes.Buffer
	if err := templates()[l.Name].ExecuteTemplate(&b, part, l); err != nil {
		panic(fmt.Sprintf("template %s: %v", l.Name, err))
	}
	return b.Bytes()
}

func send(w http.ResponseWriter, status int, content []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	_, _ = w.Write(content) // the browser may have closed the connection
}

// timeElement shows a time by this machine's clock. The script replaces it by the
// browser's.
func timeElement(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	format := "15:04:05"
	if t, now := t.Local(), now.Local(); t.Year() != now.Year() || t.YearDay() != now.YearDay() {
		format = "2 Jan 15:04"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.UTC().Format(time.RFC3339), t.Local().Format(format)))
}

func secondsLeft(until, now time.Time) int {
	return max(0, int(math.Ceil(until.Sub(now).Seconds())))
}
