//go:build homeassistant

package homeassistant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"hueair2mqtt/test/harness"
)

// page is a page in a headless Chromium, driven by the Chrome DevTools Protocol.
type page struct {
	t    *testing.T
	conn *websocket.Conn
	last int // id of the last command
}

// newPage starts a browser with an empty page of this size in CSS pixels.
func newPage(t *testing.T, width, height int) *page {
	t.Helper()
	profile := t.TempDir()
	harness.Start(t, exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "about:blank"))
	var port string
	within(t, harness.Patience, "Chromium listens", func() error {
		text, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(text), "\n")
		if err == nil && port == "" {
			err = errors.New("it says nothing")
		}
		return err
	})
	response, err := http.Get("http://127.0.0.1:" + port + "/json/list")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var targets []struct {
		Type string
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(response.Body).Decode(&targets); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if target.Type != "page" {
			continue
		}
		conn, _, err := websocket.Dial(t.Context(), target.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetReadLimit(-1)
		t.Cleanup(func() { conn.CloseNow() })
		p := &page{t: t, conn: conn}
		size := map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}
		if err := p.do("Emulation.setDeviceMetricsOverride", size, nil); err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Fatalf("Chromium has no page: %+v", targets)
	return nil
}

// do sends a command of the protocol.
func (p *page) do(method string, params map[string]any, answer any) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), harness.Patience)
	defer cancel()
	p.last++
	if err := wsjson.Write(ctx, p.conn, map[string]any{"id": p.last, "method": method, "params": params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		var message struct {
			ID     int
			Error  *struct{ Message string }
			Result json.RawMessage
		}
		if err := wsjson.Read(ctx, p.conn, &message); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if message.ID != p.last {
			continue // an event, or not for us
		}
		if message.Error != nil {
			return fmt.Errorf("%s: %s", method, message.Error.Message)
		}
		if answer == nil {
			return nil
		}
		return json.Unmarshal(message.Result, answer)
	}
}

// visit opens an address and runs a script before its own.
func (p *page) visit(address, script string) {
	p.t.Helper()
	for _, c := range []struct {
		method string
		params map[string]any
	}{
		{"Page.enable", nil},
		{"Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": script}},
		{"Page.navigate", map[string]any{"url": address}},
	} {
		if err := p.do(c.method, c.params, nil); err != nil {
			p.t.Fatal(err)
		}
	}
}

// allText is a script that returns the text of a page, including its shadow trees.
const allText = `(() => {
	const parts = [];
	const walk = (node) => {
		if (node.nodeType === Node.TEXT_NODE) parts.push(node.data.trim());
		if (node.localName === "style" || node.localName === "script") return;
		if (node.shadowRoot) walk(node.shadowRoot);
		node.childNodes.forEach(walk);
	};
	walk(document);
	return parts.filter((part) => part).join("\n");
})()`

// text returns the text of the page with ordinary spaces. It fails while the page loads.
func (p *page) text() (string, error) {
	var answer struct {
		Result           struct{ Value string }
		ExceptionDetails any
	}
	if err := p.do("Runtime.evaluate", map[string]any{"expression": allText, "returnByValue": true}, &answer); err != nil {
		return "", err
	}
	if answer.ExceptionDetails != nil {
		return "", fmt.Errorf("asking for the text: %v", answer.ExceptionDetails)
	}
	return strings.ReplaceAll(answer.Result.Value, "\u00a0", " "), nil
}

// picture returns a screenshot as a PNG, once two in a row are equal: pages have animations.
func (p *page) picture() []byte {
	p.t.Helper()
	var now struct{ Data []byte }
	within(p.t, harness.Patience, "the page is at rest", func() error {
		last := now.Data
		if err := p.do("Page.captureScreenshot", map[string]any{"format": "png"}, &now); err != nil {
			return err
		}
		if !bytes.Equal(last, now.Data) {
			return errors.New("it still changes")
		}
		return nil
	})
	return now.Data
}
