package hue

// bellButton is the button of a doorbell.
type bellButton struct {
	Button *buttonFeature `json:"button"`
}

// bellKey is the key of a doorbell's events.
const bellKey = "bell"

func (b *bellButton) reported() moment { return b.Button.reported() }

func (b *bellButton) events() (key string, types []string) { return bellKey, b.Button.types() }

func (b *bellButton) event() (occurrence, map[string]any, bool) { return b.Button.event() }

func (b *bellButton) allow(eventType string) { b.Button.allow(eventType) }
