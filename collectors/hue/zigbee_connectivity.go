package hue

// zigbeeConnectivity is the radio of a device.
type zigbeeConnectivity struct {
	MACAddress string `json:"mac_address"`
	Status     string `json:"status"`
}

func (z *zigbeeConnectivity) radio() (string, bool) { return z.MACAddress, isReachable(z.Status) }
