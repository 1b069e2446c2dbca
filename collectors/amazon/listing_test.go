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
	"hueair2mqtt/test/harness/alexa"
)

var refused = amazontest.Status(400, nil, "")

func TestEntities(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the present one fails":       refused,
		"the present one finds none":  alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`),
		"the present one is rejected": alexa.JSON(`{"data":null,"errors":[{"message":"field listEndpoints is undefined"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(answer)
				var snapshot collectors.Snapshot
				if n := h.Counting("", func() { snapshot = h.Poll() }); n != 3 {
					t.Errorf("%d calls, want 3: two listings and the readings", n)
				}
				if n := h.Account.Requests(amazontest.PhoenixPath); n != 1 {
					t.Errorf("%d requests to %s, want 1: the entities have no endpoint ids", n, amazontest.PhoenixPath)
				}
				d := alexa.ByID(snapshot)[alexa.KitchenID]
				if d.Name != "Kitchen" || d.Serial != alexa.Kitchen.Serial || d.Manufacturer != "Amazon" || d.Area != "Ground floor" {
					t.Errorf("device %+v", d)
				}
				alexa.WantNumber(t, d, collectors.PM10, 14)
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 61.2)
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
		if !strings.Contains(entity(alexa.Kitchen), old) {
			t.Fatalf("%s holds no %s", entity(alexa.Kitchen), old)
		}
		return strings.Replace(entity(alexa.Kitchen), old, changed, 1)
	}
	byEntity := "amazon_" + strings.ReplaceAll(alexa.Kitchen.EntityID, "-", "_")
	tests := map[string]struct {
		entry string
		id    string // "" is that the entry is left out
		fault string
	}{
		"good":                      {entity(alexa.Kitchen), alexa.KitchenID, ""},
		"known by its description":  {with(kind, ""), alexa.KitchenID, ""},
		"known by its device type":  {strings.Replace(with(says, ""), `"deviceType":null`, `"deviceType":"AEZME1X38KDRA"`, 1), alexa.KitchenID, ""},
		"flat":                      {fmt.Sprintf(`{"id":%q,"deviceType":"AIR_QUALITY_MONITOR","serialNumber":"G0A1K2",`+says+`"providerData":null}`, alexa.Kitchen.EntityID), alexa.KitchenID, ""},
		"a light":                   {strings.Replace(with(kind, `"deviceType":"LIGHT",`), says, "", 1), "", ""},
		"a group":                   {with("APPLIANCE", "GROUP"), "", ""},
		"serials null":              {with(serials, "null"), byEntity, ""},
		"no serials":                {with(serials, "[]"), byEntity, ""},
		"serials an object":         {with(serials, "{}"), byEntity, "dmsDeviceIdentifiers: an object"},
		"serials of nulls":          {with(serials, `[null,{},{"deviceSerialNumber":null},{"deviceSerialNumber":"G0A1K2"}]`), alexa.KitchenID, ""},
		"the provider's a text":     {`{"id":"x","providerData":"x"}`, "", "providerData: text"},
		"the id is a list":          {with(`"`+alexa.Kitchen.EntityID+`"`, "[]"), alexa.KitchenID, "id: a list"},
		"nothing to know it by":     {`{` + says + `"id":null}`, "", "no serial number, entity id or endpoint id"},
		"an entry is text":          {`"x"`, "", "listed entity 0: text"},
		"an entry is null":          {`null`, "", "listed entity 0: nothing"},
		"twice the same":            {entity(alexa.Kitchen) + `,` + entity(alexa.Kitchen), alexa.KitchenID, "listed more than once"},
		"an endless id":             {with(alexa.Kitchen.EntityID, strings.Repeat("a", 2000)), alexa.KitchenID, "not an id"},
		"a name that is an object ": {with(`"Kitchen"`, "{}"), alexa.KitchenID, "displayName: an object"},
	}
	for name, test := range tests {
		for form, body := range map[string]string{"": "[%s,%s]", " in an object": `{"entities":[%s,%s]}`} {
			t.Run(name+form, func(t *testing.T) {
				alexa.Run(t, func(h *alexa.Home) {
					h.Account.Script(refused, alexa.JSON(fmt.Sprintf(body, test.entry, entity(alexa.Cellar))))
					snapshot := h.Poll()
					want := []string{alexa.CellarID}
					if test.id != "" {
						want = append(want, test.id)
					}
					slices.Sort(want)
					if got := slices.Sorted(maps.Keys(alexa.ByID(snapshot))); !slices.Equal(got, want) {
						t.Errorf("devices %q, want %q", got, want)
					}
					if test.fault != "" {
						alexa.WantFault(t, snapshot, test.fault)
					} else if len(snapshot.Faults) != 1 {
						t.Errorf("faults, beside the one of the listing: %v", snapshot.Faults)
					}
					alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 61.2)
					if d := alexa.ByID(snapshot)[test.id]; test.id != "" && d.Online {
						alexa.WantNumber(t, d, collectors.Humidity, 48)
						alexa.WantNumber(t, d, collectors.PM10, 14)
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
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(refused, alexa.JSON(body))
				_, err := h.Collect()
				alexa.WantClass(t, err, collectors.Permanent)
				h.CleanPoll()
			})
		})
	}
}

func TestListingInOtherShapes(t *testing.T) {
	without := func(part string) string {
		entry := listed(alexa.Kitchen)
		if !strings.Contains(entry, part) {
			t.Fatalf("%s holds no %s", entry, part)
		}
		return strings.Replace(entry, part, "null", 1)
	}
	byEntity := "amazon_" + strings.ReplaceAll(alexa.Kitchen.EntityID, "-", "_")
	byEndpoint := "amazon_" + strings.NewReplacer("-", "_", ".", "_").Replace(alexa.Kitchen.EndpointID())
	serial := `{"value":{"text":"` + alexa.Kitchen.Serial + `"}}`
	tests := map[string]struct {
		entry string
		id    string // "" is that the entry is left out
		fault string
	}{
		"good":                      {listed(alexa.Kitchen), alexa.KitchenID, ""},
		"nothing but a serial":      {`{"id":"x","serialNumber":` + serial + `}`, alexa.KitchenID, ""},
		"no serial":                 {without(serial), byEntity, ""},
		"an empty serial":           {without(`"` + alexa.Kitchen.Serial + `"`), byEntity, ""},
		"a numeric serial":          {strings.Replace(listed(alexa.Kitchen), `"G0A1K2"`, `12345`, 1), "amazon_12345", ""},
		"no serial and no entity":   {fmt.Sprintf(`{"id":%q}`, alexa.Kitchen.EndpointID()), byEndpoint, ""},
		"no identifiers":            {without(`{"chrsIdentifier":{"entityId":"` + alexa.Kitchen.EntityID + `"}}`), alexa.KitchenID, ""},
		"no name":                   {without(`{"value":{"text":"Kitchen"}}`), alexa.KitchenID, ""},
		"a name as text":            {strings.Replace(listed(alexa.Kitchen), `{"value":{"text":"Kitchen"}}`, `"Kitchen"`, 1), alexa.KitchenID, "friendlyNameObject: text"},
		"a serial as list":          {strings.Replace(listed(alexa.Kitchen), serial, `[]`, 1), byEntity, "serialNumber: a list"},
		"a serial of signs":         {strings.Replace(listed(alexa.Kitchen), alexa.Kitchen.Serial, `!?`, 1), byEntity, ""},
		"an endless entity id":      {strings.Replace(listed(alexa.Kitchen), alexa.Kitchen.EntityID, strings.Repeat("a", 2000), 1), alexa.KitchenID, "not an id"},
		"nothing to know it by":     {`{"friendlyNameObject":{"value":{"text":"Kitchen"}}}`, "", "no serial number, entity id or endpoint id"},
		"an Echo":                   {strings.Replace(listed(alexa.Kitchen), `{`, `{"displayCategories":{"primary":{"value":"ALEXA_VOICE_ENABLED"}},`, 1), "", ""},
		"its category":              {strings.Replace(listed(alexa.Kitchen), `{`, `{"displayCategories":{"primary":{"value":"AIR_QUALITY_MONITOR"}},`, 1), alexa.KitchenID, ""},
		"categories null":           {strings.Replace(listed(alexa.Kitchen), `{`, `{"displayCategories":null,`, 1), alexa.KitchenID, ""},
		"an entry is null":          {`null`, "", "listed endpoint 0: nothing"},
		"an entry is text":          {`"x"`, "", "listed endpoint 0: text"},
		"twice the same":            {listed(alexa.Kitchen) + `,` + listed(alexa.Kitchen), alexa.KitchenID, "listed more than once"},
		"the same by another field": {listed(alexa.Kitchen) + `,{"id":"x","serialNumber":{"value":{"text":"g0a1k2"}}}`, alexa.KitchenID, "listed more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + test.entry + `,` + listed(alexa.Cellar) + `]}}}`))
				snapshot := h.Poll()
				want := []string{alexa.CellarID}
				if test.id != "" {
					want = append(want, test.id)
				}
				slices.Sort(want)
				if got := slices.Sorted(maps.Keys(alexa.ByID(snapshot))); !slices.Equal(got, want) {
					t.Errorf("devices %q, want %q", got, want)
				}
				if test.fault != "" {
					alexa.WantFault(t, snapshot, test.fault)
				}
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 61.2)
			})
		})
	}
}

