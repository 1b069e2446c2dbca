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
	Services list[reference] `json:"services"` // nil: the bridge does not report them
}

// hasOwnID reports whether the device has no Zigbee radio, like cameras and doorbells.
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

// softwareUpdate is whether there is newer software for a device. The Hue bridge installs
// it.
type softwareUpdate struct {
	State *string `json:"state"`
}

func (u *softwareUpdate) measure(r *readings) {
	switch {
	case u.State == nil:
	case !collectors.SoftwareUpdate.Has(*u.State): // aiohue also has "unknown"
		r.set(collectors.SoftwareUpdate, collectors.Unknown)
	default:
		r.set(collectors.SoftwareUpdate, collectors.Text(*u.State))
	}
}
