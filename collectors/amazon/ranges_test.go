package amazon_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// hall is the monitor of another maker. Its instances mean other things than those
// of Amazon's, and it also has a setting.
var hall = amazontest.Monitor{
	EntityID: "0f9c2f1e-0000-4000-8000-00000000000c", Name: "Hall", Maker: "Airthings", Temperature: 20, Reachable: true,
	Ranges: []amazontest.Range{
		{Instance: "4", Name: "Radon", Unit: "Becquerel per cubic meter", Value: 55},
		{Instance: "humidity_i6SJ8", Name: "Humidity", Unit: "Percent", Value: 60, Settable: true},
		{Instance: "humidity_indoor_bPspo", Name: "indoor humidity", Unit: "Percent", Value: 43},
		{Instance: "6", Name: "Particulate matter PM10", Unit: "µg/m³", Value: 8},
		{Instance: "pm", Name: "Particulate matter", Unit: "Micrograms per cubic meter", Value: 5},
		{Instance: "voc", Name: "VOC", Unit: "Parts per billion", Value: 210},
		{Instance: "aqi", Name: "Air quality", Value: 40},
	},
}

const hallID = "amazon_0f9c2f1e_0000_4000_8000_00000000000c"

// The table of Amazon's own monitor says nothing of another maker's.
func TestMonitorOfAnotherMaker(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.SetMonitor(hall)
		for range 2 { // also when phoenix, which has no configuration, is asked
			snapshot := h.Poll()
			d := alexa.ByID(snapshot)[hallID]
			want := map[collectors.Measurement]float64{
				collectors.Temperature: 20, collectors.Humidity: 43, collectors.PM10: 8, collectors.PM25: 5,
			}
			if len(d.Readings) != len(want) || d.Manufacturer != "Airthings" || d.Serial != "" {
				t.Errorf("device %+v", d)
			}
			for m, value := range want {
				alexa.WantNumber(t, d, m, value)
			}
			alexa.WantFault(t, snapshot, `monitor "Hall"`, "of Airthings: not understood and left out", `"Radon" (unit "Becquerel per cubic meter", instance "4")`,
				`"VOC" (unit "Parts per billion"`, `"Air quality"`)
			if text := fmt.Sprint(snapshot.Faults); strings.Contains(text, "i6SJ8") || strings.Contains(text, "Kitchen") {
				t.Errorf("faults %s", text)
			}
			alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.VOCIndex, 3)
			h.Account.ScriptPath(amazontest.GraphQLPath, refused)
		}
	})
}

// The id of a monitor without a serial number is the same whichever way lists it.
func TestIDWithoutSerialNumber(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		alexa.Run(t, func(h *alexa.Home) {
			h.Account.SetMonitor(hall)
			if refuse {
				h.Account.ScriptPath(amazontest.GraphQLPath, refused)
			}
			for range 2 {
				snapshot := h.Poll()
				if d, ok := alexa.ByID(snapshot)[hallID]; !ok || !d.Online {
					t.Errorf("refused %t: device %+v", refuse, d)
				}
				if refuse {
					alexa.WantFault(t, snapshot, `monitor "Hall"`, "does not say what its ranges measure")
				}
				time.Sleep(time.Hour)
			}
		})
	}
}