func TestEmptyOrFailedListingKeepsTheMonitors(t *testing.T) {
	empty := alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`)
	noEntities := alexa.JSON(`[]`)
	tests := map[string]struct {
		answers []http.HandlerFunc
		fault   string
	}{
		"empty":           {[]http.HandlerFunc{empty, noEntities}, "listed no air quality monitor"},
		"empty, then bad": {[]http.HandlerFunc{empty, refused}, "listing the monitors failed"},
		"bad, then empty": {[]http.HandlerFunc{refused, noEntities}, "listed no air quality monitor"},
		"bad twice":       {[]http.HandlerFunc{refused, refused}, "listing the monitors failed"},
		"silent":          {[]http.HandlerFunc{amazontest.Hang, amazontest.Hang, amazontest.Hang}, "listing the monitors failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				time.Sleep(time.Hour)
				h.Account.Script(test.answers...)
				var snapshot collectors.Snapshot
				n := h.Counting("", func() { snapshot = h.Poll() })
				if want := len(test.answers) + 1; n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
				alexa.WantFault(t, snapshot, test.fault, "2 known ones are kept")
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 48)
				alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.CellarID], collectors.Humidity, 61.2)

				time.Sleep(alexa.Interval)
				if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
					t.Errorf("the next poll made %d calls, want 1: the listing waits for the next hour", n)
				}
				time.Sleep(time.Hour)
				if n := h.Counting("", func() { h.CleanPoll() }); n != 2 {
					t.Errorf("the poll an hour later made %d calls, want 2", n)
				}
			})
		})
	}
}

func TestLaterListingRefused(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		time.Sleep(time.Hour)
		h.Account.Revoke()
		n := h.Counting("", func() {
			_, err := h.Collect()
			alexa.WantAuthentication(t, err, "HTTP 401", h.Cookies)
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
		"empty, then refused":    {[]http.HandlerFunc{alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`), amazontest.SignInPage}, collectors.Authentication},
		"silent":                 {[]http.HandlerFunc{amazontest.Hang, amazontest.Hang, amazontest.Hang}, collectors.Transient},
		"empty, then broken off": {[]http.HandlerFunc{alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`), amazontest.Truncated, amazontest.Truncated, amazontest.Truncated}, collectors.Transient},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(test.answers...)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantClass(t, err, test.class)
				})
				if n != len(test.answers) {
					t.Errorf("%d calls, want %d", n, len(test.answers))
				}
				h.CleanPoll()
			})
		})
	}
}

func TestAccountWithoutMonitors(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.RemoveMonitor(alexa.Kitchen.Serial)
		h.Account.RemoveMonitor(alexa.Cellar.Serial)
		for range 2 { // each poll looks again
			var snapshot collectors.Snapshot
			if n := h.Counting("", func() { snapshot = h.Poll() }); n != 2 {
				t.Errorf("%d calls, want 2: the two ways to list", n)
			}
			if len(snapshot.Devices) != 0 {
				t.Errorf("devices %v, want none", snapshot.Devices)
			}
			alexa.WantFault(t, snapshot, "no air quality monitor", "amazon.co.uk")
		}
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`), refused)
		alexa.WantFault(t, h.Poll(), "asking for the entities failed")

		h.Account.SetMonitor(alexa.Kitchen)
		alexa.WantNumber(t, h.CleanPoll()[alexa.KitchenID], collectors.Humidity, 48)
	})
}

