#!/bin/sh
# Builds DIST/hueair2mqtt-VERSION-homeassistant.tar.gz, the app repository that users add to
# Home Assistant. Its contents are published as a branch or a repository on GitHub.
#
# usage: build.sh DIST VERSION
#
# OWNER is the GitHub account that publishes. Builds are reproducible.
set -eu

[ $# -eq 2 ] || { echo "usage: build.sh DIST VERSION" >&2; exit 2; }
[ -n "${OWNER:-}" ] || { echo "OWNER is not set: name the account at GitHub that publishes, as in OWNER=example" >&2; exit 1; }
mkdir -p "$1"
dist=$(cd "$1" && pwd) version=$2
cd "$(dirname "$0")"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --format=%ct HEAD)}
# Names of images are in lower case.
lower=$(printf %s "$OWNER" | tr '[:upper:]' '[:lower:]')

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
cp repository.yaml "$stage"
cp -R hueair2mqtt "$stage/hueair2mqtt"
cp ../../CHANGELOG.md "$stage/hueair2mqtt/CHANGELOG.md"
sed -i "s/@VERSION@/$version/; s/@OWNER@/$OWNER/; s/@owner@/$lower/" \
	"$stage/repository.yaml" "$stage/hueair2mqtt/config.yaml" "$stage/hueair2mqtt/Dockerfile"
chmod -R u=rwX,go=rX "$stage"
archive=hueair2mqtt-$version-homeassistant.tar.gz
tar -C "$stage" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
	-c repository.yaml hueair2mqtt | gzip -9n >"$dist/$archive"
echo "$archive"
