package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"hueair2mqtt/collectors/amazon/account/tokenhost"
)

// parseCookies reads the cookies of one marketplace from a file in any of the three
// formats, which it recognises by their content. Its errors hold no value: the parsers'
// own errors quote the input, so only their line numbers are used.
func parseCookies(content []byte, domain string) (map[string]string, error) {
	content = bytes.TrimSpace(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	var (
		cookies map[string]string
		err     error
	)
	switch {
	case len(content) == 0:
		return nil, errors.New("the file is empty")
	case content[0] == '{':
		cookies, err = parseJSONCookies(content)
	case content[0] == '[':
		return nil, errors.New("a JSON list is not supported; " + formats)
	case looksNetscape(content):
		cookies, err = parseNetscapeCookies(content, domain)
	case bytes.Contains(content, []byte("amazon_aqm")):
		cookies, err = parseYAMLCookies(content)
	default:
		return nil, errors.New("unknown format; " + formats)
	}
	if err != nil {
		return nil, err
	}
	for name, value := range cookies {
		value = tokenhost.Unquote(value)
		if err := tokenhost.CheckCookie(name, value); err != nil {
			return nil, err
		}
		if value == "" {
			delete(cookies, name)
			continue
		}
		cookies[name] = value
	}
	if len(cookies) == 0 {
		return nil, errors.New("there is no cookie with a value in it")
	}
	return cookies, nil
}

const formats = `give a JSON map {"name": "value"}, a cookies.txt (Netscape format), or a secrets.yaml with amazon_aqm.cookies`

func parseJSONCookies(content []byte) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(content, &raw); err != nil {
		line := 0
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line = 1 + bytes.Count(content[:min(int(syntax.Offset), len(content))], []byte("\n"))
		}
		return nil, fmt.Errorf("not valid JSON (line %d)", line)
	}
	cookies := make(map[string]string, len(raw))
	for name, value := range raw {
		var text string
		switch {
		case json.Unmarshal(value, &text) == nil && value[0] == '"':
		case value[0] == '-' || (value[0] >= '0' && value[0] <= '9'):
			text = string(value) // session-id-time is digits, and loses its quotes easily
		default:
			return nil, notText(name)
		}
		cookies[name] = text
	}
	return cookies, nil
}

func notText(name string) error {
	return fmt.Errorf("cookie %q: the value must be text; %s", name, formats)
}

func parseYAMLCookies(content []byte) (map[string]string, error) {
	var file struct {
		Amazon struct {
			Cookies map[string]yaml.Node `yaml:"cookies"`
		} `yaml:"amazon_aqm"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		where := ""
		if line := yamlLine.FindString(err.Error()); line != "" {
			where = " (" + line + ")"
		}
		return nil, errors.New("not a secrets.yaml with a map amazon_aqm.cookies" + where)
	}
	if len(file.Amazon.Cookies) == 0 {
		return nil, errors.New("there are no cookies under amazon_aqm.cookies")
	}
	cookies := make(map[string]string, len(file.Amazon.Cookies))
	for name, node := range file.Amazon.Cookies {
		if node.Kind == yaml.AliasNode {
			node = *node.Alias
		}
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			return nil, notText(name)
		}
		cookies[name] = node.Value
	}
	return cookies, nil
}

var yamlLine = regexp.MustCompile(`line \d+`)

// The fields of a line of cookies.txt, which tabs separate.
const (
	netscapeDomain = 0
	netscapeName   = 5
	netscapeValue  = 6
	netscapeFields = 7
)

func looksNetscape(content []byte) bool {
	for line := range bytes.Lines(content) {
		line = bytes.TrimSpace(line)
		if bytes.Count(line, []byte("\t")) >= netscapeFields-2 {
			return true
		}
		if bytes.HasPrefix(line, []byte("#")) && bytes.Contains(line, []byte("HTTP Cookie File")) {
			return true
		}
	}
	return false
}

// parseNetscapeCookies returns the cookies of one marketplace from a file that holds
// those of every site. Of several with one name it takes the one whose domain is
// closest to the Alexa host.
func parseNetscapeCookies(content []byte, domain string) (map[string]string, error) {
	var (
		cookies   = map[string]string{}
		closeness = map[string]int{}
		others    = map[string]bool{}
		broken    int // the first line that holds no cookie
		number    int
	)
	for line := range strings.Lines(string(content)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		// The prefix marks a cookie that scripts can't see; it is no comment.
		line = strings.TrimPrefix(line, "#HttpOnly_")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) == netscapeFields-1 {
			fields = append(fields, "") // an empty value, its tab trimmed by an editor
		}
		if len(fields) != netscapeFields {
			if broken == 0 {
				broken = number
			}
			continue
		}
		host := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(fields[netscapeDomain]), "."))
		near := 0
		switch {
		case host == "alexa."+domain:
			near = 3
		case host == domain:
			near = 2
		case strings.HasSuffix(host, "."+domain):
			near = 1
		default:
			if m := hostPattern.FindStringSubmatch(host); m != nil {
				others[m[1]] = true
			}
			continue
		}
		name := strings.TrimSpace(fields[netscapeName])
		if near >= closeness[name] {
			cookies[name], closeness[name] = fields[netscapeValue], near
		}
	}
	if len(cookies) > 0 {
		return cookies, nil
	}
	message := "no cookie of " + domain + " is in it"
	if len(others) > 0 {
		message += ", only cookies of " + strings.Join(slices.Sorted(maps.Keys(others)), ", ") +
			": either amazon.domain in the configuration or the site that was exported is wrong"
	}
	if broken > 0 {
		message += fmt.Sprintf("; line %d does not have seven fields with tabs between them", broken)
	}
	return nil, errors.New(message)
}