func TestMonitorsComeAndGo(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		h.Account.RemoveMonitor(alexa.Cellar.Serial)
		attic := alexa.Cellar
		attic.Serial, attic.EntityID, attic.ApplianceID, attic.Name = "G0ATTIC", "e-attic", "", "Attic"
		h.Account.SetMonitor(attic)
		time.Sleep(time.Hour)
		if got, want := slices.Sorted(maps.Keys(h.CleanPoll())), []string{alexa.KitchenID, "amazon_g0attic"}; !slices.Equal(got, want) {
			t.Errorf("devices %q, want %q", got, want)
		}
	})
}

// A serial number that is left out of one listing does not make another device.
func TestIDSurvivesAMissingSerial(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		time.Sleep(time.Hour)
		anonymous := fmt.Sprintf(`{"id":%q}`, alexa.Kitchen.EndpointID())
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + anonymous + `,` + listed(alexa.Cellar) + `]}}}`))
		d := h.CleanPoll()[alexa.KitchenID]
		if d.Serial != alexa.Kitchen.Serial || d.Name != "Kitchen" || d.Area != "Ground floor" {
			t.Errorf("device %+v lost what was known of it", d)
		}
		alexa.WantNumber(t, d, collectors.PM10, 14)
	})
}

// A monitor with another serial number is another one, whatever else it shares.
func TestNewSerialIsANewDevice(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		time.Sleep(time.Hour)
		other := alexa.Kitchen
		other.Serial = "G0NEW"
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + listed(other) + `,` + listed(alexa.Cellar) + `]}}}`))
		if got, want := slices.Sorted(maps.Keys(h.CleanPoll())), []string{alexa.CellarID, "amazon_g0new"}; !slices.Equal(got, want) {
			t.Errorf("devices %q, want %q", got, want)
		}
	})
}

