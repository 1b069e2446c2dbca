package discovery

import "regexp"

// plainVersion is a version that can stand in a template as it is.
var plainVersion = regexp.MustCompile(`^[0-9A-Za-z._+-]{1,64}$`)

// updateTemplate makes what Home Assistant's update entities want of the state of a
// software update: two versions, which differ if there is an update. The newer
// one's number is not known; it is named after the state. Nothing comes of a state
// that is not known, and the entity stays as it is.
func updateTemplate(value, installed string) string {
	if !plainVersion.MatchString(installed) {
		installed = "installed"
	}
	return "{% set state = " + value + " | default(None) %}" +
		"{% if state %}{{ {'installed_version': '" + installed + "', 'latest_version': '" + installed + "' if state == 'no_update' else state | replace('_', ' '), " +
		"'in_progress': state == 'installing'} | tojson }}{% endif %}"
}
