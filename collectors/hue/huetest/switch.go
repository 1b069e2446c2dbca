package huetest

import (
	"fmt"
	"slices"
	"time"
)

// Switch is a dimmer, a dial without buttons, or a tap.
type Switch struct {
	MAC         string // 8 octets
	Name        string
	Type        string // ZLLSwitch, ZLLRelativeRotary, or ZGPSwitch: a Hue Tap
	ButtonEvent int    // of CLIP v1, until a button is pressed; 1002: the first button was released
	Battery     int    // %; a ZGPSwitch has none
	Reachable   bool   // a ZGPSwitch only sends, so it is unknown whether it could
	// FriendsOfHue makes a ZGPSwitch one by another manufacturer, whose buttons report
	// all that those of a dimmer do.
	FriendsOfHue bool
}

// SetSwitch adds a switch, or replaces the part with its MAC and type. A ZLLSwitch
// and a ZGPSwitch have four buttons, a ZLLRelativeRotary has a dial; one MAC may
// have both, each with a name of its own in CLIP v1; in CLIP v2 the device has that
// of the first. A new button has not been pressed; a replaced one keeps what
// was.
func (b *Bridge) SetSwitch(s Switch) {
	switch s.Type {
	case "ZLLSwitch", "ZGPSwitch":
		p := &buttonPart{zigbeeType: s.Type, mac: s.MAC, name: s.Name, event: s.ButtonEvent, updated: stamp(), model: "RWL022"}
		switch {
		case p.isGreenPower() && s.FriendsOfHue:
			p.model = friendsModel
		case p.isGreenPower():
			p.model = tapModel
		}
		if p.isGreenPower() && s.ButtonEvent == 0 {
			p.updated = "none"
		}
		b.setSwitch(s, p)
	case "ZLLRelativeRotary":
		b.setSwitch(s, &rotaryPart{mac: s.MAC, name: s.Name, event: s.ButtonEvent, updated: stamp(), model: "RWL022"})
	default:
		panic(fmt.Sprintf("huetest: no switch has the type %q", s.Type))
	}
}

// Dial is a Hue tap dial switch (RDM002): four buttons and a dial.
type Dial struct {
	MAC       string // 8 octets
	Name      string
	Battery   int // %
	Reachable bool
}

// SetDial adds a dial, or replaces the one with its MAC. It has two CLIP v1
// entries, ZLLSwitch and ZLLRelativeRotary in this order.
func (b *Bridge) SetDial(d Dial) {
	s := Switch{MAC: d.MAC, Name: d.Name, Battery: d.Battery, Reachable: d.Reachable}
	b.setSwitch(s,
		&buttonPart{zigbeeType: "ZLLSwitch", mac: d.MAC, name: d.Name, updated: "none", model: dialModel},
		&rotaryPart{mac: d.MAC, name: "Hue tap dial switch 1", updated: "none", model: dialModel})
}

func (b *Bridge) setSwitch(s Switch, parts ...part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range parts {
		switch old := b.partOf(s.MAC, p.kind()).(type) {
		case *buttonPart:
			p.(*buttonPart).reports = old.reports
		case *rotaryPart:
			p.(*rotaryPart).report = old.report
		}
	}
	status := connectivity(s.Reachable)
	if s.Type == "ZGPSwitch" {
		status = onlySends
	}
	b.publish(b.setPart(s.MAC, s.Name, status, s.Battery, parts...))
}

// onlySends is the status of what can't be asked, as it has no power between two
// presses.
const onlySends = "unidirectional_incoming"

// buttonCodes are the last three digits of a CLIP v1 buttonevent.
var buttonCodes = map[string]int{
	"initial_press": 0, "repeat": 1, "short_release": 2, "long_release": 3, "long_press": 10,
}

// tapCodes are the CLIP v1 buttonevents of a tap, by control id less 1: the Zigbee
// Green Power commands that it sends.
var tapCodes = []int{34, 16, 17, 18}

const (
	buttons      = 4 // of every switch
	dialModel    = "RDM002"
	tapModel     = "ZGPSWITCH"
	friendsModel = "FOHSWITCH"
)

