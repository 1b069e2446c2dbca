package amazontest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
)

const (
	list = `query q { listEndpoints(listEndpointsInput: {displayCategory: "AIR_QUALITY_MONITOR"}) { endpoints { id } } }`
	read = `query r($endpointIds: [String]!) { found: listEndpoints(listEndpointsInput: {endpointIds: $endpointIds}) { ...All } }
		fragment All on ListEndpointsResponse { endpoints { ...One } }
		fragment One on Endpoint { endpointId: id features { name properties { __typename name ... on Reachability { reachabilityStatusValue } } } }`
)

var hall = amazontest.Monitor{Serial: "G1", EntityID: "e1", Name: "Hall", Reachable: true}

// ask sends a request that is right in everything, unless change makes it err. No
// answer is nil.
func ask(t *testing.T, account *amazontest.Account, path, body string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(account)
	defer server.Close()
	req, err := http.NewRequest(http.MethodPost, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "AmazonWebView/AmazonAlexa/2/iOS/18/iPhone")
	for name, value := range account.Cookies() {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, ""
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, ""
	}
	return resp, string(answer)
}

func question(query string, ids ...string) string {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"endpointIds": ids}})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func TestClientsThatSkipAStepFail(t *testing.T) {
	tests := map[string]struct {
		path   string
		change func(*http.Request)
		code   int
	}{
		"right":      {amazontest.GraphQLPath, nil, 200},
		"no cookies": {amazontest.GraphQLPath, func(r *http.Request) { r.Header.Del("Cookie") }, 401},
		"a cookie less": {amazontest.GraphQLPath, func(r *http.Request) {
			r.Header.Set("Cookie", strings.Replace(r.Header.Get("Cookie"), "x-acbuk", "y", 1))
		}, 401},
		"a browser":        {amazontest.GraphQLPath, func(r *http.Request) { r.Header.Set("User-Agent", "Mozilla/5.0") }, 401},
		"no csrf header":   {amazontest.GraphQLPath, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "csrf", Value: "x"}) }, 403},
		"no content type":  {amazontest.GraphQLPath, func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		"a form":           {amazontest.GraphQLPath, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		"a GET":            {amazontest.GraphQLPath, func(r *http.Request) { r.Method = http.MethodGet }, 405},
		"another path":     {"/api/devices", nil, 404},
		"not JSON":         {amazontest.GraphQLPath, func(r *http.Request) { setBody(r, "{") }, 400},
		"no state request": {amazontest.PhoenixPath, func(r *http.Request) { setBody(r, "{}") }, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resp, _ := ask(t, amazontest.NewAccount(), test.path, question(list), test.change)
			if resp == nil || resp.StatusCode != test.code {
				t.Errorf("answer %v, want %d", resp, test.code)
			}
		})
	}
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

func TestCSRF(t *testing.T) {
	account := amazontest.NewAccount()
	resp, _ := ask(t, account, amazontest.GraphQLPath, question(list), nil)
	if len(resp.Cookies()) != 1 || resp.Cookies()[0].Name != "csrf" {
		t.Fatalf("cookies %v, want csrf", resp.Cookies())
	}
	csrf := resp.Cookies()[0]
	for header, code := range map[string]int{csrf.Value: 200, "other": 403, "": 403} {
		resp, _ := ask(t, account, amazontest.GraphQLPath, question(list), func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "csrf", Value: csrf.Value})
			r.Header.Set("csrf", header)
		})
		if resp.StatusCode != code {
			t.Errorf("header %q: answer %d, want %d", header, resp.StatusCode, code)
		}
	}
}

