package amazon_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

func capability(fields string) string {
	return `{` + fields + `,"timeOfSample":"2025-01-14T18:53:07.120Z","uncertaintyInMilliseconds":0}`
}

// An answer of /api/phoenix/state as users of alexa_media_player have published it: of
// two monitors of Amazon one lacks EndpointHealth and instance 7, and the capabilities
// beside those that are read have shapes of their own.
func TestReplayOfPhoenix(t *testing.T) {
	alexa.Run(t, func(h *alexa.Home) {
		ranges := func(pairs ...any) (all []string) {
			for i := 0; i < len(pairs); i += 2 {
				all = append(all, capability(fmt.Sprintf(`"namespace":"Alexa.RangeController","name":"rangeValue","instance":%q,"value":%v`, pairs[i], pairs[i+1])))
			}
			return all
		}
		full := append(ranges("4", 48.0, "5", 3.0, "6", 12.0, "7", 12.0, "8", 0.0, "9", 88.0),
			capability(`"namespace":"Alexa.TemperatureSensor","name":"temperature","value":{"value":21.5,"scale":"CELSIUS"}`),
			capability(`"namespace":"Alexa.EndpointHealth","name":"connectivity","value":{"value":"OK"}`),
			capability(`"namespace":"Alexa.ToggleController","name":"toggleState","instance":"11","value":"ON"`),
			capability(`"namespace":"Alexa.ProactiveNotificationSource","name":"notificationConditions","instance":"9","value":[{"conditionType":"PropertyValueChange"}]`))
		sparse := append(ranges("9", 97, "8", 0, "6", 2, "5", 1, "4", 61.2),
			capability(`"namespace":"Alexa.TemperatureSensor","name":"temperature","value":{"value":50.0,"scale":"FAHRENHEIT"}`))
		state := func(m amazontest.Monitor, capabilities []string) string {
			texts, err := json.Marshal(capabilities)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf(`{"entity":{"entityId":%q,"entityType":"ENTITY"},"capabilityStates":%s,"error":null}`, m.EntityID, texts)
		}
		h.Account.ScriptPath(amazontest.PhoenixPath, alexa.JSON(`{"deviceStates":[`+state(alexa.Kitchen, full)+`,`+state(alexa.Cellar, sparse)+`],"errors":[
			{"entity":{"entityId":"3edebc66-7e84-4142-8ec7-191529e6c014","entityType":""},"code":"TargetApplianceNotFoundException","message":"x","data":null}]}`))
		h.Account.ScriptPath(amazontest.GraphQLPath, amazontest.Status(400, nil, `{"errors":[{"message":"x","extensions":{"errorCode":"INTERNAL_ERROR"}}]}`))
		devices := alexa.ByID(h.Poll())
		for id, want := range map[string]map[collectors.Measurement]float64{
			alexa.KitchenID: {collectors.Humidity: 48, collectors.VOCIndex: 3, collectors.PM25: 12, collectors.PM10: 12, collectors.CarbonMonoxide: 0, collectors.IndoorAirQuality: 88, collectors.Temperature: 21.5},
			alexa.CellarID:  {collectors.Humidity: 61.2, collectors.VOCIndex: 1, collectors.PM25: 2, collectors.CarbonMonoxide: 0, collectors.IndoorAirQuality: 97, collectors.Temperature: 10},
		} {
			d := devices[id]
			if !d.Online || len(d.Readings) != len(want) {
				t.Errorf("%s: online %t with %v", id, d.Online, d.Readings)
			}
			for m, number := range want {
				alexa.WantNumber(t, d, m, number)
			}
		}
	})
}
