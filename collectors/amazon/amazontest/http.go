package amazontest

import (
	"encoding/json"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"strings"
)

// The paths that the host serves.
const (
	SignInPath     = "/ap/signin"
	LandingPath    = "/ap/maplanding"
	RegisterPath   = "/auth/register"
	TokenPath      = "/auth/token"
	DeregisterPath = "/auth/deregister"
	WelcomePath    = "/api/welcome"

	// ExchangePath renews cookies at the retail host, beside TokenPath.
	ExchangePath = "/ap/exchangetoken/cookies"

	GraphQLPath  = "/nexus/v1/graphql"
	PhoenixPath  = "/api/phoenix/state"
	EntitiesPath = "/api/behaviors/entities"
)

// Marketplaces are the domains that accounts may be of.
var Marketplaces = []string{
	"amazon.com", "amazon.ca", "amazon.com.mx", "amazon.com.br",
	"amazon.co.uk", "amazon.ie", "amazon.de", "amazon.fr", "amazon.it", "amazon.es", "amazon.nl",
	"amazon.com.be", "amazon.se", "amazon.pl", "amazon.com.tr", "amazon.ae", "amazon.sa", "amazon.eg",
	"amazon.co.za", "amazon.in", "amazon.co.jp", "amazon.com.au", "amazon.sg",
}

// tokenHost is the token host of all marketplaces.
const tokenHost = "api.amazon.com"

// isFor reports whether a request was sent to one of Amazon's hosts, or to an address
// that stands for all of them.
func isFor(r *http.Request, host string) bool {
	asked := r.Host
	if name, _, err := net.SplitHostPort(asked); err == nil {
		asked = name
	}
	return asked == host || !strings.Contains(asked, "amazon.")
}

// readBody reads a request's body of at most 64 KiB.
func readBody(r *http.Request) ([]byte, error) { return io.ReadAll(io.LimitReader(r.Body, 64<<10)) }

func carries(r *http.Request, cookies map[string]string) bool {
	for name, value := range cookies {
		cookie, err := r.Cookie(name)
		if err != nil || cookie.Value != value {
			return false
		}
	}
	return true
}

func isType(r *http.Request, want string) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == want
}

// writeJSON answers with JSON.
func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	// The body is made of maps, texts and finite numbers; the client may have gone.
	_ = json.NewEncoder(w).Encode(body)
}

// orNull returns a number, or null if JSON has none.
func orNull(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

func orNothing(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Hang does not answer until the client goes away.
func Hang(_ http.ResponseWriter, r *http.Request) {
	// The server notices a client that goes away only after the request was read.
	_, _ = io.Copy(io.Discard, r.Body) // what can't be read has no reader either
	<-r.Context().Done()
}

// Drop closes the connection without an answer.
func Drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Truncated breaks off in the middle of the body.
func Truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"data": {"listEndpoints": {"endp`) // the client may have gone
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Status answers with a status, with headers added if not nil.
func Status(code int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // the client may have gone
	}
}

// Body answers 200 with a body.
func Body(contentType, body string) http.HandlerFunc {
	return Status(http.StatusOK, http.Header{"Content-Type": {contentType}}, body)
}

// SignInRedirect is how Amazon ends a session: a redirect to the sign-in page.
func SignInRedirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://www.amazon.co.uk/ap/signin?openid.return_to=https%3A%2F%2Falexa.amazon.co.uk%2F&openid.mode=checkid_setup", http.StatusFound)
}

// SignInPage is the other way: the page itself.
func SignInPage(w http.ResponseWriter, r *http.Request) {
	Body("text/html;charset=UTF-8", "<!doctype html><html><head><title>Amazon Sign In</title></head><body><form name=\"signIn\"></form></body></html>")(w, r)
}
