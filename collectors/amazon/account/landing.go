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

// PastedError says what is wrong with the address that the user pasted, in words
// for them. It holds nothing of the address. Another try may be right.
type PastedError struct{ problem string }

func (e *PastedError) Error() string { return e.problem }

func pasted(problem string) error { return &PastedError{problem} }

// maxAddress bounds a pasted address, in bytes. Amazon's have about 1,500.
const maxAddress = 16 << 10

// cleanPasted takes off what people and programs put around and into an address:
// line breaks and spaces where it was wrapped, quotes, brackets, the backslash of
// a shell. None of them can be part of an address.
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

// codePattern is that of a code by itself. A longer one would not be Amazon's; a
// looser one would send a password that was pasted by mistake.
var codePattern = regexp.MustCompile(`^AN[A-Za-z0-9]{16,62}$`)

// bareCode takes the code out of what was pasted instead of an address: the code by
// itself, or the part of an address that names it.
func bareCode(text string) (code wire.Secret, ok bool) {
	if _, rest, named := strings.Cut(text, codeKey+"="); named {
		text, _, _ = strings.Cut(rest, "&")
	}
	return wire.Secret(text), codePattern.MatchString(text)
}

// landingCode takes the authorization code out of the address of the page on
// which signing in ends. hosts are those that besides Amazon's own may be in it.
func landingCode(text, clientID string, marketplaces, hosts []string) (wire.Secret, error) {
	address := cleanPasted(text)
	switch {
	case address == "":
		return "", pasted("Nothing was pasted.")
	case len(address) > maxAddress:
		return "", pasted("That is far too long for an address: copy the address alone.")
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
		return "", pasted("That is not an address: copy the whole of it from the browser's address bar. It begins with https://www.amazon.")
	}
	ours := slices.Contains(hosts, u.Scheme+"://"+u.Host)
	path := strings.TrimRight(u.Path, "/")
	switch {
	case !ours && !isRetailHost(u.Host, marketplaces):
		return "", pasted("That is not an address of Amazon's: it must begin with https://www.amazon. Look into the address bar of the page that shows \"not found\".")
	case !ours && (u.Scheme != "https" || u.User != nil):
		return "", pasted("That is not how Amazon's address begins: it must begin with https://www.amazon.")
	case path == signInPath || strings.HasPrefix(path, signInPath+"/"):
		return "", pasted("That is the address of the sign-in page itself. If it asks you to sign in, do so: the page that comes after it has the address to paste. " +
			"If it says \"not found\" before you could sign in, it is not the page that ends the sign-in: copy the address above once more, whole, and open it on a computer in a private window.")
	case path == landingPath || strings.HasPrefix(path, landingPath+"/"):
	case strings.HasPrefix(path, "/ap/"):
		return "", pasted("That page belongs to a sign-in that is not done yet: go on there, until a page shows \"not found\" and has " + landingPath + " in its address.")
	default:
		return "", pasted("That is another page of Amazon's. The one to copy the address of comes after signing in, shows \"not found\", and has " + landingPath + " in its address; " +
			"if it vanished, the browser's history has it.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", pasted("That address is damaged: copy the whole of it once more.")
	}
	code := query.Get(codeKey)
	switch {
	case code == "" && query.Get("openid.mode") == "cancel":
		return "", pasted("Amazon says that the sign-in was cancelled: open the address above and sign in again.")
	case code == "" || strings.ContainsFunc(code, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "", pasted("That address holds no code, so it was not copied whole: select all of the address bar, copy it, and paste it again.")
	}
	if id := query.Get(clientIDKey); id != "" && strings.TrimPrefix(id, "device:") != clientID {
		return "", pasted("That address belongs to an earlier sign-in: open the address above, sign in again, and paste the new one.")
	}
	return wire.Secret(code), nil
}
