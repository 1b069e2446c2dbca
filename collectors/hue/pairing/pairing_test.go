package pairing_test

const (
	bridgeID = "001788FFFE010203"
	key      = "83b7780291a6ceffbe0bd049104df"
)