// Amazon's own monitor is known by its device type, or by its manufacturer where
// there is no type.
func TestAmazonsOwnMonitorIsRecognised(t *testing.T) {
	const humidity = `{"name":"range","instance":"4","properties":[{"name":"rangeValue","rangeValue":{"value":40}}]}`
	for name, test := range map[string]struct {
		fields string
		want   bool
	}{
		"Amazon's type":                {`"legacyIdentifiers":{"dmsIdentifier":{"deviceType":{"value":{"text":"AEZME1X38KDRA"}}}}`, true},
		"its type, another maker":      {`"manufacturer":{"value":{"text":"Acme"}},"legacyIdentifiers":{"dmsIdentifier":{"deviceType":{"value":{"text":"AEZME1X38KDRA"}}}}`, true},
		"another type of Amazon's":     {`"manufacturer":{"value":{"text":"Amazon"}},"legacyIdentifiers":{"dmsIdentifier":{"deviceType":{"value":{"text":"AXXXXXXXXXXXX"}}}}`, false},
		"Amazon without a type":        {`"manufacturer":{"value":{"text":"Amazon"}},"legacyIdentifiers":{"dmsIdentifier":null}`, true},
		"another maker without a type": {`"manufacturer":{"value":{"text":"Dyson"}},"legacyIdentifiers":null`, false},
		"neither":                      {`"manufacturer":null`, false},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(
					alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[{"id":"e","serialNumber":{"value":{"text":"S"}},`+test.fields+`}]}}}`),
					alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[{"id":"e","features":[`+humidity+`]}]}}}`))
				devices := h.Poll().Devices
				if len(devices) != 1 {
					t.Fatalf("devices %v", devices)
				}
				if _, ok := devices[0].Readings[collectors.Humidity].Number(); ok != test.want {
					t.Errorf("a humidity: %t, want %t", ok, test.want)
				}
			})
		})
	}
}

// What a range measures is read from its name in the languages of the marketplaces.
func TestNamesOfRanges(t *testing.T) {
	for _, test := range []struct {
		name, unit string
		want       collectors.Measurement // "" is not understood
	}{
		{"Humidity", "", collectors.Humidity}, {"Humidity", "Alexa.Unit.Percent", collectors.Humidity}, {"absolute humidity", "", ""},
		{"Luftfeuchtigkeit", "Prozent", collectors.Humidity}, {"Taux d’humidité", "Pour cent", collectors.Humidity},
		{"UMIDITÀ INTERNA", "per cento", collectors.Humidity}, {"Humedad interior", "Por ciento", collectors.Humidity}, {"Umidade", "%", collectors.Humidity},
		{"Luchtvochtigheid", "procent", collectors.Humidity}, {"Luftfuktighet", "procent", collectors.Humidity}, {"Wilgotność", "", collectors.Humidity},
		{"Nem", "Yüzde", collectors.Humidity}, {"湿度", "パーセント", collectors.Humidity}, {"आर्द्रता", "", collectors.Humidity}, {"الرطوبة", "", collectors.Humidity},
		{"Volatile organic compounds", "", collectors.VOCIndex}, {"Flüchtige organische Verbindungen", "", collectors.VOCIndex},
		{"Composés organiques volatils", "ppb", ""}, {"VOC", "Parts per million", ""},
		{"PM 2,5", "µg/m³", collectors.PM25}, {"PM₂.₅", "", collectors.PM25}, {"Feinstaub (PM10)", "Mikrogramm pro Kubikmeter", collectors.PM10}, {"PM1", "", ""},
		{"Particules fines", "", collectors.PM25}, {"Partículas PM 10", "", collectors.PM10}, {"PM10-Feinstaub", "", collectors.PM10}, {"PM2.5", "ppm", ""},
		{"Kohlenmonoxid", "ppm", collectors.CarbonMonoxide}, {"Carbon dioxide", "ppm", ""}, {"一酸化炭素", "", collectors.CarbonMonoxide}, {"Carbon monoxide", "mg/m3", ""},
		{"Indoor air quality", "", collectors.IndoorAirQuality}, {"Qualité de l'air intérieur", "", collectors.IndoorAirQuality}, {"Air quality index", "", ""},
		{"Temperature", "Celsius", collectors.Temperature}, {"Temperature", "", ""}, {"Temperature", "Percent", ""}, {"", "", ""}, {"Humidity", "℃", ""},
	} {
		t.Run(test.name+" in "+test.unit, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				m := hall
				m.Temperature = math.NaN()
				m.Ranges = []amazontest.Range{{Instance: "9", Name: test.name, Unit: test.unit, Value: 12}}
				h.Account.SetMonitor(m)
				snapshot := h.Poll()
				d := alexa.ByID(snapshot)[hallID]
				delete(d.Readings, map[bool]collectors.Measurement{true: collectors.Temperature}[test.want != collectors.Temperature])
				if test.want == "" {
					if len(d.Readings) > 0 {
						t.Errorf("readings %v, want none", d.Readings)
					}
					return
				}
				alexa.WantNumber(t, d, test.want, 12)
				if len(d.Readings) != 1 || len(snapshot.Faults) > 0 {
					t.Errorf("readings %v, faults %v", d.Readings, snapshot.Faults)
				}
			})
		})
	}
}

