package huetest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Hang never answers; it ends when the client disconnects or the server is closed.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Drop cuts the connection without an answer.
func Drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Truncated begins an answer and cuts the connection in the middle of it.
func Truncated(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"1":{"state":{"daylight":true,"lastupdated":"2025-11-18T14:`)
	_ = http.NewResponseController(w).Flush()
	Drop(w, r)
}

// HTMLPage answers as a bridge's web server does where it means another one.
func HTMLPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>hue personal wireless lighting</title></head><body></body></html>\n")
}

// Body answers 200 with this text, as JSON or not.
func Body(text string) http.HandlerFunc { return Status(http.StatusOK, nil, text) }

// Status answers with a status, header fields (nil for none) and a text.
func Status(code int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, values := range header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// Busy answers 429 and asks to wait for some seconds; 0 asks for nothing.
func Busy(seconds int) http.HandlerFunc {
	header := http.Header{}
	if seconds > 0 {
		header.Set("Retry-After", strconv.Itoa(seconds))
	}
	return Status(http.StatusTooManyRequests, header, "")
}

// Flood answers with one sensor whose name alone has this many bytes, without
// announcing the length.
func Flood(bytesOfName int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := io.WriteString(w, `{"1":{"type":"ZLLPresence","uniqueid":"00:17:88:01:02:03:04:05-02-0406","state":{"presence":true},"name":"`); err != nil {
			return
		}
		chunk := bytes.Repeat([]byte("x"), 64<<10)
		for ; bytesOfName > 0; bytesOfName -= int64(len(chunk)) {
			if _, err := w.Write(chunk[:min(int64(len(chunk)), bytesOfName)]); err != nil {
				return // the client has had enough
			}
		}
		_, _ = io.WriteString(w, `"}}`)
	}
}
