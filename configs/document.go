package configs

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxError explains why a text is not one YAML document.
type syntaxError struct {
	line            int
	problem, remedy string
}

// parse parses one YAML document. The node is nil if the text is empty.
func parse(data []byte) (*yaml.Node, *syntaxError) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		err = decoder.Decode(&next)
		if errors.Is(err, io.EOF) {
			return document.Content[0], nil
		}
	}
	if err != nil {
		return nil, explain(data, err)
	}
	return nil, &syntaxError{next.Line, "has more than one YAML document", "remove the line --- between them"}
}

var yamlPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

func messageOf(err error) string { return yamlPrefix.ReplaceAllString(err.Error(), "") }

// syntaxRemedies has the remedy for each part of the parser's messages.
var syntaxRemedies = []struct{ message, remedy string }{
	{"tab", "indent with spaces; YAML allows no tabs"},
	{"mapping values are not allowed", "indent the keys of a section alike, and put text that contains a colon and a space in quotes"},
	{"cannot start any token", "put text that begins with @, % or a backquote in quotes"},
	{"unexpected end of stream", "close the quote or bracket that is opened there"},
	{"expected ','", "close the quote or bracket that is opened there"},
	{"control characters", "save the file as plain text in UTF-8"},
	{"UTF-", "save the file as plain text in UTF-8"},
	{"Unicode", "save the file as plain text in UTF-8"},
	{"", "indent the keys of a section alike, with spaces, and write each as its name, a colon, a space and the value"},
}

// explain finds the line and a remedy for an error of the YAML parser.
func explain(data []byte, err error) *syntaxError {
	message := messageOf(err)

	// The parser's line is unreliable: it may be the start of the block, counted
	// from zero, or missing. The line that counts is the first whose addition
	// causes the error.
	lines := bytes.SplitAfter(data, []byte("\n"))
	at := sort.Search(len(lines)-1, func(i int) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:i+1], nil)))
		for {
			if err := decoder.Decode(&yaml.Node{}); err != nil {
				return !errors.Is(err, io.EOF) && messageOf(err) == message
			}
		}
	})
	fault := &syntaxError{line: at + 1, problem: "is not valid YAML: " + message}
	if strings.Contains(message, "unknown anchor") {
		// The message repeats the text, which may be a password.
		fault.problem = "a value that begins with * is a YAML alias, and no anchor has its name"
		fault.remedy = "put the value in quotes"
		return fault
	}
	if line := bytes.TrimLeft(lines[at], " "); bytes.HasPrefix(line, []byte("\t")) {
		message = "tab"
	}
	for _, known := range syntaxRemedies {
		if strings.Contains(message, known.message) {
			fault.remedy = known.remedy
			break
		}
	}
	return fault
}
