package configs

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Amazon configures the Amazon account.
type Amazon struct {
	Enabled bool `koanf:"enabled" usage:"read Amazon air quality monitors"`
	// Domain is one of Marketplaces, such as "amazon.co.uk".
	Domain   string        `koanf:"domain" usage:"marketplace of the account"`
	Interval time.Duration `koanf:"interval" usage:"time between two polls of Amazon"`
	// Timeout bounds one request. It is at most Interval.
	Timeout time.Duration `koanf:"timeout" usage:"max wait for a response from Amazon"`
	// CookiesFile is used only as long as there is no sign-in of the program.
	CookiesFile string `koanf:"cookies_file" usage:"file with the cookies of a signed-in browser"`
	// Areas has rooms by serial number, in the form of Hue.Areas.
	Areas     map[string]string `koanf:"areas"`
	Endpoints AmazonEndpoints   `koanf:"endpoints"`
}

// AmazonEndpoints replaces Amazon's hosts for tests and proxies. Each is empty
// or a URL of http or https without a slash at the end.
type AmazonEndpoints struct {
	Alexa string `koanf:"alexa" usage:"URL used instead of Alexa's host, for tests and proxies"`
	Auth  string `koanf:"auth" usage:"URL used instead of Amazon's token host, for tests and proxies"`
}

var defaultAmazon = Amazon{Domain: "amazon.co.uk", Interval: 5 * time.Minute, Timeout: 30 * time.Second}

// minAmazonInterval applies to Amazon's own hosts, which throttle clients that
// poll more often. Endpoints of tests and proxies may be polled every second.
const minAmazonInterval = time.Minute

// Marketplaces lists the domains at which Amazon has accounts and Alexa.
var Marketplaces = []string{
	"amazon.com", "amazon.ca", "amazon.com.mx", "amazon.com.br",
	"amazon.co.uk", "amazon.ie", "amazon.de", "amazon.fr", "amazon.it", "amazon.es", "amazon.nl",
	"amazon.com.be", "amazon.se", "amazon.pl", "amazon.com.tr", "amazon.ae", "amazon.sa", "amazon.eg",
	"amazon.co.za", "amazon.in", "amazon.co.jp", "amazon.com.au", "amazon.sg",
}

// FindMarketplace returns the marketplace of a domain or of an address copied
// from a browser. It reports false if that is none of Marketplaces.
func FindMarketplace(written string) (domain string, ok bool) {
	host := strings.ToLower(strings.TrimSpace(written))
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host = strings.TrimPrefix(strings.TrimPrefix(host, "www."), "alexa.")
	return host, slices.Contains(Marketplaces, host)
}

func (a *Amazon) validate(f *faults) {
	domain, ok := FindMarketplace(a.Domain)
	if !ok {
		f.invalid("amazon.domain", quoted(a.Domain)+" is not an Alexa marketplace", "write one of "+strings.Join(Marketplaces, ", "))
	}
	a.Domain = domain
	minInterval := time.Second
	if a.Endpoints.usesAmazon() {
		minInterval = minAmazonInterval
	}
	endpoint(f, "amazon.endpoints.alexa", &a.Endpoints.Alexa)
	endpoint(f, "amazon.endpoints.auth", &a.Endpoints.Auth)
	pace(f, "amazon", minInterval, a.Interval, a.Timeout)
	rooms(f, "amazon.areas", a.Areas)
}

func endpoint(f *faults, path string, address *string) {
	if *address == "" {
		return
	}
	const remedy = "write a URL such as http://127.0.0.1:8080, or leave it empty for Amazon itself"
	u := urlRule{schemes: []string{"http", "https"}, path: true, remedy: remedy, credentials: remedy}.parse(f, path, *address)
	*address = ""
	if u != nil {
		*address = strings.TrimRight(u.String(), "/")
	}
}

// usesAmazon reports whether polls go to Amazon's own host.
func (e AmazonEndpoints) usesAmazon() bool {
	u, err := url.Parse(e.Alexa)
	if e.Alexa == "" || err != nil {
		return true
	}
	_, found := FindMarketplace(u.Hostname())
	return found
}
