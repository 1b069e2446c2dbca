package discovery

import "time"

// historyTime is RFC 3339 with microseconds, always as long: a database that takes
// time and device for the name of a point must not take two happenings of one
// second for one.
const historyTime = "2006-01-02T15:04:05.000000Z"

// History is a device's state of an earlier time, with that time in UTC and an id
// that is the same in every repetition.
func History(id string, at time.Time, state []byte) []byte {
	payload := make([]byte, 0, len(state)+80)
	payload = append(append(append(payload, `{"id":"`...), id...), `","time":"`...)
	payload = append(at.UTC().AppendFormat(payload, historyTime), `",`...)
	return append(payload, state[1:]...)
}
