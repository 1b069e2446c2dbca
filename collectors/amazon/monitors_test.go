package amazon_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
)

var refused = amazontest.Status(400, nil, "")

func TestEntities(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the present one fails":       refused,
		"the present one finds none":  graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`),
		"the present one is rejected": graphQL(`{"data":null,"errors":[{"message":"field listEndpoints is undefined"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.account.Script(answer)
				var snapshot collectors.Snapshot
				if n := h.counting("", func() { snapshot = h.poll() }); n != 3 {
					t.Errorf("%d calls, want 3: two listings and the readings", n)
				}
				if n := h.account.Requests(amazontest.PhoenixPath); n != 1 {
					t.Errorf("%d requests to %s, want 1: the entities have no endpoint ids", n, amazontest.PhoenixPath)
				}
				d := byID(snapshot)[kitchenID]
				if d.Name != "Kitchen" || d.Serial != kitchen.Serial || d.Manufacturer != "Amazon" || d.Area != "Ground floor" {
					t.Errorf("device %+v", d)
				}
				wantNumber(t, d, collectors.PM10, 14)
				wantNumber(t, byID(snapshot)[cellarID], collectors.Humidity, 61.2)
			})
		})
	}
}

// listed is an entry of an answer to the present listing.
func listed(m amazontest.Monitor) string {
	return fmt.Sprintf(`{"id":%q,"serialNumber":{"value":{"text":%q}},"friendlyNameObject":{"value":{"text":%q}},"manufacturer":{"value":{"text":"Amazon"}},"legacyIdentifiers":{"chrsIdentifier":{"entityId":%q}}}`,
		m.EndpointID(), m.Serial, m.Name, m.EntityID)
}

// entity is an entry of an answer with the entities.
func entity(m amazontest.Monitor) string {
	return fmt.Sprintf(`{"id":%q,"displayName":%q,"description":"Amazon Indoor Air Quality Monitor","availability":"AVAILABLE","providerData":`+
		`{"enabled":true,"categoryType":"APPLIANCE","deviceType":"AIR_QUALITY_MONITOR","dmsDeviceIdentifiers":[{"deviceSerialNumber":%q,"deviceType":null}]}}`,
		m.EntityID, m.Name, m.Serial)
}

func TestEntitiesInOtherShapes(t *testing.T) {
	const (
		serials = `[{"deviceSerialNumber":"G0A1K2","deviceType":null}]`
		kind    = `"deviceType":"AIR_QUALITY_MONITOR",`
		says    = `"description":"Amazon Indoor Air Quality Monitor",`
	)
	with := func(old, changed string) string {
		if !strings.Contains(entity(kitchen), old) {
			t.Fatalf("%s holds no %s", entity(kitchen), old)
		}
		return strings.Replace(entity(kitchen), old, changed, 1)
	}
	byEntity := "amazon_" + strings.ReplaceAll(kitchen.EntityID, "-", "_")
	tests := map[string]struct {
		entry string
		id    string // "" is that the entry is left out
		fault string
	}{
		"good":                      {entity(kitchen), kitchenID, ""},
		"known by its description":  {with(kind, ""), kitchenID, ""},
		"known by its device type":  {strings.Replace(with(says, ""), `"deviceType":null`, `"deviceType":"AEZME1X38KDRA"`, 1), kitchenID, ""},
		"flat":                      {fmt.Sprintf(`{"id":%q,"deviceType":"AIR_QUALITY_MONITOR","serialNumber":"G0A1K2",`+says+`"providerData":null}`, kitchen.EntityID), kitchenID, ""},
		"a light":                   {strings.Replace(with(kind, `"deviceType":"LIGHT",`), says, "", 1), "", ""},
		"a group":                   {with("APPLIANCE", "GROUP"), "", ""},
		"serials null":              {with(serials, "null"), byEntity, ""},
		"no serials":                {with(serials, "[]"), byEntity, ""},
		"serials an object":         {with(serials, "{}"), byEntity, "dmsDeviceIdentifiers: an object"},
		"serials of nulls":          {with(serials, `[null,{},{"deviceSerialNumber":null},{"deviceSerialNumber":"G0A1K2"}]`), kitchenID, ""},
		"the provider's a text":     {`{"id":"x","providerData":"x"}`, "", "providerData: text"},
		"the id is a list":          {with(`"`+kitchen.EntityID+`"`, "[]"), kitchenID, "id: a list"},
		"nothing to know it by":     {`{` + says + `"id":null}`, "", "no serial number, entity id or endpoint id"},
		"an entry is text":          {`"x"`, "", "listed entity 0: text"},
		"an entry is null":          {`null`, "", "listed entity 0: nothing"},
		"twice the same":            {entity(kitchen) + `,` + entity(kitchen), kitchenID, "listed more than once"},
		"an endless id":             {with(kitchen.EntityID, strings.Repeat("a", 2000)), kitchenID, "no id"},
		"a name that is an object ": {with(`"Kitchen"`, "{}"), kitchenID, "displayName: an object"},
	}
	for name, test := range tests {
		for form, body := range map[string]string{"": "[%s,%s]", " in an object": `{"entities":[%s,%s]}`} {
			t.Run(name+form, func(t *testing.T) {
				inHome(t, func(h *testHome) {
					h.account.Script(refused, graphQL(fmt.Sprintf(body, test.entry, entity(cellar))))
					snapshot := h.poll()
					want := []string{cellarID}
					if test.id != "" {
						want = append(want, test.id)
					}
					slices.Sort(want)
					if got := slices.Sorted(maps.Keys(byID(snapshot))); !slices.Equal(got, want) {
						t.Errorf("devices %q, want %q", got, want)
					}
					if test.fault != "" {
						wantFault(t, snapshot, test.fault)
					} else if len(snapshot.Faults) != 1 {
						t.Errorf("faults, beside the one of the listing: %v", snapshot.Faults)
					}
					wantNumber(t, byID(snapshot)[cellarID], collectors.Humidity, 61.2)
					if d := byID(snapshot)[test.id]; test.id != "" && d.Online {
						wantNumber(t, d, collectors.Humidity, 48)
						wantNumber(t, d, collectors.PM10, 14)
					}
				})
			})
		}
	}
}

