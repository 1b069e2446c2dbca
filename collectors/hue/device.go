package hue

import (
	"slices"

	"hueair2mqtt/collectors"
)

// device is a piece of hardware.
type device struct {
	Metadata struct {
		Name label `json:"name"`
	} `json:"metadata"`
	ProductData struct {
		ManufacturerName label `json:"manufacturer_name"`
		ModelID          label `json:"model_id"`
		SoftwareVersion  label `json:"software_version"`
	} `json:"product_data"`
	Services list[reference] `json:"services"` // nil: the bridge does not say
}

// hasOwnID reports whether the device has no Zigbee radio, as cameras and doorbells
// have none.
func (d *device) hasOwnID() bool {
	return d.Services != nil && !slices.ContainsFunc(d.Services, func(s reference) bool {
		return s.RType == "zigbee_connectivity" || s.RType == "zgp_connectivity"
	})
}

func (d *device) describe(to *collectors.Device) {
	to.Name = string(d.Metadata.Name)
	to.Manufacturer = string(d.ProductData.ManufacturerName)
	to.Model = string(d.ProductData.ModelID)
	to.SoftwareVersion = string(d.ProductData.SoftwareVersion)
}
