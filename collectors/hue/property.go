package hue

import "hueair2mqtt/collectors"

// label is a name that people gave, fit to be shown.
type label string

// UnmarshalJSON cleans the text when it is read, so that events need not.
func (l *label) UnmarshalJSON(raw []byte) error {
	text := string(*l)
	if err := unmarshal(raw, &text); err != nil {
		return err
	}
	*l = label(collectors.CleanText(text))
	return nil
}

// list is a list that a part of a resource replaces as a whole. encoding/json
// would decode its items over those that are known.
type list[T any] []T

// UnmarshalJSON replaces the list.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	var items []T
	if err := unmarshal(raw, &items); err != nil {
		return err
	}
	*l = items
	return nil
}

// reference names another resource.
type reference struct {
	RID   string `json:"rid"`
	RType string `json:"rtype"`
}