func TestMalformedEntities(t *testing.T) {
	for name, body := range map[string]string{
		"a page": `<html>`, "empty": ``, "null": `null`, "a text": `"x"`, "an object": `{}`, "a message": `{"message":"no"}`, "cut short": `[{"id`,
	} {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.account.Script(refused, graphQL(body))
				_, err := h.collect()
				wantClass(t, err, collectors.Permanent)
				h.cleanPoll()
			})
		})
	}
}

func TestListingInOtherShapes(t *testing.T) {
	without := func(part string) string {
		entry := listed(kitchen)
		if !strings.Contains(entry, part) {
			t.Fatalf("%s holds no %s", entry, part)
		}
		return strings.Replace(entry, part, "null", 1)
	}
	byEntity := "amazon_" + strings.ReplaceAll(kitchen.EntityID, "-", "_")
	byEndpoint := "amazon_" + strings.NewReplacer("-", "_", ".", "_").Replace(kitchen.EndpointID())
	serial := `{"value":{"text":"` + kitchen.Serial + `"}}`
	tests := map[string]struct {
		entry string
		id    string // "" is that the entry is left out
		fault string
	}{
		"good":                      {listed(kitchen), kitchenID, ""},
		"nothing but a serial":      {`{"id":"x","serialNumber":` + serial + `}`, kitchenID, ""},
		"no serial":                 {without(serial), byEntity, ""},
		"an empty serial":           {without(`"` + kitchen.Serial + `"`), byEntity, ""},
		"a numeric serial":          {strings.Replace(listed(kitchen), `"G0A1K2"`, `12345`, 1), "amazon_12345", ""},
		"no serial and no entity":   {fmt.Sprintf(`{"id":%q}`, kitchen.EndpointID()), byEndpoint, ""},
		"no identifiers":            {without(`{"chrsIdentifier":{"entityId":"` + kitchen.EntityID + `"}}`), kitchenID, ""},
		"no name":                   {without(`{"value":{"text":"Kitchen"}}`), kitchenID, ""},
		"a name as text":            {strings.Replace(listed(kitchen), `{"value":{"text":"Kitchen"}}`, `"Kitchen"`, 1), kitchenID, "friendlyNameObject: text"},
		"a serial as list":          {strings.Replace(listed(kitchen), serial, `[]`, 1), byEntity, "serialNumber: a list"},
		"a serial of signs":         {strings.Replace(listed(kitchen), kitchen.Serial, `!?`, 1), byEntity, ""},
		"an endless entity id":      {strings.Replace(listed(kitchen), kitchen.EntityID, strings.Repeat("a", 2000), 1), kitchenID, "no id"},
		"nothing to know it by":     {`{"friendlyNameObject":{"value":{"text":"Kitchen"}}}`, "", "no serial number, entity id or endpoint id"},
		"an Echo":                   {strings.Replace(listed(kitchen), `{`, `{"displayCategories":{"primary":{"value":"ALEXA_VOICE_ENABLED"}},`, 1), "", ""},
		"its category":              {strings.Replace(listed(kitchen), `{`, `{"displayCategories":{"primary":{"value":"AIR_QUALITY_MONITOR"}},`, 1), kitchenID, ""},
		"categories null":           {strings.Replace(listed(kitchen), `{`, `{"displayCategories":null,`, 1), kitchenID, ""},
		"an entry is null":          {`null`, "", "listed endpoint 0: nothing"},
		"an entry is text":          {`"x"`, "", "listed endpoint 0: text"},
		"twice the same":            {listed(kitchen) + `,` + listed(kitchen), kitchenID, "listed more than once"},
		"the same by another field": {listed(kitchen) + `,{"id":"x","serialNumber":{"value":{"text":"g0a1k2"}}}`, kitchenID, "listed more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[` + test.entry + `,` + listed(cellar) + `]}}}`))
				snapshot := h.poll()
				want := []string{cellarID}
				if test.id != "" {
					want = append(want, test.id)
				}
				slices.Sort(want)
				if got := slices.Sorted(maps.Keys(byID(snapshot))); !slices.Equal(got, want) {
					t.Errorf("devices %q, want %q", got, want)
				}
				if test.fault != "" {
					wantFault(t, snapshot, test.fault)
				}
				wantNumber(t, byID(snapshot)[cellarID], collectors.Humidity, 61.2)
			})
		})
	}
}

