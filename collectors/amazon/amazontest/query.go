package amazontest

import (
	"errors"
	"fmt"
	"regexp"
)

// query is a GraphQL operation, as far as clients of Alexa use the language:
// one query with arguments, aliases and inline or named fragments.
type query struct {
	name      string
	selection []field
}

// field is one selected field. The fields of an inline fragment carry its type.
type field struct {
	alias     string
	name      string
	on        string // the type of the fragment it was selected in
	arguments []string
	selection []field
}

var tokenPattern = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|[^\s,]`)

// parser reads tokens; at the end, they are empty.
type parser struct {
	tokens    []string
	fragments map[string][]field
	spreads   []string
}

func parseQuery(text string) (query, error) {
	p := &parser{tokens: tokenPattern.FindAllString(text, -1), fragments: map[string][]field{}}
	var found query
	for p.peek() != "" {
		switch keyword := p.next(); keyword {
		case "query":
			if p.peek() != "{" && p.peek() != "(" {
				found.name = p.next()
			}
			if _, err := p.arguments(); err != nil {
				return query{}, err
			}
			selection, err := p.selection("")
			if err != nil {
				return query{}, err
			}
			found.selection = selection
		case "fragment":
			name := p.next()
			if p.next() != "on" {
				return query{}, fmt.Errorf("fragment %s is not on a type", name)
			}
			p.next()
			selection, err := p.selection("")
			if err != nil {
				return query{}, err
			}
			p.fragments[name] = selection
		default:
			return query{}, fmt.Errorf("syntax error at %q", keyword)
		}
	}
	if len(found.selection) == 0 {
		return query{}, errors.New("there is no query")
	}
	for _, name := range p.spreads {
		if p.fragments[name] == nil {
			return query{}, fmt.Errorf("fragment %s is undefined", name)
		}
	}
	const deepest = 10 // the fragments of Alexa's clients are nested twice
	var err error
	found.selection, err = p.spread(found.selection, deepest)
	return found, err
}

// spread replaces the named fragments by their fields.
func (p *parser) spread(selection []field, depth int) ([]field, error) {
	if depth == 0 {
		return nil, errors.New("the query is nested too deeply")
	}
	var fields []field
	for _, f := range selection {
		if f.name == "" {
			inner, err := p.spread(p.fragments[f.alias], depth-1)
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
			continue
		}
		var err error
		if f.selection, err = p.spread(f.selection, depth-1); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

// arguments reads what is in parentheses, if there are any.
func (p *parser) arguments() ([]string, error) {
	if p.peek() != "(" {
		return nil, nil
	}
	var inside []string
	depth := 0
	for {
		token := p.next()
		switch token {
		case "":
			return nil, errors.New("a parenthesis is not closed")
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			return inside[1:], nil
		}
		inside = append(inside, token)
	}
}

// selection reads { fields }.
func (p *parser) selection(on string) ([]field, error) {
	if token := p.next(); token != "{" {
		return nil, fmt.Errorf("syntax error at %q: a selection begins with {", token)
	}
	var fields []field
	for {
		token := p.next()
		switch token {
		case "":
			return nil, errors.New("a brace is not closed")
		case "}":
			if len(fields) == 0 {
				return nil, errors.New("a selection is empty")
			}
			return fields, nil
		case "...":
			if name := p.next(); name != "on" {
				p.spreads = append(p.spreads, name)
				fields = append(fields, field{alias: name})
				continue
			}
			inner, err := p.selection(p.next())
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
			continue
		}
		f := field{alias: token, name: token, on: on}
		if p.peek() == ":" {
			p.next()
			f.name = p.next()
		}
		var err error
		if f.arguments, err = p.arguments(); err != nil {
			return nil, err
		}
		if p.peek() == "{" {
			if f.selection, err = p.selection(""); err != nil {
				return nil, err
			}
		}
		fields = append(fields, f)
	}
}
