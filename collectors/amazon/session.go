package amazon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
)

const (
	// maxCookiesFile is the size, in bytes, above which a file is no export of
	// cookies: a browser with thousands of them stays below it.
	maxCookiesFile = 1 << 20

	// maxCookies and maxCookieValue bound what answers may add, as every request
	// carries it (RFC 6265, 6.1: 4096 bytes a cookie).
	maxCookies     = 200
	maxCookieValue = 4096

	// csrfCookie is the cookie whose value every request repeats as a header, to
	// show that it was not sent by a foreign page.
	csrfCookie = "csrf"
)

// session is the state of being signed in: the cookies of the file, and what
// Alexa's answers added to them.
type session struct {
	path    string
	domain  string
	cookies map[string]string
	digest  [sha256.Size]byte // of the file that cookies came from
	loaded  bool
}

func newSession(path, domain string) *session {
	return &session{path: path, domain: domain}
}

// load reads the file and takes its cookies if it changed since the last time,
// and says whether it did. Its error is always one of authentication: without
// cookies, nobody is signed in.
func (s *session) load() (changed bool, err error) {
	content, err := s.readFile()
	if err != nil {
		return false, s.noCookies(err)
	}
	digest := sha256.Sum256(content)
	changed = digest != s.digest
	if s.loaded && !changed {
		return false, nil
	}
	cookies, err := parseCookies(content, s.domain)
	if err != nil {
		return false, s.noCookies(err)
	}
	s.cookies, s.digest, s.loaded = cookies, digest, true
	return changed, nil
}

// readFile gives the file's content. Its errors tell what is wrong with the
// file, without its path.
func (s *session) readFile() ([]byte, error) {
	if s.path == "" {
		return nil, errors.New("no file of cookies is set")
	}
	// Opening a pipe would wait for its writer.
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(s.path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCookiesFile+1))
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case len(content) > maxCookiesFile:
		return nil, errors.New("larger than 1 MiB, so not a file of cookies")
	}
	return content, nil
}

func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (s *session) noCookies(err error) error {
	s.forget()
	if s.path != "" {
		err = fmt.Errorf("cookies file %s: %w", s.path, err)
	}
	return &collectors.AuthenticationError{Code: "no cookies", Remedy: s.remedy(), Err: err}
}

// remedy tells the user how to sign in again.
func (s *session) remedy() string {
	if s.path == "" {
		return fmt.Sprintf("Sign in to Amazon in a browser, export the cookies of %s into a file, and name that file as amazon.cookies_file in the configuration.", s.domain)
	}
	return fmt.Sprintf("Sign in to Amazon in a browser and export the cookies of %s anew into %s. No restart is needed.", s.domain, s.path)
}

// forget makes the next load take the file's cookies again, whether it changed
// or not.
func (s *session) forget() { s.loaded = false }

// authorize puts the cookies and the csrf header into a request.
func (s *session) authorize(req *http.Request) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.cookies)) {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + "=" + s.cookies[name])
	}
	req.Header.Set("Cookie", b.String())
	if csrf := s.cookies[csrfCookie]; csrf != "" {
		req.Header.Set(csrfCookie, csrf)
	}
}

// learn takes the cookies that an answer sets, the csrf one above all.
func (s *session) learn(resp *http.Response) {
	for _, cookie := range resp.Cookies() {
		_, known := s.cookies[cookie.Name]
		switch {
		case cookie.MaxAge < 0, cookie.Value == "", !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()):
			delete(s.cookies, cookie.Name)
		case len(cookie.Value) > maxCookieValue, !known && len(s.cookies) >= maxCookies,
			checkCookie(cookie.Name, cookie.Value) != nil:
		default:
			s.cookies[cookie.Name] = cookie.Value
		}
	}
}

// redact takes every cookie's value out of text that came from the network: an
// answer may echo what the request held, also quoted as Go does in errors.
func (s *session) redact(text string) string {
	const shortest = 6 // shorter values ("1", "en_GB") are no secrets, and are parts of words
	var values []string
	for _, value := range s.cookies {
		if len(value) >= shortest {
			quoted := strconv.Quote(value)
			values = append(values, value, quoted[1:len(quoted)-1])
		}
	}
	// The longest first: one value may be a part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		text = strings.ReplaceAll(text, value, "[cookie]")
	}
	return text
}

// checkCookie refuses what can't be sent in a Cookie header. The error names
// the cookie, never its value.
func checkCookie(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("=;,\"", r)
	}) {
		return fmt.Errorf("%q can't be the name of a cookie", collectors.CleanText(name))
	}
	for _, r := range value {
		switch {
		case unicode.IsControl(r):
			return fmt.Errorf("the value of cookie %s holds a line break or another control character", name)
		case r == ';':
			return fmt.Errorf("the value of cookie %s holds a semicolon: is it more than one cookie?", name)
		}
	}
	return nil
}