func TestEmptyOrFailedListingKeepsTheMonitors(t *testing.T) {
	empty := graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`)
	noEntities := graphQL(`[]`)
	tests := map[string]struct {
		answers []http.HandlerFunc
		fault   string
	}{
		"empty":           {[]http.HandlerFunc{empty, noEntities}, "not believed"},
		"empty, then bad": {[]http.HandlerFunc{empty, refused}, "listing the monitors failed"},
		"bad, then empty": {[]http.HandlerFunc{refused, noEntities}, "not believed"},
		"bad twice":       {[]http.HandlerFunc{refused, refused}, "listing the monitors failed"},
		"silent":          {[]http.HandlerFunc{amazontest.Hang, amazontest.Hang, amazontest.Hang}, "listing the monitors failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.cleanPoll()
				time.Sleep(time.Hour)
				h.account.Script(test.answers...)
				var snapshot collectors.Snapshot
				n := h.counting("", func() { snapshot = h.poll() })
				if want := len(test.answers) + 1; n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
				wantFault(t, snapshot, test.fault, "2 known ones are kept")
				wantNumber(t, byID(snapshot)[kitchenID], collectors.Humidity, 48)
				wantNumber(t, byID(snapshot)[cellarID], collectors.Humidity, 61.2)

				time.Sleep(interval)
				if n := h.counting("", func() { h.cleanPoll() }); n != 1 {
					t.Errorf("the next poll made %d calls, want 1: the listing waits for the next hour", n)
				}
				time.Sleep(time.Hour)
				if n := h.counting("", func() { h.cleanPoll() }); n != 2 {
					t.Errorf("the poll an hour later made %d calls, want 2", n)
				}
			})
		})
	}
}

func TestLaterListingRefused(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		time.Sleep(time.Hour)
		h.account.Revoke()
		n := h.counting("", func() {
			_, err := h.collect()
			wantAuthentication(t, err, "HTTP 401", h.cookies)
		})
		if n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestFailedFirstListingEndsThePoll(t *testing.T) {
	tests := map[string]struct {
		answers []http.HandlerFunc
		class   collectors.Class
	}{
		"both bad":               {[]http.HandlerFunc{refused, refused}, collectors.Permanent},
		"the entities refused":   {[]http.HandlerFunc{refused, amazontest.Status(403, nil, "")}, collectors.Authentication},
		"empty, then refused":    {[]http.HandlerFunc{graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`), amazontest.SignInPage}, collectors.Authentication},
		"silent":                 {[]http.HandlerFunc{amazontest.Hang, amazontest.Hang, amazontest.Hang}, collectors.Transient},
		"empty, then broken off": {[]http.HandlerFunc{graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`), amazontest.Truncated, amazontest.Truncated, amazontest.Truncated}, collectors.Transient},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.account.Script(test.answers...)
				n := h.counting("", func() {
					_, err := h.collect()
					wantClass(t, err, test.class)
				})
				if n != len(test.answers) {
					t.Errorf("%d calls, want %d", n, len(test.answers))
				}
				h.cleanPoll()
			})
		})
	}
}

func TestAccountWithoutMonitors(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.account.RemoveMonitor(kitchen.Serial)
		h.account.RemoveMonitor(cellar.Serial)
		for range 2 { // each poll looks again
			var snapshot collectors.Snapshot
			if n := h.counting("", func() { snapshot = h.poll() }); n != 2 {
				t.Errorf("%d calls, want 2: the two ways to list", n)
			}
			if len(snapshot.Devices) != 0 {
				t.Errorf("devices %v, want none", snapshot.Devices)
			}
			wantFault(t, snapshot, "no air quality monitor", "amazon.co.uk")
		}
		h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`), refused)
		wantFault(t, h.poll(), "asking for the entities failed")

		h.account.SetMonitor(kitchen)
		wantNumber(t, h.cleanPoll()[kitchenID], collectors.Humidity, 48)
	})
}

