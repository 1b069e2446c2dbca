#!/bin/sh
# Builds the package, an older one to upgrade from, and the package again in another
# directory, makes the Debian systems to install it in, and runs the tests of this directory.
# Installs missing tools first. Needs root.
set -eu
cd "$(dirname "$0")/../.."
GO=${GO:-go}

# Make the Debian systems while the packages are built.
test/debian/debians.sh tools
test/debian/debians.sh & debians=$!

packaging/deb/build.sh
current=$(dpkg-deb --field dist/hueair2mqtt_*_amd64.deb Version)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ cat configs/hueair2mqtt.yaml; echo "# As an older version had it."; } >"$work/older.yaml"
VERSION=$current~previous CONFIG=$work/older.yaml DIST=$work packaging/deb/build.sh amd64

mkdir -p "$work/some/where/else"
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -c | tar -x -C "$work/some/where/else"
cp -a .git "$work/some/where/else/.git"
(cd "$work/some/where/else" && TZ=Asia/Tokyo LC_ALL=C.UTF-8 packaging/deb/build.sh >/dev/null)

wait $debians
export HUEAIR2MQTT_TEST_CURRENT="$PWD/dist" HUEAIR2MQTT_TEST_PREVIOUS="$work" HUEAIR2MQTT_TEST_ELSEWHERE="$work/some/where/else/dist"
$GO test -tags debian -count=1 -failfast -timeout 10m -v ./test/debian
