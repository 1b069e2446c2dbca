package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"hueair2mqtt/discovery"
)

// A drawing is as wide on the screen as two or three words. So it has a point for
// 20 minutes, and whole numbers in units of its own, which keep a page with many of
// them small.
const (
	traceWidth  = 72
	traceHeight = 40
	traceMargin = 3
)

// sparkline draws a day of numbers.
func sparkline(label discovery.Label, day []float32) template.HTML {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range day {
		if !isNothing(v) {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	}
	if low > high {
		return ""
	}
	y := func(v float64) int {
		if high == low {
			return traceHeight / 2
		}
		return traceMargin + int(math.Round((traceHeight-2*traceMargin)*(high-v)/(high-low)))
	}
	var path strings.Builder
	drawing, at := false, 0
	for x, v := range halved(day) {
		if math.IsNaN(v) {
			drawing = false
			continue
		}
		next := y(v)
		if !drawing {
			fmt.Fprintf(&path, "M%d %dh0l", x, next) // h0: a lone point is seen too
		} else {
			text := strconv.Itoa(next - at)
			if next >= at {
				text = " " + text
			}
			path.WriteString(" 1" + text)
		}
		drawing, at = true, next
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', label.Precision, 64) }
	// An l without numbers behind it is no path.
	return drawn(fmt.Sprintf("%s in the last 24 hours: %s to %s %s", label.Name, text(low), text(high), label.Unit),
		strings.NewReplacer("l ", "l", "lM", "M").Replace(strings.TrimSuffix(path.String(), "l")), "line")
}

// halved has the mean of each two values.
func halved(day []float32) []float64 {
	half := make([]float64, 0, traceWidth)
	for i := 0; i+1 < len(day); i += 2 {
		a, b := float64(day[i]), float64(day[i+1])
		switch {
		case math.IsNaN(a):
			a = b
		case math.IsNaN(b):
			b = a
		}
		half = append(half, (a+b)/2)
	}
	return half
}

// bars draws when something was true.
func bars(name string, day []float32) template.HTML {
	known, count := false, 0
	for _, v := range day {
		known = known || !isNothing(v)
		if v == 1 {
			count++
		}
	}
	if !known {
		return ""
	}
	var path strings.Builder
	half := halved(day)
	for x := 0; x < len(half); x++ {
		begin := x
		for x < len(half) && half[x] > 0 {
			x++
		}
		if x > begin {
			fmt.Fprintf(&path, "M%d %dh%d", begin, traceHeight/2, x-begin)
		}
	}
	return drawn(fmt.Sprintf("%s in the last 24 hours: in %d of 144 periods of 10 minutes", name, count), path.String(), "bars")
}

// drawn makes the drawing. Nothing in it comes from outside but numbers and labels.
func drawn(text, path, class string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="trace %s" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s"><path d="%s"/></svg>`,
		class, traceWidth, traceHeight, template.HTMLEscapeString(strings.TrimSpace(text)), path))
}

func isNothing(v float32) bool { return math.IsNaN(float64(v)) }