func TestDevicesAreSorted(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[` + listed(alexa.Cellar) + `,` + listed(alexa.Kitchen) + `]}}}`))
		if devices := h.Poll().Devices; len(devices) != 2 || devices[0].ID != alexa.KitchenID {
			t.Errorf("devices %v, want the kitchen first", devices)
		}
	})
}

// PM10 stays once it was seen, so that nothing vanishes from a dashboard.
func TestMeasurementsAreKeptWhenMissing(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		less := alexa.Kitchen
		less.NoPM10 = true
		h.Account.SetMonitor(less)
		alexa.WantUnknown(t, h.CleanPoll()[alexa.KitchenID], collectors.PM10)
		time.Sleep(time.Hour)
		alexa.WantUnknown(t, h.CleanPoll()[alexa.KitchenID], collectors.PM10)
	})
}

// Monitors without an endpoint id are read by phoenix alone; one without any id
// for it is offline.
func TestMonitorsWithoutEndpointID(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.Script(refused, alexa.JSON(`[`+entity(alexa.Kitchen)+`,`+strings.Replace(entity(alexa.Cellar), alexa.Cellar.EntityID, "", 1)+`]`))
		for range 2 {
			var snapshot collectors.Snapshot
			before := h.Account.Requests(amazontest.GraphQLPath)
			if n := h.Counting(amazontest.PhoenixPath, func() { snapshot = h.Poll() }); n != 1 {
				t.Errorf("%d calls to %s, want 1", n, amazontest.PhoenixPath)
			}
			if n := h.Account.Requests(amazontest.GraphQLPath); before > 0 && n != before {
				t.Errorf("GraphQL was asked %d times more, want none", n-before)
			}
			alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 48)
			alexa.WantOffline(t, alexa.ByID(snapshot)[alexa.CellarID])
		}
		h.Account.ScriptPath(amazontest.PhoenixPath, refused)
		_, err := h.Collect()
		alexa.WantClass(t, err, collectors.Permanent)
	})
}

func TestMonitorWithoutIDsIsOffline(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		h.Account.RemoveMonitor(alexa.Cellar.Serial)
		m := alexa.Kitchen
		m.EntityID, m.ApplianceID = "", ""
		h.Account.SetMonitor(m)
		alexa.WantNumber(t, h.CleanPoll()[alexa.KitchenID], collectors.Humidity, 48)
		h.Account.Script(alexa.JSON(`{"data":{"listEndpoints":{"endpoints":[]}}}`))
		snapshot := h.Poll()
		alexa.WantOffline(t, alexa.ByID(snapshot)[alexa.KitchenID])
		alexa.WantFault(t, snapshot, "1 monitors are missing", "no entity id")
		h.Account.Script(refused)
		_, err := h.Collect()
		alexa.WantClass(t, err, collectors.Permanent)
	})
}

// Where no monitor is listed, the user reads whose account that is, and that another
// adult's devices may be missing.
func TestNoMonitorNamesTheAccount(t *testing.T) {
	empty := func(a *amazontest.Account) {
		a.RemoveMonitor(alexa.Kitchen.Serial)
		a.RemoveMonitor(alexa.Cellar.Serial)
	}
	t.Run("signed in", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			empty(h.Account)
			h.SignIn("amazon.co.uk")
			alexa.WantFault(t, h.Poll(), "no air quality monitor", "the account of "+amazontest.Holder+" at amazon.co.uk", "another adult of the household")
			if advice := h.Collector.Advise(nil); !strings.Contains(advice, amazontest.Holder) || !strings.Contains(advice, "another adult") {
				t.Errorf("the advice is %q", advice)
			}
		})
	})
	t.Run("a browser's cookies", func(t *testing.T) {
		alexa.Run(t, func(h *alexa.Home) {
			empty(h.Account)
			alexa.WantFault(t, h.Poll(), "no air quality monitor", "the account at amazon.co.uk whose cookies are in "+h.Cookies, "another adult of the household")
		})
	})
}
