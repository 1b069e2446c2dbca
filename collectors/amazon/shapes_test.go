package amazon_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// states is an answer of /api/phoenix/state that reports one monitor by
// capability states, which are put into texts here.
func states(m amazontest.Monitor, inner ...string) string {
	texts, err := json.Marshal(inner)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"entity":{"entityId":%q},"capabilityStates":%s}`, m.EntityID, texts)
}

func rangeState(instance, value string) string {
	return fmt.Sprintf(`{"namespace":"Alexa.RangeController","name":"rangeValue","instance":%q,"value":%s}`, instance, value)
}

// A value costs at most its reading, whichever way it comes.
func TestValues(t *testing.T) {
	type value struct {
		json  string
		want  any  // nil is unknown
		fault bool // a value of a wrong shape is reported
	}
	humidity := map[string]value{
		"number":          {`48.126`, 48.13, false},
		"integer":         {`48`, 48.0, false},
		"exponent":        {`4.8e1`, 48.0, false},
		"numeric text":    {`"48.5"`, 48.5, false},
		"padded text":     {`" 48.5 "`, 48.5, false},
		"null":            {`null`, nil, false},
		"NaN":             {`"NaN"`, nil, false},
		"infinity":        {`"-Infinity"`, nil, false},
		"empty text":      {`""`, nil, false},
		"minus zero":      {`-0.0`, 0.0, false},
		"too low":         {`-1`, nil, false},
		"too high":        {`100.5`, nil, false},
		"absurd":          {`1e300`, nil, false},
		"beyond a double": {`1e999`, nil, false},
		"word":            {`"none"`, nil, true},
		"truth":           {`true`, nil, true},
		"list":            {`[48]`, nil, true},
		"nested":          {`{"value":{"value":48}}`, nil, true},
	}
	temperature := map[string]value{
		"celsius":           {`{"value":21.5,"scale":"CELSIUS"}`, 21.5, false},
		"lower case":        {`{"value":21.5,"scale":"celsius"}`, 21.5, false},
		"fahrenheit":        {`{"value":"70.7","scale":"FAHRENHEIT"}`, 21.5, false},
		"kelvin":            {`{"value":294.65,"scale":"KELVIN"}`, 21.5, false},
		"null":              {`null`, nil, false},
		"null value":        {`{"value":null,"scale":"CELSIUS"}`, nil, false},
		"no value":          {`{}`, nil, false},
		"NaN":               {`{"value":"NaN","scale":"CELSIUS"}`, nil, false},
		"absolute zero":     {`{"value":0,"scale":"KELVIN"}`, nil, false},
		"hot":               {`{"value":101,"scale":"CELSIUS"}`, nil, false},
		"no scale":          {`{"value":21.5}`, nil, true},
		"unknown scale":     {`{"value":21.5,"scale":"RANKINE"}`, nil, true},
		"scale is a number": {`{"value":21.5,"scale":{}}`, nil, true},
		"bare number":       {`21.5`, nil, true},
		"text":              {`"21.5"`, nil, true},
		"list":              {`[21.5]`, nil, true},
		"value is a list":   {`{"value":[21.5],"scale":"CELSIUS"}`, nil, true},
	}
	check := func(t *testing.T, snapshot collectors.Snapshot, m collectors.Measurement, v value) {
		t.Helper()
		d := alexa.ByID(snapshot)[alexa.KitchenID]
		if v.want == nil {
			alexa.WantUnknown(t, d, m)
		} else {
			alexa.WantNumber(t, d, m, v.want.(float64))
		}
		alexa.WantNumber(t, d, collectors.PM25, 7)
		alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.PM25, 8)
		if v.fault {
			alexa.WantFault(t, snapshot, "Kitchen", string(m))
		} else if len(snapshot.Faults) > 0 {
			t.Errorf("faults: %v", snapshot.Faults)
		}
	}
	run := func(name string, m collectors.Measurement, v value, feature, state string) {
		t.Run(name+" by GraphQL", func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + alexa.Endpoint(alexa.Kitchen, feature+`,`+alexa.RangeFeature("6", "7")) +
					`,` + alexa.Endpoint(alexa.Cellar, alexa.RangeFeature("6", "8")) + `]}}}`))
				check(t, h.Poll(), m, v)
			})
		})
		t.Run(name+" by phoenix", func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(amazontest.Status(400, nil, ""))
				h.Account.ScriptPath(amazontest.PhoenixPath, alexa.JSON(`{"deviceStates":[`+states(alexa.Kitchen, state, rangeState("6", "7"))+
					`,`+states(alexa.Cellar, rangeState("6", "8"))+`]}`))
				snapshot := h.Poll()
				snapshot.Faults = snapshot.Faults[:len(snapshot.Faults)-1] // the last reports why phoenix was asked
				check(t, snapshot, m, v)
			})
		})
	}
	for name, v := range humidity {
		run("humidity/"+name, collectors.Humidity, v, alexa.RangeFeature("4", v.json), rangeState("4", v.json))
	}
	for name, v := range temperature {
		run("temperature/"+name, collectors.Temperature, v,
			`{"name":"temperatureSensor","properties":[{"name":"temperature","value":`+v.json+`}]}`,
			`{"namespace":"Alexa.TemperatureSensor","name":"temperature","value":`+v.json+`}`)
	}
}

// What has a wrong shape in an answer with readings costs the entry that it is
// in, never another monitor or another reading.
func TestReadingsInOtherShapes(t *testing.T) {
	good := alexa.Endpoint(alexa.Cellar, alexa.RangeFeature("4", "60"))
	pm25 := alexa.RangeFeature("6", "7")
	tests := map[string]struct {
		entries string
		fault   string // "" is none
		pm25    bool   // that the kitchen's reading is there
		online  bool
	}{
		"good":                          {alexa.Endpoint(alexa.Kitchen, pm25), "", true, true},
		"an unknown feature":            {alexa.Endpoint(alexa.Kitchen, `{"name":"brightness","properties":5},`+pm25), "", true, true},
		"an unknown range":              {alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("12", `"x"`)+`,`+pm25), "", true, true},
		"an unknown property":           {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"4","properties":[{"name":"presets","rangeValue":[]}]},`+pm25), "", true, true},
		"an instance as number":         {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":6,"properties":[{"rangeValue":{"value":7}}]}`), "", true, true},
		"a range without its object":    {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"6","properties":[{"rangeValue":7}]}`), "", true, true},
		"endpointId for id":             {strings.Replace(alexa.Endpoint(alexa.Kitchen, pm25), `"id"`, `"endpointId"`, 1), "", true, true},
		"another endpoint":              {`{"id":"light","features":5},` + alexa.Endpoint(alexa.Kitchen, pm25), "", true, true},
		"an entry is text":              {`"x",` + alexa.Endpoint(alexa.Kitchen, pm25), "endpoint 0: text where an object belongs", true, true},
		"an entry is a list":            {`[],` + alexa.Endpoint(alexa.Kitchen, pm25), "endpoint 0: a list", true, true},
		"an entry without id":           {`{"features":[]},` + alexa.Endpoint(alexa.Kitchen, pm25), "endpoint 0: it has no id", true, true},
		"an id that is a list":          {`{"id":[1],"features":[]},` + alexa.Endpoint(alexa.Kitchen, pm25), "endpoint 0: id: a list", true, true},
		"twice the same":                {alexa.Endpoint(alexa.Kitchen, pm25) + `,` + alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("6", "99")), "more than once", true, true},
		"a feature is null":             {alexa.Endpoint(alexa.Kitchen, `null,`+pm25), "feature: nothing", true, true},
		"a feature is a number":         {alexa.Endpoint(alexa.Kitchen, `5,`+pm25), "feature: a number", true, true},
		"a feature's name is a list":    {alexa.Endpoint(alexa.Kitchen, `{"name":[]},`+pm25), "name of a feature: a list", true, true},
		"an instance is an object":      {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":{}},`+pm25), "instance of a range: an object", true, true},
		"properties are null":           {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"4","properties":null},`+pm25), "properties of range: nothing", true, true},
		"properties are one property":   {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"4","properties":{"name":"rangeValue"}},`+pm25), "properties of range: an object", true, true},
		"a property is text":            {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"4","properties":["x"]},`+pm25), "humidity: text", true, true},
		"a property's name is a list":   {alexa.Endpoint(alexa.Kitchen, `{"name":"range","instance":"4","properties":[{"name":[]}]},`+pm25), "humidity: a list", true, true},
		"a range twice":                 {alexa.Endpoint(alexa.Kitchen, pm25+`,`+alexa.RangeFeature("6", "99")), "", true, true},
		"a property fails":              {alexa.Endpoint(alexa.Kitchen, failing("4", `{"type":"INTERNAL_ERROR","message":"x"}`)+`,`+pm25), "humidity: error INTERNAL_ERROR", true, true},
		"a property fails by message":   {alexa.Endpoint(alexa.Kitchen, failing("4", `{"message":"some\nthing"}`)+`,`+pm25), "humidity: error some thing", true, true},
		"a property fails unexplained":  {alexa.Endpoint(alexa.Kitchen, failing("4", `{}`)+`,`+pm25), "humidity: error no reason given", true, true},
		"a property fails in a text":    {alexa.Endpoint(alexa.Kitchen, failing("4", `"BROKEN"`)+`,`+pm25), "humidity: error BROKEN", true, true},
		"a property fails in a list":    {alexa.Endpoint(alexa.Kitchen, failing("4", `[]`)+`,`+pm25), "humidity: error: a list", true, true},
		"a property is not there":       {alexa.Endpoint(alexa.Kitchen, failing("7", `{"type":"NOT_FOUND"}`)+`,`+pm25), "", true, true},
		"a property is unreachable":     {alexa.Endpoint(alexa.Kitchen, failing("4", `{"type":"ENDPOINT_UNREACHABLE"}`)+`,`+pm25), "", false, false},
		"connectivity OK":               {alexa.Endpoint(alexa.Kitchen, connected(`"OK"`)), "", false, true},
		"connectivity in an object":     {alexa.Endpoint(alexa.Kitchen, connected(`{"value":"OK"}`)), "", false, true},
		"connectivity lost":             {alexa.Endpoint(alexa.Kitchen, connected(`"UNREACHABLE"`)+`,`+pm25), "", false, false},
		"connectivity null":             {alexa.Endpoint(alexa.Kitchen, connected(`null`)+`,`+pm25), "", true, true},
		"connectivity a list":           {alexa.Endpoint(alexa.Kitchen, connected(`[]`)+`,`+pm25), "connectivity: a list", true, true},
		"connectivity not found":        {alexa.Endpoint(alexa.Kitchen, `{"name":"connectivity","properties":[{"name":"reachability","error":{"type":"NOT_FOUND"}}]}`), "", false, false},
		"connectivity OK, nothing else": {alexa.Endpoint(alexa.Kitchen, connected(`"OK"`)+`,`+failing("6", `{"type":"NOT_FOUND"}`)), "", false, false},
		"no feature at all":             {alexa.Endpoint(alexa.Kitchen, ``), "", false, false},
		"only unknown values":           {alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("6", `null`)), "", false, false},
		"features a text":               {fmt.Sprintf(`{"id":%q,"features":"x"}`, alexa.Kitchen.EndpointID()), "features: text", false, false},
		"features null":                 {fmt.Sprintf(`{"id":%q,"features":null}`, alexa.Kitchen.EndpointID()), "features: nothing", false, false},
	}
	for name, test := range tests {
		for kind, envelope := range map[string]string{
			"": `{"data":{"listEndpoints":{"endpoints":[%s]}}}`, " in a batch": ` [{"data":{"listEndpoints":{"endpoints":[%s]}}}]`,
		} {
			t.Run(name+kind, func(t *testing.T) {
				alexa.Run(t, func(h *alexa.Home) {
					h.CleanPoll()
					h.Account.Script(alexa.JSON(fmt.Sprintf(envelope, test.entries+`,`+good)))
					h.Account.ScriptPath(amazontest.PhoenixPath, alexa.JSON(`{"deviceStates":[]}`))
					snapshot := h.Poll()
					if test.fault != "" {
						alexa.WantFault(t, snapshot, test.fault)
					} else if len(snapshot.Faults) > 0 {
						t.Errorf("faults: %v", snapshot.Faults)
					}
					alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 60)
					checkKitchen(t, alexa.ByID(snapshot)[alexa.KitchenID], test.online, test.pm25)
				})
			})
		}
	}
}

func failing(instance, failure string) string {
	return fmt.Sprintf(`{"name":"range","instance":%q,"properties":[{"name":"rangeValue","rangeValue":null,"error":%s}]}`, instance, failure)
}

func connected(status string) string {
	return fmt.Sprintf(`{"name":"connectivity","properties":[{"name":"reachability","reachabilityStatusValue":%s}]}`, status)
}

func checkKitchen(t *testing.T, d collectors.Device, online, pm25 bool) {
	t.Helper()
	if !online {
		alexa.WantOffline(t, d)
		return
	}
	if !d.Online {
		t.Error("the kitchen is offline")
	}
	if pm25 {
		alexa.WantNumber(t, d, collectors.PM25, 7)
	}
}

func TestPhoenixInOtherShapes(t *testing.T) {
	good := states(alexa.Cellar, rangeState("4", "60"))
	pm25 := rangeState("6", "7")
	ok := `{"namespace":"Alexa.EndpointHealth","name":"connectivity","value":{"value":"OK"}}`
	entity := fmt.Sprintf(`{"entityId":%q}`, alexa.Kitchen.EntityID)
	tests := map[string]struct {
		states, errors string
		fault          string
		pm25, online   bool
	}{
		"good":                       {states(alexa.Kitchen, pm25), ``, "", true, true},
		"errors null":                {states(alexa.Kitchen, pm25), `null`, "", true, true},
		"connectivity as text":       {states(alexa.Kitchen, `{"namespace":"Alexa.EndpointHealth","name":"connectivity","value":"OK"}`), ``, "", false, true},
		"connectivity as object":     {states(alexa.Kitchen, ok), ``, "", false, true},
		"connectivity lost":          {states(alexa.Kitchen, strings.Replace(ok, "OK", "UNREACHABLE", 1), pm25), ``, "", false, false},
		"connectivity a list":        {states(alexa.Kitchen, strings.Replace(ok, `{"value":"OK"}`, `[]`, 1), pm25), ``, "connectivity: a list", true, true},
		"an unknown state":           {states(alexa.Kitchen, `{"namespace":"Alexa.PowerController","name":"powerState","value":[]}`, pm25), ``, "", true, true},
		"an unknown range":           {states(alexa.Kitchen, rangeState("12", `[]`), pm25), ``, "", true, true},
		"another entity":             {`{"entity":{"entityId":"light"},"capabilityStates":5},` + states(alexa.Kitchen, pm25), ``, "", true, true},
		"an entry is text":           {`"x",` + states(alexa.Kitchen, pm25), ``, "device state 0: text", true, true},
		"an entry is null":           {`null,` + states(alexa.Kitchen, pm25), ``, "device state 0: nothing", true, true},
		"an entity is text":          {`{"entity":"x"},` + states(alexa.Kitchen, pm25), ``, "device state 0: id: text", true, true},
		"an entity without id":       {`{"entity":{}},` + states(alexa.Kitchen, pm25), ``, "device state 0: it has no id", true, true},
		"twice the same":             {states(alexa.Kitchen, pm25) + `,` + states(alexa.Kitchen, rangeState("6", "99")), ``, "more than once", true, true},
		"a state is an object":       {strings.Replace(states(alexa.Kitchen, pm25), `[`, `[{"namespace":"x"},`, 1), ``, "capability state: an object where text", true, true},
		"a state is null":            {strings.Replace(states(alexa.Kitchen, pm25), `[`, `[null,`, 1), ``, "capability state: nothing", true, true},
		"a state is broken JSON":     {states(alexa.Kitchen, `{"namespace":`, pm25), ``, "within the text: it is not JSON", true, true},
		"a state is a text in text":  {states(alexa.Kitchen, `"x"`, pm25), ``, "within the text: text where an object belongs", true, true},
		"a namespace is a list":      {states(alexa.Kitchen, `{"namespace":[]}`, pm25), ``, "namespace: a list", true, true},
		"a name is a list":           {states(alexa.Kitchen, `{"namespace":"x","name":[]}`, pm25), ``, "name: a list", true, true},
		"an instance is a list":      {states(alexa.Kitchen, strings.Replace(rangeState("4", "1"), `"4"`, `[]`, 1), pm25), ``, "instance: a list", true, true},
		"states null":                {fmt.Sprintf(`{"entity":%s,"capabilityStates":null}`, entity), ``, "", false, false},
		"states an object":           {fmt.Sprintf(`{"entity":%s,"capabilityStates":{}}`, entity), ``, "capabilityStates: an object", false, false},
		"unreachable":                {``, `[{"entity":` + entity + `,"code":"ENDPOINT_UNREACHABLE","message":"x"}]`, "", false, false},
		"unreachable with old state": {states(alexa.Kitchen, pm25), `[{"entity":` + entity + `,"code":"ENDPOINT_UNREACHABLE"}]`, "", false, false},
		"not found":                  {``, `[{"entity":` + entity + `,"code":"NOT_FOUND"}]`, "", false, false},
		"another error":              {``, `[{"entity":` + entity + `,"code":"UNAUTHORIZED"}]`, "error UNAUTHORIZED", false, false},
		"an error beside a state":    {states(alexa.Kitchen, pm25), `[{"entity":` + entity + `,"code":"STALE"}]`, "error STALE", true, true},
		"a stray error":              {states(alexa.Kitchen, pm25), `[{"code":"ENDPOINT_UNREACHABLE"}]`, "error of something that was not asked for", true, true},
		"an error is text":           {states(alexa.Kitchen, pm25), `["x"]`, "error 0", true, true},
		"errors a text":              {states(alexa.Kitchen, pm25), `"x"`, "errors: text", true, true},
		"in neither":                 {``, `[]`, "", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(amazontest.Status(400, nil, ""))
				body := `{"deviceStates":[` + strings.Trim(test.states+`,`+good, ",") + `]`
				if test.errors != "" {
					body += `,"errors":` + test.errors
				}
				h.Account.ScriptPath(amazontest.PhoenixPath, alexa.JSON(body+`}`))
				snapshot := h.Poll()
				if test.fault != "" {
					alexa.WantFault(t, snapshot, test.fault)
				} else if len(snapshot.Faults) != 1 {
					t.Errorf("faults, beside the one of GraphQL: %v", snapshot.Faults)
				}
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 60)
				checkKitchen(t, alexa.ByID(snapshot)[alexa.KitchenID], test.online, test.pm25)
			})
		})
	}
}

func TestLastSeen(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's time begins
	for name, test := range map[string]struct {
		stamp string
		want  time.Time
		fault bool
	}{
		"seconds":         {`"1999-12-31T23:00:00Z"`, start.Add(-time.Hour), false},
		"milliseconds":    {`"1999-12-31T23:00:00.250Z"`, start.Add(-time.Hour + 250*time.Millisecond), false},
		"another zone":    {`"2000-01-01T00:00:00+01:00"`, start.Add(-time.Hour), false},
		"a little ahead":  {`"2000-01-01T00:10:00Z"`, start.Add(10 * time.Minute), false},
		"two days ahead":  {`"2000-01-03T00:00:00Z"`, time.Time{}, false},
		"null":            {`null`, time.Time{}, false},
		"milliseconds UT": {`946681200000`, time.Time{}, true},
		"a word":          {`"yesterday"`, time.Time{}, true},
		"an object":       {`{}`, time.Time{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(nil, alexa.JSON(fmt.Sprintf(`{"data":{"listEndpoints":{"endpoints":[%s,%s]}}}`,
					alexa.Endpoint(alexa.Kitchen, fmt.Sprintf(`{"name":"range","instance":"6","properties":[{"rangeValue":{"value":7},"timeOfSample":%s}]}`, test.stamp)),
					alexa.Endpoint(alexa.Cellar, ``))))
				snapshot := h.Poll()
				d := alexa.ByID(snapshot)[alexa.KitchenID]
				if !d.LastSeen.Equal(test.want) || (!d.LastSeen.IsZero() && d.LastSeen.Location() != time.UTC) {
					t.Errorf("last seen %v, want %v", d.LastSeen, test.want)
				}
				alexa.WantNumber(t, d, collectors.PM25, 7)
				if test.fault != (len(snapshot.Faults) > 0) {
					t.Errorf("faults: %v", snapshot.Faults)
				}
			})
		})
	}
}

func TestLastSeenIsTheNewest(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		at := func(instance, stamp string) string {
			return fmt.Sprintf(`{"name":"range","instance":%q,"properties":[{"rangeValue":{"value":7},"timeOfSample":%q}]}`, instance, stamp)
		}
		h.Account.Script(nil, alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[`+alexa.Endpoint(alexa.Cellar, ``)+`,`+alexa.Endpoint(alexa.Kitchen,
			at("4", "1999-12-31T10:00:00Z")+`,`+at("5", "1999-12-31T12:00:00Z")+`,`+at("6", "1999-12-31T11:00:00Z"))+`]}}}`))
		if got, want := h.CleanPoll()[alexa.KitchenID].LastSeen, time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC); !got.Equal(want) {
			t.Errorf("last seen %v, want %v", got, want)
		}
	})
}

