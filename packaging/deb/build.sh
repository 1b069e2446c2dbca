#!/bin/sh
# Builds dist/hueair2mqtt_<version>_<arch>.deb for each architecture named, or for amd64,
# arm64 and armhf, and removes older packages. Builds are reproducible: every time in a
# package is that of the commit.
#
# DIST, VERSION and CONFIG (the configuration to install) are for the tests, which need an
# older build to upgrade from.
set -eu
cd "$(dirname "$0")/../.."

GO=${GO:-go}
VERSION=${VERSION:-$(packaging/version.sh)}
CONFIG=${CONFIG:-configs/hueair2mqtt.yaml}
DIST=${DIST:-$PWD/dist}
COMMIT=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD)
GOTOOLCHAIN=${GOTOOLCHAIN:-$(packaging/toolchain.sh)}
export GO SOURCE_DATE_EPOCH GOTOOLCHAIN
nfpm=$PWD/packaging/nfpm.sh
# The environment must not change the manual pages.
unset HUEAIR2MQTT_CONFIG GOFLAGS || true

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
(cd packaging/deb && cp hueair2mqtt.service restart-backoff.conf sysusers.conf lintian-overrides copyright hueair2mqtt.acl postinst prerm postrm "$stage")
cp "$CONFIG" "$stage/hueair2mqtt.yaml"
$GO run -trimpath -buildvcs=false ./packaging/manual "$stage"

# The licenses and notices of the modules in the binary.
CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $GO list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/hueair2mqtt | sort -u |
	while read -r module version dir; do
		for file in "$dir"/LICEN[CS]E* "$dir"/COPYING* "$dir"/NOTICE*; do
			[ -f "$file" ] || continue
			printf '\n---- %s %s, %s ----\n\n' "$module" "$version" "${file##*/}"
			cat "$file"
		done
	done >"$stage/third-party-notices"
printf '\n---- Go standard library, LICENSE ----\n\n' >>"$stage/third-party-notices"
cat "$($GO env GOROOT)/LICENSE" >>"$stage/third-party-notices"
gzip -9n "$stage/third-party-notices"

{
	echo "hueair2mqtt ($VERSION) stable; urgency=medium"
	echo
	echo "  * Build of commit $COMMIT."
	echo
	echo " -- hueair2mqtt maintainers <maintainers@hueair2mqtt.example>  $(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$stage/changelog.gz"

[ $# -gt 0 ] || set -- amd64 arm64 armhf
mkdir -p "$DIST"
for arch; do
	case $arch in
	armhf) goarch=arm ;;
	*) goarch=$arch ;;
	esac
	CGO_ENABLED=0 GOOS=linux GOARCH=$goarch GOARM=7 \
		$GO build -trimpath -buildvcs=false -ldflags "-s -w -X hueair2mqtt/internal/cli.version=$VERSION" -o "$stage/hueair2mqtt" ./cmd/hueair2mqtt
	sed "s/@VERSION@/$VERSION/; s/@ARCH@/$arch/" packaging/deb/nfpm.yaml >"$stage/nfpm.yaml"
	deb=hueair2mqtt_${VERSION}_$arch.deb
	# nfpm resolves paths relative to its working directory.
	(cd "$stage" && "$nfpm" nfpm.yaml "$stage/$deb")
	rm -f "$DIST"/hueair2mqtt_*_"$arch".deb
	mv "$stage/$deb" "$DIST/$deb"
	echo "$deb"
done
