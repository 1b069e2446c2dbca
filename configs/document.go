package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxError says why a text is not one YAML document.
type syntaxError struct {
	line            int // 0 where there is none to name
	problem, remedy string
}

// parse reads one YAML document. The node is nil if the text holds nothing.
func parse(data []byte) (*yaml.Node, *syntaxError) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, explain(data, err)
	}
	switch err := decoder.Decode(&next); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, explain(data, err)
	}
	return nil, &syntaxError{next.Line, "holds more than one YAML document", "remove the line --- between them"}
}

var yamlPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// explain finds the line of an error of the YAML parser, and a remedy.
func explain(data []byte, err error) *syntaxError {
	message := yamlPrefix.ReplaceAllString(err.Error(), "")

	// The parser names the start of the block, counts from zero for some errors,
	// and names no line for others. The first line whose addition brings the error
	// up is the one that a person looks for.
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines))
	end := 0
	for i, line := range lines {
		end += len(line)
		ends[i] = end
	}
	at := sort.Search(len(lines)-1, func(i int) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(data[:ends[i]]))
		for {
			var node yaml.Node
			switch err := decoder.Decode(&node); {
			case errors.Is(err, io.EOF):
				return false
			case err != nil:
				return yamlPrefix.ReplaceAllString(err.Error(), "") == message
			}
		}
	})
	line := string(lines[at])
	indentation := line[:len(line)-len(strings.TrimLeft(line, " \t"))]

	fault := &syntaxError{line: at + 1, problem: "is not valid YAML: " + message}
	switch {
	case strings.Contains(message, "unknown anchor"):
		// The message repeats the text, which may be a password.
		fault.problem = "a value that begins with * is a YAML alias, and there is nothing of that name"
		fault.remedy = "put the value in quotes"
	case strings.Contains(indentation, "\t"), strings.Contains(message, "tab"):
		fault.remedy = "indent with spaces; YAML allows no tabs"
	case strings.Contains(message, "mapping values are not allowed"):
		fault.remedy = "indent the keys of a section alike, and put text that holds a colon and a space in quotes"
	case strings.Contains(message, "cannot start any token"):
		fault.remedy = "put text that begins with @, % or a backquote in quotes"
	case strings.Contains(message, "unexpected end of stream"), strings.Contains(message, "expected ','"):
		fault.remedy = "close the quote or bracket that is opened there"
	case strings.Contains(message, "control characters"), strings.Contains(message, "UTF-"), strings.Contains(message, "Unicode"):
		fault.remedy = "save the file as plain text in UTF-8"
	default:
		fault.remedy = "indent the keys of a section alike, with spaces, and write each as its name, a colon, a space and the value"
	}
	return fault
}

// lineOf tells where a line of the file is.
func lineOf(file string) func(line int) string {
	return func(line int) string {
		if line == 0 {
			return file
		}
		return fmt.Sprintf("line %d of %s", line, file)
	}
}