// buttonPart is the buttons of a dimmer, a dial or a tap.
type buttonPart struct {
	zigbeeType, mac, model string
	name                   string // of its CLIP v1 entry
	event                  int    // of CLIP v1; 0: none
	updated                string
	reports                [buttons]buttonReport // by control id less 1
}

// buttonReport is what a button last reported; the zero value is nothing.
type buttonReport struct {
	event   string
	updated time.Time
}

func (p *buttonPart) isGreenPower() bool { return p.zigbeeType == "ZGPSwitch" }
func (p *buttonPart) isTap() bool        { return p.model == tapModel }
func (p *buttonPart) kind() string       { return p.zigbeeType }

func (p *buttonPart) connection() connection {
	if p.isGreenPower() {
		return greenPower
	}
	return zigbee
}

func (p *buttonPart) powered() bool { return !p.isGreenPower() }

func (p *buttonPart) product() product {
	switch {
	case p.isTap():
		return product{model: p.model, name: "Hue tap switch", software: "1.0.0"}
	case p.isGreenPower():
		return product{model: p.model, name: "Friends of Hue switch", software: "1.0.0", manufacturer: "PhilipsFoH"}
	case p.model == dialModel:
		return product{model: p.model, name: "Hue tap dial switch", software: "2.59.25"}
	}
	return product{model: p.model, name: "Hue dimmer switch", software: "2.45.2"}
}

func (p *buttonPart) v1(h *home, d *device) string { return h.sensorPath(d.mac, p.kind()) }

func (p *buttonPart) enter(h *home, d *device) {
	h.sensors.put(d.mac, p.zigbeeType, func() object {
		config := object{"on": true}
		model, endpoint, software := p.model, "-f2", "2.45.2_hF4400CA"
		if !p.isGreenPower() {
			config = object{"on": true, "battery": d.battery, "reachable": d.reachable(), "pending": []string{}}
			endpoint = "-02-fc00"
		}
		if p.model == dialModel {
			endpoint, software = "-01-fc00", "2.59.25"
		}
		return object{
			"state":            object{"buttonevent": orNull(p.event, p.updated), "lastupdated": p.updated},
			"config":           config,
			"name":             p.name,
			"type":             p.zigbeeType,
			"modelid":          model,
			"manufacturername": signify,
			"productname":      p.product().name,
			"swversion":        software,
			"uniqueid":         p.mac + endpoint,
		}
	})
}

// orNull is null for what was never reported.
func orNull(event int, updated string) any {
	if updated == "none" {
		return nil
	}
	return event
}

func (p *buttonPart) services(h *home, d *device) []*resource {
	services := make([]*resource, buttons)
	for i := range services {
		report := p.reports[i]
		services[i] = d.service("button", i+1, p.v1(h, d), report, func() object {
			button := object{"event_values": p.events(), "repeat_interval": 800}
			if report.event != "" {
				button["last_event"] = report.event
				if h.reports() {
					button["button_report"] = object{"event": report.event, "updated": h.instant(report.updated)}
				}
			}
			return object{"button": button, "metadata": object{"control_id": i + 1}}
		})
	}
	return services
}

func (p *buttonPart) events() []string {
	if p.isTap() {
		return []string{"initial_press"}
	}
	return []string{"initial_press", "repeat", "short_release", "long_release", "long_press"}
}

// PressButton has a button of a switch report these events, one after the other:
// "initial_press", "repeat", "short_release", "long_release", "long_press"; a tap
// has the first alone. The buttons of a device are the controls 1 to 4. Each event
// is sent to the streams on its own.
func (b *Bridge) PressButton(mac string, controlID int, events ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deviceOf(mac)
	var p *buttonPart
	if d != nil {
		for _, other := range d.parts {
			if other, ok := other.(*buttonPart); ok {
				p = other
			}
		}
	}
	if p == nil || controlID < 1 || controlID > buttons {
		panic(fmt.Sprintf("huetest: no device %q with a button %d", mac, controlID))
	}
	for _, event := range events {
		if !slices.Contains(p.events(), event) {
			panic(fmt.Sprintf("huetest: a button of %q has no event %q", mac, event))
		}
		p.reports[controlID-1] = buttonReport{event, time.Now()}
		p.event, p.updated = controlID*1000+buttonCodes[event], stamp()
		if p.isTap() {
			p.event = tapCodes[controlID-1]
		}
		p.enter(&b.home, d)
		b.publishReport(b.refresh(d), d.id("button", controlID))
	}
}