func TestTwoRangesOfOneName(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		m := hall
		m.Ranges = []amazontest.Range{
			{Instance: "a", Name: "Humidity", Value: 40}, {Instance: "b", Name: "Luftfeuchtigkeit", Value: 70}, {Instance: "c", Name: "Temperature", Unit: "Fahrenheit", Value: 68},
		}
		m.Temperature = math.NaN()
		h.Account.SetMonitor(m)
		snapshot := h.Poll()
		d := alexa.ByID(snapshot)[hallID]
		if _, ok := d.Readings[collectors.Humidity]; ok {
			t.Errorf("readings %v", d.Readings)
		}
		alexa.WantNumber(t, d, collectors.Temperature, 20)
		alexa.WantFault(t, snapshot, `"Humidity"`, `"Luftfeuchtigkeit"`)
	})
}

// What was learnt of a range outlives an answer without any configuration.
func TestRangesWithoutConfiguration(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.SetMonitor(hall)
		bare := hall
		bare.Ranges = nil
		for _, r := range hall.Ranges {
			r.Name = ""
			bare.Ranges = append(bare.Ranges, r)
		}
		h.Account.SetMonitor(bare)
		snapshot := h.Poll()
		if d := alexa.ByID(snapshot)[hallID]; len(d.Readings) != 1 {
			t.Errorf("readings %v, want the temperature", d.Readings)
		}
		alexa.WantFault(t, snapshot, "left out", `"" (unit "", instance "4")`)
		h.Account.SetMonitor(hall)
		h.Poll()
		h.Account.SetMonitor(bare)
		alexa.WantNumber(t, alexa.ByID(h.Poll())[hallID], collectors.Humidity, 43)
	})
}

// Alexa may not report whether a monitor is reachable.
func TestMonitorWithoutHealth(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		m := alexa.Cellar
		m.NoHealth = true
		h.Account.SetMonitor(m)
		for range 2 {
			d := alexa.ByID(h.Poll())[alexa.CellarID]
			if _, ok := d.Readings[collectors.PM10]; ok || !d.Online || len(d.Readings) != 6 {
				t.Errorf("device %+v", d)
			}
			alexa.WantNumber(t, d, collectors.Humidity, 61.2)
			h.Account.ScriptPath(amazontest.GraphQLPath, refused)
		}
		m.Reachable = false
		h.Account.SetMonitor(m)
		for _, answer := range []bool{true, false} {
			if answer {
				h.Account.ScriptPath(amazontest.GraphQLPath, nil)
			} else {
				h.Account.ScriptPath(amazontest.GraphQLPath, refused)
			}
			alexa.WantOffline(t, alexa.ByID(h.Poll())[alexa.CellarID])
		}
	})
}

// phoenix refuses with an empty type of entity.
func TestPhoenixDoesNotFindAMonitor(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(refused, alexa.JSON(fmt.Sprintf(`{"deviceStates":[],"errors":[{"entity":{"entityId":%q,"entityType":""},"code":"TargetApplianceNotFoundException",`+
			`"data":null,"message":"No appliance found for target!"},{"entity":{"entityId":%q,"entityType":""},"code":"ENDPOINT_UNREACHABLE","data":null,"message":null}]}`,
			alexa.Kitchen.EntityID, alexa.Cellar.EntityID)))
		snapshot := h.Poll()
		alexa.WantOffline(t, alexa.ByID(snapshot)[alexa.KitchenID])
		alexa.WantOffline(t, alexa.ByID(snapshot)[alexa.CellarID])
		if len(snapshot.Faults) != 1 {
			t.Errorf("faults %v, want that GraphQL failed alone", snapshot.Faults)
		}
	})
}
