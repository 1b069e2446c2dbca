// Package sparkline records the last 24 hours of every measurement and draws them.
package sparkline

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// A sparkline has one slot for every 20 minutes of a day. It is as wide on the
	// screen as two or three words.
	slotLength = 20 * time.Minute
	slots      = int64(24 * time.Hour / slotLength)

	// The drawing is slots wide. Whole numbers keep a page of many drawings small.
	height = 40
	margin = 3
)

var noValue = float32(math.NaN())

// Recorder keeps the last 24 hours of every measurement and draws them on the
// page. They are lost when the program ends. A nil *Recorder draws nothing.
// It is safe for concurrent use.
type Recorder struct {
	mu      sync.Mutex
	devices map[string]map[collectors.Measurement]*day
}

// New returns a Recorder without values.
func New() *Recorder {
	return &Recorder{devices: make(map[string]map[collectors.Measurement]*day)}
}

// day is a ring of slots. The number of a slot is the time since 1970 divided by
// slotLength.
type day struct {
	values [slots]float32
	newest int64 // number of the newest slot with a value
}

// Record adds the readings of a device. It does not keep the map. A slot holds the
// last number that was recorded in its time, or 1 if a bool was ever true.
func (s *Recorder) Record(now time.Time, device string, readings map[collectors.Measurement]collectors.Value) {
	slot := now.UnixNano() / int64(slotLength)
	s.mu.Lock()
	defer s.mu.Unlock()
	days := s.devices[device]
	if days == nil {
		s.removeOld(slot)
		days = make(map[collectors.Measurement]*day)
		s.devices[device] = days
	}
	for measurement, value := range readings {
		number, isNumber := value.Number()
		on, isBool := value.Bool()
		if on {
			number = 1
		}
		if !isNumber && !isBool || measurement == collectors.Battery {
			continue
		}
		d := days[measurement]
		if d == nil {
			d = &day{newest: slot - slots - 1}
			days[measurement] = d
		}
		for d.newest = max(d.newest, slot-slots); d.newest < slot; {
			d.newest++
			d.values[d.newest%slots] = noValue
		}
		if at := &d.values[slot%slots]; !isBool || *at != 1 {
			*at = float32(number)
		}
	}
}

// removeOld removes the devices that have had no reading for a day.
func (s *Recorder) removeOld(slot int64) {
	maps.DeleteFunc(s.devices, func(_ string, days map[collectors.Measurement]*day) bool {
		for _, d := range days {
			if d.newest > slot-slots {
				return false
			}
		}
		return true
	})
}

// Draw returns the drawing of a measurement, or nothing if there are no values.
func (s *Recorder) Draw(now time.Time, device string, measurement collectors.Measurement, isBool bool) template.HTML {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[device][measurement]
	if d == nil {
		return ""
	}
	label := measurement.Describe()
	if isBool {
		return drawBars(label, d.last24Hours(now))
	}
	return drawLine(label, d.last24Hours(now))
}

// last24Hours returns the values of all slots, the oldest first. NaN is unknown.
func (d *day) last24Hours(now time.Time) []float64 {
	slot := now.UnixNano() / int64(slotLength)
	values := make([]float64, 0, slots)
	for i := slot - slots + 1; i <= slot; i++ {
		value := noValue
		if i <= d.newest && i > d.newest-slots {
			value = d.values[i%slots]
		}
		values = append(values, float64(value))
	}
	return values
}

// drawLine draws numbers as a line with gaps where they are unknown.
func drawLine(label collectors.Description, values []float64) template.HTML {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return ""
	}
	var path strings.Builder
	drawing, y := false, 0
	for x, v := range values {
		if math.IsNaN(v) {
			drawing = false
			continue
		}
		next := height / 2
		if high > low {
			next = margin + int(math.Round((height-2*margin)*(high-v)/(high-low)))
		}
		if drawing {
			fmt.Fprintf(&path, "l1 %d", next-y)
		} else {
			fmt.Fprintf(&path, "M%d %dh0", x, next) // h0 makes a single point visible
		}
		drawing, y = true, next
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', label.Decimals, 64) }
	return svg("line", strings.ReplaceAll(path.String(), " -", "-"), fmt.Sprintf("%s in the last 24 hours: %s to %s %s", label.Name, text(low), text(high), label.Unit))
}

// drawBars draws the time in which a bool was true.
func drawBars(label collectors.Description, values []float64) template.HTML {
	var path strings.Builder
	known, count := false, 0
	for x, v := range values {
		known = known || !math.IsNaN(v)
		if v != 1 {
			continue
		}
		count++
		if x == 0 || values[x-1] != 1 {
			fmt.Fprintf(&path, "M%d %d", x, height/2)
		}
		path.WriteString("h1")
	}
	if !known {
		return ""
	}
	return svg("bars", path.String(), fmt.Sprintf("%s in the last 24 hours: in %d of %d periods of 20 minutes", label.Name, count, slots))
}

// svg returns a drawing with a text for screen readers.
func svg(class, path, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="trace %s" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s"><path d="%s"/></svg>`,
		class, slots, height, template.HTMLEscapeString(strings.TrimSpace(text)), path))
}
