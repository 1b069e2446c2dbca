package amazontest

import (
	"io"
	"net/http"
)

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

// SignInRedirect is how Amazon ends a session: it sends the client to the
// sign-in page.
func SignInRedirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://www.amazon.co.uk/ap/signin?openid.return_to=https%3A%2F%2Falexa.amazon.co.uk%2F&openid.mode=checkid_setup", http.StatusFound)
}

// SignInPage is the other way: it answers with the page itself.
func SignInPage(w http.ResponseWriter, r *http.Request) {
	Body("text/html;charset=UTF-8", "<!doctype html><html><head><title>Amazon Sign In</title></head><body><form name=\"signIn\"></form></body></html>")(w, r)
}
