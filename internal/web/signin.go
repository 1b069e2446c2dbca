package web

import (
	"fmt"
	"net/http"
	"strconv"

	"go.uber.org/zap"
)

// signInPage is the page on which a visitor signs in with the password or a one-time
// code.
type signInPage struct {
	sessions *sessions
	attempts *attempts
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
func (s *signInPage) show(w http.ResponseWriter, r *http.Request, v visit) {
	if v.signedIn() {
		http.Redirect(w, r, v.base+"/", http.StatusSeeOther)
		return
	}
	s.form(w, v, http.StatusOK, r.URL.Query().Get("code"), "")
}

func (s *signInPage) form(w http.ResponseWriter, v visit, status int, code, problem string) {
	s.renderer.other(w, v, status, "signin", "Sign in", signInData{ByPassword: s.sessions.password != "", Code: code, Error: problem})
}

func (s *signInPage) submit(w http.ResponseWriter, r *http.Request, v visit) {
	secret := r.PostForm.Get("secret")
	if !s.sessions.useCode(secret) && !s.checkPassword(w, v, secret) {
		return
	}
	setCookie(w, r, v.base, s.sessions.start(v.cookie))
	http.Redirect(w, r, v.base+"/", http.StatusSeeOther)
}

// checkPassword reports whether the secret is the password. If it is not, or if there
// were too many attempts, checkPassword has sent the response.
func (s *signInPage) checkPassword(w http.ResponseWriter, v visit, secret string) bool {
	from := zap.Stringer("from", v.client)
	if s.sessions.password != "" {
		known := ""
		if s.sessions.isKnown(v.cookie) {
			known = v.cookie
		}
		if !s.attempts.allow(v.client, known) {
			wait := int(attemptEvery.Seconds())
			s.log.Warn("too many attempts to sign in to the page", from)
			w.Header().Set("Retry-After", strconv.Itoa(wait))
			s.form(w, v, http.StatusTooManyRequests, "", fmt.Sprintf("Too many attempts. Wait %d seconds.", wait))
			return false
		}
		if s.sessions.isPassword(secret) {
			return true
		}
	}
	s.log.Warn("sign-in to the page with a wrong password or code", from)
	problem := "The code is wrong or was used before. The newest link is in the terminal."
	if s.sessions.password != "" {
		problem = "The password is wrong."
	}
	s.form(w, v, http.StatusForbidden, "", problem)
	return false
}

func (s *signInPage) signOut(w http.ResponseWriter, r *http.Request, v visit) {
	setCookie(w, r, v.base, s.sessions.end(v.cookie))
	http.Redirect(w, r, v.base+"/sign-in", http.StatusSeeOther)
}