func TestQueries(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"listing":             {question(list), `{"data":{"listEndpoints":{"endpoints":[{"id":"amzn1.alexa.endpoint.e1"},{"id":"amzn1.alexa.endpoint.g2"}]}}}`},
		"in a batch":          {`[` + question(list) + `]`, `[{"data":{"listEndpoints":{"endpoints":[{"id":"amzn1.alexa.endpoint.e1"},{"id":"amzn1.alexa.endpoint.g2"}]}}}]`},
		"no keyword":          {question(`{ }`), `syntax error`},
		"the older listing":   {question(`query o { endpoints { items { id } } }`), `field endpoints is undefined`},
		"configuration":       {question(strings.Replace(read, "properties", "configuration { ... on RangeConfiguration { friendlyName { value { text } } } } properties", 1), "amzn1.alexa.endpoint.e1"), `{"friendlyName":{"value":{"text":"Carbon monoxide"}}}`},
		"one by its id":       {question(read, "amzn1.alexa.endpoint.e1"), `"reachabilityStatusValue":"OK"`},
		"fragment and alias":  {question(read, "amzn1.alexa.endpoint.e1"), `{"data":{"found":{"endpoints":[{"endpointId":"amzn1.alexa.endpoint.e1"`},
		"unknown id":          {question(read, "x"), `{"data":{"found":{"endpoints":[]}}}`},
		"null texts":          {question(strings.Replace(list, " id ", " friendlyNameObject { value { text } } ", 1)), `{"friendlyNameObject":null}`},
		"no query":            {`{}`, `there is no query`},
		"not an operation":    {`5`, `can't be read`},
		"another operation":   {`{"operationName":"x","query":"` + strings.ReplaceAll(list, `"`, `\"`) + `"}`, `no operation x`},
		"unknown root":        {question(`query q { devices { id } }`), `field devices is undefined`},
		"unknown field":       {question(strings.Replace(list, " id ", " serial ", 1)), `field serial is undefined`},
		"field of a type":     {question(strings.Replace(read, "... on Reachability { reachabilityStatusValue }", "reachabilityStatusValue", 1), "amzn1.alexa.endpoint.e1"), `field reachabilityStatusValue is undefined`},
		"no selection":        {question(strings.Replace(list, " id ", " friendlyNameObject ", 1)), `needs a selection`},
		"selection of a text": {question(strings.Replace(list, " id ", " id { text } ", 1)), `field id has no fields`},
		"neither id nor kind": {question(`query q { listEndpoints { endpoints { id } } }`), `names neither`},
		"brace not closed":    {question(strings.TrimSuffix(list, "}")), `brace is not closed`},
		"parenthesis open":    {question(`query q { listEndpoints(x { id }`), `parenthesis is not closed`},
		"empty selection":     {question(`query q { }`), `selection is empty`},
		"fragment missing":    {question(`query q { ...None }`), `fragment None is undefined`},
		"fragment on nothing": {question(list + ` fragment F { id }`), `not on a type`},
		"endless fragments":   {question(`query q { ...F } fragment F on X { ...F }`), `nested too deeply`},
	}
	account := amazontest.NewAccount()
	account.SetMonitor(hall)
	account.SetMonitor(amazontest.Monitor{Serial: "G2"})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, answer := ask(t, account, amazontest.GraphQLPath, test.body, nil); !strings.Contains(answer, test.want) {
				t.Errorf("answer %s, want %s in it", answer, test.want)
			}
		})
	}
}

func TestScripts(t *testing.T) {
	account := amazontest.NewAccount()
	code := func(path string) int {
		t.Helper()
		resp, _ := ask(t, account, path, question(list), nil)
		if resp == nil {
			return 0
		}
		return resp.StatusCode
	}
	account.ScriptPath(amazontest.GraphQLPath, amazontest.Status(503, nil, ""))
	account.Script(amazontest.Status(429, nil, ""), nil, amazontest.Drop, amazontest.Truncated, amazontest.SignInRedirect, amazontest.SignInPage)
	var got []int
	for range 7 {
		got = append(got, code(amazontest.GraphQLPath))
	}
	account.ScriptPath(amazontest.GraphQLPath, nil)
	account.Revoke()
	got = append(got, code(amazontest.GraphQLPath))
	account.Restore()
	got = append(got, code(amazontest.GraphQLPath), code("/x"))
	if want := "[429 200 0 0 302 200 503 401 200 404]"; toJSON(got) != want {
		t.Errorf("answers %s, want %s", toJSON(got), want)
	}
	if all, graphQL := account.Requests(""), account.Requests(amazontest.GraphQLPath); all != 10 || graphQL != 9 {
		t.Errorf("%d requests, %d of them to GraphQL; want 10 and 9", all, graphQL)
	}
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(b), ",", " ")
}

func TestHangEndsWithTheClient(t *testing.T) {
	account := amazontest.NewAccount()
	account.Script(amazontest.Hang)
	server := httptest.NewServer(account)
	client := &http.Client{Timeout: 50 * time.Millisecond}
	if resp, err := client.Post(server.URL, "application/json", bytes.NewReader([]byte("{}"))); err == nil {
		resp.Body.Close()
		t.Error("an answer came")
	}
	server.Close() // waits for the handler
}

func TestSecretsCoverWhatWasHandedOut(t *testing.T) {
	one, other := amazontest.NewAccount(), amazontest.NewAccount()
	if len(one.Secrets()) != len(one.Cookies())+1 {
		t.Errorf("%d secrets for %d cookies", len(one.Secrets()), len(one.Cookies()))
	}
	for i, secret := range one.Secrets() {
		if len(secret) < 10 || secret == other.Secrets()[i] {
			t.Errorf("secret %q is short, or another account's too", secret)
		}
	}
}