// A range that Alexa does not find is not there; one that it can't read is.
func TestMeasurementsOfFailedProperties(t *testing.T) {
	for code, measured := range map[string]bool{"NOT_FOUND": false, "INTERNAL_ERROR": true, "ENDPOINT_UNREACHABLE": true} {
		t.Run(code, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + alexa.Endpoint(alexa.Kitchen, ``) + `,` +
					alexa.Endpoint(alexa.Cellar, alexa.RangeFeature("6", "7")+`,`+failing("7", `{"type":"`+code+`"}`)) + `]}}}`))
				if _, got := alexa.ByID(h.Poll())[alexa.CellarID].Readings[collectors.PM10]; got != measured {
					t.Errorf("PM10 is measured: %t, want %t", got, measured)
				}
			})
		})
	}
}

// What GraphQL says of a monitor beside the data is seen by its being away.
func TestErrorsBesideTheData(t *testing.T) {
	for code, reported := range map[string]bool{"ENDPOINT_UNREACHABLE": false, "NOT_FOUND": false, "INTERNAL_ERROR": true} {
		t.Run(code, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + alexa.Endpoint(alexa.Kitchen, alexa.RangeFeature("6", "7")) + `,` +
					alexa.Endpoint(alexa.Cellar, ``) + `]}},"errors":[{"message":"some message","extensions":{"code":"` + code + `"}}]}`))
				snapshot := h.Poll()
				if reported {
					alexa.WantFault(t, snapshot, code, "some message")
				} else if len(snapshot.Faults) > 0 {
					t.Errorf("faults: %v", snapshot.Faults)
				}
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.PM25, 7)
			})
		})
	}
}

// A thousand broken entries are reported together.
func TestFaultsAreBounded(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[5` + strings.Repeat(`,5`, 999) + `]}}}`))
		snapshot := h.Poll()
		if n := len(snapshot.Faults); n != 51 {
			t.Errorf("%d faults, want 50 and one about the rest", n)
		}
		alexa.WantFault(t, snapshot, "and 950 more")
		alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 48)
	})
}