func TestMonitorsComeAndGo(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		h.account.RemoveMonitor(cellar.Serial)
		attic := cellar
		attic.Serial, attic.EntityID, attic.ApplianceID, attic.Name = "G0ATTIC", "e-attic", "", "Attic"
		h.account.SetMonitor(attic)
		time.Sleep(time.Hour)
		if got, want := slices.Sorted(maps.Keys(h.cleanPoll())), []string{kitchenID, "amazon_g0attic"}; !slices.Equal(got, want) {
			t.Errorf("devices %q, want %q", got, want)
		}
	})
}

// A serial number that is left out of one listing does not make another device.
func TestIDSurvivesAMissingSerial(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		time.Sleep(time.Hour)
		anonymous := fmt.Sprintf(`{"id":%q}`, kitchen.EndpointID())
		h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[` + anonymous + `,` + listed(cellar) + `]}}}`))
		d := h.cleanPoll()[kitchenID]
		if d.Serial != kitchen.Serial || d.Name != "Kitchen" || d.Area != "Ground floor" {
			t.Errorf("device %+v lost what was known of it", d)
		}
		wantNumber(t, d, collectors.PM10, 14)
	})
}

// A monitor with another serial number is another one, whatever else it shares.
func TestNewSerialIsANewDevice(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		time.Sleep(time.Hour)
		other := kitchen
		other.Serial = "G0NEW"
		h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[` + listed(other) + `,` + listed(cellar) + `]}}}`))
		if got, want := slices.Sorted(maps.Keys(h.cleanPoll())), []string{cellarID, "amazon_g0new"}; !slices.Equal(got, want) {
			t.Errorf("devices %q, want %q", got, want)
		}
	})
}

func TestDevicesAreSorted(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[` + listed(cellar) + `,` + listed(kitchen) + `]}}}`))
		if devices := h.poll().Devices; len(devices) != 2 || devices[0].ID != kitchenID {
			t.Errorf("devices %v, want the kitchen first", devices)
		}
	})
}

// PM10 stays once it was seen, so that nothing vanishes from a dashboard.
func TestMeasurementsAreKeptWhenMissing(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		less := kitchen
		less.NoPM10 = true
		h.account.SetMonitor(less)
		wantUnknown(t, h.cleanPoll()[kitchenID], collectors.PM10)
		time.Sleep(time.Hour)
		wantUnknown(t, h.cleanPoll()[kitchenID], collectors.PM10)
	})
}

// Monitors without an endpoint id are read by phoenix alone; one without any id
// for it is offline.
func TestMonitorsWithoutEndpointID(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.account.Script(refused, graphQL(`[`+entity(kitchen)+`,`+strings.Replace(entity(cellar), cellar.EntityID, "", 1)+`]`))
		for range 2 {
			var snapshot collectors.Snapshot
			before := h.account.Requests(amazontest.GraphQLPath)
			if n := h.counting(amazontest.PhoenixPath, func() { snapshot = h.poll() }); n != 1 {
				t.Errorf("%d calls to %s, want 1", n, amazontest.PhoenixPath)
			}
			if n := h.account.Requests(amazontest.GraphQLPath); before > 0 && n != before {
				t.Errorf("GraphQL was asked %d times more, want none", n-before)
			}
			wantNumber(t, byID(snapshot)[kitchenID], collectors.Humidity, 48)
			wantOffline(t, byID(snapshot)[cellarID])
		}
		h.account.ScriptPath(amazontest.PhoenixPath, refused)
		_, err := h.collect()
		wantClass(t, err, collectors.Permanent)
	})
}

func TestMonitorWithoutIDsIsOffline(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.account.RemoveMonitor(cellar.Serial)
		m := kitchen
		m.EntityID, m.ApplianceID = "", ""
		h.account.SetMonitor(m)
		wantNumber(t, h.cleanPoll()[kitchenID], collectors.Humidity, 48)
		h.account.Script(graphQL(`{"data":{"listEndpoints":{"endpoints":[]}}}`))
		snapshot := h.poll()
		wantOffline(t, byID(snapshot)[kitchenID])
		wantFault(t, snapshot, "1 monitors are missing", "no entity id")
		h.account.Script(refused)
		_, err := h.collect()
		wantClass(t, err, collectors.Permanent)
	})
}
