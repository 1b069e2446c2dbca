package web

import (
	"fmt"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"hueair2mqtt/internal/web/access"
)

// signInPage is the page on which a visitor signs in with the password or a one-time
// code.
type signInPage struct {
	access   *access.Access
	renderer *renderer
	log      *zap.Logger
}

type signInData struct {
	ByPassword bool
	Code       string
	Error      string
}

// show shows the form. It only fills in the code of a link: mail scanners and link
// previews open links too, and the code works once.
func (s *signInPage) show(w http.ResponseWriter, r *http.Request, v access.Visit) {
	if v.SignedIn() {
		http.Redirect(w, r, v.Base+"/", http.StatusSeeOther)
		return
	}
	s.form(w, v, http.StatusOK, r.URL.Query().Get("code"), "")
}

func (s *signInPage) form(w http.ResponseWriter, v access.Visit, status int, code, problem string) {
	s.renderer.other(w, v, status, "signin", "Sign in", signInData{ByPassword: s.access.ByPassword(), Code: code, Error: problem})
}

func (s *signInPage) submit(w http.ResponseWriter, r *http.Request, v access.Visit) {
	from := zap.Stringer("from", v.Client)
	switch s.access.SignIn(w, r, v, r.PostForm.Get("secret")) {
	case access.SignedIn:
		http.Redirect(w, r, v.Base+"/", http.StatusSeeOther)
	case access.TooMany:
		wait := int(access.RetryAfter.Seconds())
		s.log.Warn("too many attempts to sign in to the page", from)
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		s.form(w, v, http.StatusTooManyRequests, "", fmt.Sprintf("Too many attempts. Wait %d seconds.", wait))
	case access.Wrong:
		s.log.Warn("sign-in to the page with a wrong password or code", from)
		problem := "The code is wrong or was used before. The newest link is in the terminal."
		if s.access.ByPassword() {
			problem = "The password is wrong."
		}
		s.form(w, v, http.StatusForbidden, "", problem)
	}
}

func (s *signInPage) signOut(w http.ResponseWriter, r *http.Request, v access.Visit) {
	s.access.SignOut(w, r, v)
	http.Redirect(w, r, v.Base+"/sign-in", http.StatusSeeOther)
}
