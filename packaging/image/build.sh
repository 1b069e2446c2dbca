#!/bin/sh
# Builds the container image and the image of the Home Assistant app, each for amd64 and
# arm64, as OCI archives:
#
#   DIST/hueair2mqtt-VERSION-oci.tar
#   DIST/hueair2mqtt-VERSION-homeassistant-oci.tar
#
# usage: build.sh DIST VERSION
#
# The program comes from the Debian packages in DIST, so that it is built once. OWNER is the
# GitHub account that publishes; without it the images don't name their sources. Builds are
# reproducible.
set -eu

[ $# -eq 2 ] || { echo "usage: build.sh DIST VERSION" >&2; exit 2; }
mkdir -p "$1"
dist=$(cd "$1" && pwd) version=$2
cd "$(dirname "$0")/../.."
GO=${GO:-go}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --format=%ct HEAD)}
source=${OWNER:+https://github.com/$OWNER/hueair2mqtt}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
for arch in amd64 arm64; do
	deb=$dist/hueair2mqtt_${version}_$arch.deb
	[ -e "$deb" ] || { echo "$deb is missing: build it with packaging/deb/build.sh" >&2; exit 1; }
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$stage" --one-top-level="$arch.deb"
	root=$stage/$arch
	install -D -m 755 "$stage/$arch.deb/usr/bin/hueair2mqtt" "$root/usr/bin/hueair2mqtt"
	install -D -m 644 -t "$root/usr/share/doc/hueair2mqtt" "$stage/$arch.deb/usr/share/doc/hueair2mqtt/copyright" \
		"$stage/$arch.deb/usr/share/doc/hueair2mqtt/third-party-notices.gz"
	# The health check of the image uses this address.
	install -d "$root/etc/hueair2mqtt"
	sed 's/^  #listen: 127.0.0.1:9469$/  listen: 127.0.0.1:9469/' configs/hueair2mqtt.yaml >"$root/etc/hueair2mqtt/hueair2mqtt.yaml"
	grep -q '^  listen: 127.0.0.1:9469$' "$root/etc/hueair2mqtt/hueair2mqtt.yaml"
done

(cd packaging/image/oci && CGO_ENABLED=0 $GO build -trimpath -o "$stage/oci" .)
"$stage/oci" -version "$version" -revision "$(git rev-parse HEAD)" -source "$source" -epoch "$SOURCE_DATE_EPOCH" \
	-dockerfile packaging/homeassistant/hueair2mqtt/Dockerfile \
	-image "$dist/hueair2mqtt-$version-oci.tar" -app "$dist/hueair2mqtt-$version-homeassistant-oci.tar" \
	amd64="$stage/amd64" arm64="$stage/arm64"
echo "hueair2mqtt-$version-oci.tar"
echo "hueair2mqtt-$version-homeassistant-oci.tar"
