// Command hueair2mqtt reads Philips Hue sensors and Amazon air quality monitors
// and publishes them over MQTT, announced to Home Assistant.
package main

import (
	"os"

	"hueair2mqtt/internal/cli"
)

func main() { os.Exit(cli.Main()) }