// rotaryPart is the dial of a dial.
type rotaryPart struct {
	mac, model string
	name       string // of its CLIP v1 entry
	event      int    // of CLIP v1
	updated    string
	report     rotaryReport
}

// rotaryReport is what a dial last reported; the zero value is nothing.
type rotaryReport struct {
	action  string
	steps   int // positive: clockwise
	updated time.Time
}

func (*rotaryPart) kind() string  { return "ZLLRelativeRotary" }
func (*rotaryPart) powered() bool { return true }

func (p *rotaryPart) product() product {
	if p.model == dialModel {
		return product{model: p.model, name: "Hue tap dial switch", software: "2.59.25"}
	}
	return product{model: p.model, name: "Hue dimmer switch", software: "2.45.2"}
}

func (p *rotaryPart) v1(h *home, d *device) string { return h.sensorPath(d.mac, p.kind()) }

func (p *rotaryPart) enter(h *home, d *device) {
	h.sensors.put(d.mac, p.kind(), func() object {
		o := object{
			"config":           object{"on": true, "battery": d.battery, "reachable": d.reachable(), "pending": []string{}},
			"name":             p.name,
			"type":             p.kind(),
			"modelid":          p.model,
			"manufacturername": signify,
			"productname":      p.product().name,
		}
		if p.model == dialModel {
			o["swversion"] = "2.59.25"
			o["uniqueid"] = p.mac + "-01-fc00-0014"
			o["state"] = object{
				"rotaryevent": orNull(p.event, p.updated), "expectedrotation": orNull(p.report.steps, p.updated),
				"expectedeventduration": orNull(turnMilliseconds, p.updated), "lastupdated": p.updated,
			}
			return o
		}
		o["swversion"] = "2.45.2_hF4400CA"
		o["uniqueid"] = p.mac + "-02-fc00"
		o["state"] = object{"buttonevent": p.event, "lastupdated": p.updated}
		return o
	})
}

func (p *rotaryPart) services(h *home, d *device) []*resource {
	report := p.report
	return []*resource{d.service("relative_rotary", 0, p.v1(h, d), report, func() object {
		rotary := object{}
		if !report.updated.IsZero() {
			direction := either(report.steps < 0, "counter_clock_wise", "clock_wise")
			rotation := object{"direction": direction, "duration": turnMilliseconds, "steps": max(report.steps, -report.steps)}
			if h.reports() {
				rotary["rotary_report"] = object{"action": report.action, "rotation": rotation, "updated": h.instant(report.updated)}
			}
			rotary["last_event"] = object{"action": report.action, "rotation": rotation}
		}
		return object{"relative_rotary": rotary}
	})}
}

// turnMilliseconds is how long one report of a dial is about.
const turnMilliseconds = 400

// Turn has a dial report a rotation: direction is "clock_wise" or
// "counter_clock_wise"; 1000 steps are a full turn. The action is "repeat" where
// the last report is no older than a second, else "start".
func (b *Bridge) Turn(mac, direction string, steps int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.partOf(mac, "ZLLRelativeRotary").(*rotaryPart)
	if !ok || steps <= 0 || direction != "clock_wise" && direction != "counter_clock_wise" {
		panic(fmt.Sprintf("huetest: no device %q that turns %q by %d steps", mac, direction, steps))
	}
	now := time.Now()
	action, event := "start", 1
	if last := p.report.updated; !last.IsZero() && now.Sub(last) <= time.Second {
		action, event = "repeat", 2
	}
	if direction == "counter_clock_wise" {
		steps = -steps
	}
	p.event, p.updated, p.report = event, stamp(), rotaryReport{action, steps, now}
	d := b.deviceOf(mac)
	p.enter(&b.home, d)
	b.publishReport(b.refresh(d), d.id("relative_rotary", 0))
}
