package collectors

import (
	"encoding/json"
	"math"
	"strconv"
)

// Value is the value of a reading: a number, a bool, a text, or unknown. The zero
// Value is unknown.
type Value struct {
	kind    valueKind
	number  float64
	boolean bool
	text    string
}

type valueKind uint8

const (
	kindUnknown valueKind = iota
	kindNumber
	kindBool
	kindText
)

// Unknown is the value of something that is measured but has no value now.
var Unknown = Value{}

// maxNumber is more than any sensor measures, in any unit.
const maxNumber = 1e12

// Number returns a numeric value, rounded to hundredths, which is finer than any
// sensor. NaN and numbers out of all range become Unknown.
func Number(f float64) Value {
	if math.IsNaN(f) || math.Abs(f) > maxNumber {
		return Unknown
	}
	return Value{kind: kindNumber, number: math.Round(f*100)/100 + 0} // + 0 turns -0 into 0
}

// Bool returns the value of a measurement that is true or false.
func Bool(b bool) Value { return Value{kind: kindBool, boolean: b} }

// Text returns the value of a measurement that is one of a few words.
func Text(s string) Value { return Value{kind: kindText, text: s} }

// IsUnknown reports whether there is no value.
func (v Value) IsUnknown() bool { return v.kind == kindUnknown }

// Number returns the number, and whether the value is one.
func (v Value) Number() (float64, bool) { return v.number, v.kind == kindNumber }

// Bool returns the bool, and whether the value is one.
func (v Value) Bool() (value, ok bool) { return v.boolean, v.kind == kindBool }

// Text returns the text, and whether the value is one.
func (v Value) Text() (text string, ok bool) { return v.text, v.kind == kindText }

// AppendJSON appends a number, true, false, a text or null.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case kindNumber:
		return strconv.AppendFloat(b, v.number, 'f', -1, 64)
	case kindBool:
		return strconv.AppendBool(b, v.boolean)
	case kindText:
		text, err := json.Marshal(v.text)
		if err != nil {
			return append(b, "null"...) // unreachable: any string can be encoded
		}
		return append(b, text...)
	default:
		return append(b, "null"...)
	}
}

// MarshalJSON returns a number, true, false, a text or null.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// String returns the value as its JSON, a text without quotes, for logs and test
// failures.
func (v Value) String() string {
	switch v.kind {
	case kindUnknown:
		return "unknown"
	case kindText:
		return v.text
	default:
		return string(v.AppendJSON(nil))
	}
}
