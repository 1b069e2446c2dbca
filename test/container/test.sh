#!/bin/sh
# Builds the images of a release 1.0.0 twice and runs the tests of packages with the build
# tag "release". HUEAIR2MQTT_TEST_RELEASE and HUEAIR2MQTT_TEST_ELSEWHERE name existing builds
# to use instead. Needs root.
#
# usage: test.sh PACKAGE...
set -eu
cd "$(dirname "$0")/../.."
GO=${GO:-go}

[ "$(id -u)" = 0 ] || { echo "These tests start containers: run them as root (sudo make test-image)." >&2; exit 1; }

if [ -n "${HUEAIR2MQTT_TEST_RELEASE:-}" ]; then
	exec $GO test -tags release -count=1 -timeout 10m -v "$@"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DIST=$work/dist VERSION=1.0.0 packaging/deb/build.sh amd64 arm64
OWNER=example packaging/image/build.sh "$work/dist" 1.0.0
OWNER=example packaging/homeassistant/build.sh "$work/dist" 1.0.0
mkdir -p "$work/some/where/else"
cp "$work"/dist/*.deb "$work/some/where/else"
(cd / && TZ=Asia/Tokyo OWNER=example "$OLDPWD/packaging/image/build.sh" "$work/some/where/else" 1.0.0 >/dev/null)
(cd / && TZ=Asia/Tokyo OWNER=example "$OLDPWD/packaging/homeassistant/build.sh" "$work/some/where/else" 1.0.0 >/dev/null)

export HUEAIR2MQTT_TEST_RELEASE="$work/dist" HUEAIR2MQTT_TEST_ELSEWHERE="$work/some/where/else"
$GO test -tags release -count=1 -timeout 10m -v "$@"
