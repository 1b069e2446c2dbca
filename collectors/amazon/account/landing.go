package account

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hueair2mqtt/collectors/amazon/wire"
)

const (
	signInPath  = "/ap/signin"
	landingPath = "/ap/maplanding"
	codeKey     = "openid.oa2.authorization_code"
	clientIDKey = "openid.oa2.client_id"
)

// PastedError describes what is wrong with the address that the user pasted, in whole
// sentences for them. It does not quote the address. Another one may be right.
type PastedError struct{ problem string }

func (e *PastedError) Error() string { return e.problem }

func pasted(problem string) error { return &PastedError{problem} }

// maxAddress bounds a pasted address, in bytes. Amazon's have about 1,500.
const maxAddress = 16 << 10

// cleanPasted removes what people and programs add to an address: line breaks and spaces
// where it was wrapped, quotes, brackets, the backslash of a shell. None of them can be
// part of an address.
func cleanPasted(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("\"'`<>\\“”„‘’‚«»", r) {
			return -1
		}
		return r
	}, text)
	text = strings.ReplaceAll(text, "&amp;", "&") // copied out of the source of a page
	return strings.Trim(text, "()[]{},.;")
}

// codePattern matches a code by itself. It is strict so that no password that was pasted
// by mistake is sent.
var codePattern = regexp.MustCompile(`^AN[A-Za-z0-9]{16,62}$`)

// bareCode returns the code that was pasted instead of an address: by itself, or within
// a part of an address.
func bareCode(text string) (code wire.Secret, ok bool) {
	if _, rest, named := strings.Cut(text, codeKey+"="); named {
		text, _, _ = strings.Cut(rest, "&")
	}
	return wire.Secret(text), codePattern.MatchString(text)
}

// landingCode returns the authorization code from the address of the page that ends the
// sign-in. hosts are allowed in it besides Amazon's own.
func landingCode(text, clientID string, marketplaces, hosts []string) (wire.Secret, error) {
	address := cleanPasted(text)
	switch {
	case address == "":
		return "", pasted("Nothing was pasted.")
	case len(address) > maxAddress:
		return "", pasted("That is too long for an address. Copy only the address.")
	}
	// Browsers leave the scheme out of what they show.
	if lower := strings.ToLower(address); strings.HasPrefix(lower, "www.amazon.") || strings.HasPrefix(lower, "amazon.") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if code, ok := bareCode(address); ok {
			return code, nil
		}
		return "", pasted("That is not an address. Copy the whole address from the browser's address bar; it begins with https://www.amazon.")
	}
	ours := slices.Contains(hosts, u.Scheme+"://"+u.Host)
	path := strings.TrimRight(u.Path, "/")
	switch {
	case !ours && !isRetailHost(u.Host, marketplaces):
		return "", pasted("That is not an Amazon address. Copy the one of the page that says \"not found\"; it begins with https://www.amazon.")
	case !ours && (u.Scheme != "https" || u.User != nil):
		return "", pasted("The address must begin with https://www.amazon.")
	case path == signInPath || strings.HasPrefix(path, signInPath+"/"):
		return "", pasted("That is the address of the sign-in page itself. Sign in there, then paste the address of the page that follows. " +
			"If \"not found\" appears before you could sign in, it is the wrong page: open the sign-in page again, in a new private window on a computer.")
	case path == landingPath || strings.HasPrefix(path, landingPath+"/"):
	case strings.HasPrefix(path, "/ap/"):
		return "", pasted("The sign-in is not finished. Continue until a page says \"not found\" and has " + landingPath + " in its address.")
	default:
		return "", pasted("That is another page of Amazon's. Paste the address of the page after the sign-in: it says \"not found\" and has " + landingPath + " in its address. " +
			"If it vanished, look in the browser's history.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", pasted("That address is damaged. Copy the whole address again.")
	}
	code := query.Get(codeKey)
	switch {
	case code == "" && query.Get("openid.mode") == "cancel":
		return "", pasted("Amazon reports that the sign-in was cancelled. Open the sign-in page again.")
	case code == "" || strings.ContainsFunc(code, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "", pasted("That address has no code: it was not copied whole. Select everything in the address bar, copy it, and paste it again.")
	}
	if id := query.Get(clientIDKey); id != "" && strings.TrimPrefix(id, "device:") != clientID {
		return "", pasted("That address belongs to an earlier sign-in. Open the sign-in page again, sign in, and paste the new address.")
	}
	return wire.Secret(code), nil
}
