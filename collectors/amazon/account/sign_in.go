package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account/tokenhost"
	"hueair2mqtt/collectors/amazon/wire"
)

// SignIn is one sign-in to Amazon: the user opens Address in a browser, signs in there,
// and pastes the address on which the browser ends, or the code in it. It is the
// authorization code flow with PKCE (RFC 7636) of the Alexa app for iOS. Address may be
// called while Finish runs.
type SignIn struct {
	account  *Account
	hint     string   // where the account may be at home
	hosts    []string // that replace Amazon's, for landingCode
	serial   string
	verifier wire.Secret
	tried    map[[sha256.Size]byte]bool // codes that Amazon refused
}

// NewSignIn begins a sign-in. It sends nothing. o.Domain is where the user believes the
// account to be at home. It returns an error if an option is invalid or StateDir is
// empty.
func NewSignIn(o Options) (*SignIn, error) {
	if o.StateDir == "" {
		return nil, errors.New("signing in to Amazon needs a state directory")
	}
	account, err := New(o)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 48)
	rand.Read(random) // never fails
	s := &SignIn{
		account:  account,
		hint:     account.session.domain,
		serial:   strings.ToUpper(hex.EncodeToString(random[:16])),
		verifier: wire.Secret(base64.RawURLEncoding.EncodeToString(random[16:])),
		tried:    map[[sha256.Size]byte]bool{},
	}
	for _, address := range []string{account.alexa, account.session.host.Base} {
		if u, err := url.Parse(address); err == nil && address != tokenhost.DefaultBase && address != "" {
			s.hosts = append(s.hosts, u.Scheme+"://"+u.Host)
		}
	}
	account.session.redactor.Hide(s.verifier)
	return s, nil
}

// String returns a text without the secrets inside.
func (s *SignIn) String() string { return "sign-in to " + signInDomain }

// GoString is String.
func (s *SignIn) GoString() string { return s.String() }

// Format is String for every verb.
func (s *SignIn) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, 's'), s.String())
}

// clientID returns the id of this device at Amazon.
func (s *SignIn) clientID() string {
	return hex.EncodeToString([]byte(s.serial + "#" + wire.DeviceType))
}

// Address returns the address that the user opens. It is at amazon.com whatever the endpoints and
// the account's country are, and holds no secret.
func (s *SignIn) Address() string {
	const (
		openID     = "http://specs.openid.net/auth/2.0"
		identifier = openID + "/identifier_select"
		appHandle  = "amzn_dp_project_dee_ios"
	)
	language := "en-US"
	if s.hint == japanDomain {
		language = "ja_JP" // in English, accounts of Japan get a captcha
	}
	challenge := sha256.Sum256([]byte(s.verifier))
	query := url.Values{
		"openid.return_to":                 {"https://www." + signInDomain + landingPath},
		"openid.oa2.code_challenge_method": {"S256"},
		"openid.oa2.code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"openid.oa2.response_type":         {"code"},
		"openid.oa2.scope":                 {"device_auth_access"},
		clientIDKey:                        {"device:" + s.clientID()},
		"openid.assoc_handle":              {appHandle},
		"pageId":                           {appHandle},
		"accountStatusPolicy":              {"P1"},
		"openid.identity":                  {identifier},
		"openid.claimed_id":                {identifier},
		"openid.mode":                      {"checkid_setup"},
		"openid.ns":                        {openID},
		"openid.ns.oa2":                    {"http://www.amazon.com/ap/ext/oauth/2"},
		"openid.ns.pape":                   {"http://specs.openid.net/extensions/pape/1.0"},
		"openid.pape.max_auth_age":         {"0"},
		"language":                         {language},
	}
	return "https://www." + signInDomain + signInPath + "?" + query.Encode()
}

// Finish takes the address that the user pasted, or the code in it, registers this
// device with the account, and writes the credentials to amazon.json. The error is a
// *PastedError if another address may be right; else the same address may be tried again.
//
// It takes the device of the previous sign-in out of the account. If that fails, notes
// say so.
func (s *SignIn) Finish(ctx context.Context, retry *collectors.Retrier, text string) (notes []string, err error) {
	a := s.account
	code, err := landingCode(text, s.clientID(), a.marketplaces, s.hosts)
	if err != nil {
		return nil, err
	}
	a.session.redactor.Hide(code, wire.Secret(url.QueryEscape(string(code))))
	digest := sha256.Sum256([]byte(code))
	if s.tried[digest] {
		return nil, pasted("That code was used already, and each works only once. Open the sign-in page again, sign in, and paste the new address.")
	}
	signIn, err := s.register(ctx, retry, code)
	if err != nil {
		if _, refused := errors.AsType[*PastedError](err); refused {
			s.tried[digest] = true
		}
		return nil, err
	}
	a.session.redactor.Hide(signIn.secrets()...)
	before, err := a.session.store.begin(ctx, signIn)
	if err != nil {
		return nil, fmt.Errorf("this device is registered with Amazon, but the sign-in can't be written to %s: %w", a.session.store.file, err)
	}
	if before == nil {
		return nil, nil
	}
	if err := a.leave(ctx, retry, before); err != nil {
		notes = append(notes, fmt.Sprintf("The device of the previous sign-in is still in the account (%v). Remove it at Amazon, under \"Your devices\".", err))
	}
	return notes, nil
}

// Close closes the connections of the sign-in.
func (s *SignIn) Close() { s.account.Close() }

// register exchanges the code for the credentials of a new device.
func (s *SignIn) register(ctx context.Context, retry *collectors.Retrier, code wire.Secret) (*credentials, error) {
	r, err := s.account.session.host.Register(ctx, retry, tokenhost.Registration{
		Serial: s.serial, ClientID: s.clientID(), Code: code, Verifier: s.verifier, Domain: signInDomain,
	})
	var (
		refused   *collectors.AuthenticationError
		permanent *collectors.PermanentError
	)
	switch {
	case err == nil:
		return &credentials{
			Version: credentialsVersion, Domain: signInDomain, Hint: s.hint, Holder: r.Holder, Region: r.Region,
			DeviceSerial: r.Serial, RefreshToken: r.RefreshToken, Cookies: r.Cookies, RenewedAt: time.Now().UTC().Truncate(time.Second),
		}, nil
	case errors.As(err, &refused):
		return nil, s.notAccepted(refused.Err)
	case errors.As(err, &permanent) && permanent.StatusCode >= 200 && permanent.StatusCode < 500 && permanent.StatusCode != http.StatusNotFound:
		return nil, s.notAccepted(permanent.Err)
	}
	return nil, err
}

// notAccepted returns the error for a refused code. Amazon does not send the reason:
// "InvalidToken Auth time of the token is expired.", "InvalidValue One or
// more provided values are invalid." and HTTP 401 have all been seen for each.
func (s *SignIn) notAccepted(reason error) error {
	text := "Amazon does not accept this code: it is older than five minutes, was already used, or belongs to another sign-in. " +
		"Open the sign-in page again, sign in, and paste the new address at once."
	if len(s.tried) > 0 {
		text += " If Amazon refuses every new code, update hueair2mqtt."
	}
	return pasted(fmt.Sprintf("%s (%v)", text, reason))
}
