#!/bin/sh
# Builds the apt repository DIST/apt of the packages hueair2mqtt_*.deb in DIST, with
# the keyring package hueair2mqtt-archive-keyring_VERSION_all.deb, which goes to
# DIST as well. docs/releasing.md describes the keys and how to replace them.
#
# usage: build.sh DIST VERSION
#
# SIGNING_KEY        fingerprints of the keys that sign and are trusted
# APT_URL            where the repository will be served
# SOURCE_DATE_EPOCH  the date of the repository, seconds since 1970
set -eu
dist=$(cd "$1" && pwd)
version=$2
cd "$(dirname "$0")/../.."
umask 022

GOTOOLCHAIN=${GOTOOLCHAIN:-$(packaging/toolchain.sh)}
export GOTOOLCHAIN
keyring=hueair2mqtt-archive-keyring

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# shellcheck disable=SC2086 # a list
gpg --batch --export --export-options export-minimal $SIGNING_KEY >"$stage/$keyring.gpg"
# shellcheck disable=SC2086
gpg --batch --armor --no-emit-version --export --export-options export-minimal $SIGNING_KEY >"$dist/$keyring.asc"
sed "s|@APT_URL@|$APT_URL|" packaging/apt/hueair2mqtt.sources >"$stage/hueair2mqtt.sources"
sed "s/@VERSION@/$version/" packaging/apt/keyring.yaml >"$stage/nfpm.yaml"
cp packaging/deb/copyright packaging/apt/lintian-overrides "$stage"
{
	echo "$keyring ($version) stable; urgency=medium"
	echo
	echo "  * The keys of release $version."
	echo
	echo " -- hueair2mqtt maintainers <maintainers@hueair2mqtt.example>  $(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$stage/changelog.gz"
deb=${keyring}_${version}_all.deb
root=$PWD
(cd "$stage" && "$root/packaging/nfpm.sh" nfpm.yaml "$stage/$deb")
rm -f "$dist/$keyring"_*_all.deb
mv "$stage/$deb" "$dist/$deb"

apt=$dist/apt
pool=pool/main/h/hueair2mqtt
rm -rf "$apt"
mkdir -p "$apt/$pool"
cp "$dist"/hueair2mqtt_*.deb "$dist/$deb" "$apt/$pool"
# These two have permanent addresses, for users who add the repository.
cp "$dist/$deb" "$apt/$keyring.deb"
cp "$dist/$keyring.asc" "$apt"

cd "$apt"
architectures="amd64 arm64 armhf"
for arch in $architectures; do
	index=dists/stable/main/binary-$arch
	mkdir -p "$index"
	# One file at a time: apt-ftparchive lists a directory in the file system's order.
	for file in "$pool"/*_"$arch".deb "$pool"/*_all.deb; do
		[ ! -e "$file" ] || apt-ftparchive -qq -o APT::FTPArchive::MD5=false -o APT::FTPArchive::SHA1=false packages "$file"
	done >"$index/Packages"
	gzip -9nk "$index/Packages"
	xz -k "$index/Packages"
done
release() { echo "APT::FTPArchive::Release::$1 \"$2\";"; }
{
	release Origin hueair2mqtt
	release Label hueair2mqtt
	release Suite stable
	release Codename stable
	release Architectures "$architectures"
	release Components main
	release Description "Philips Hue sensors and Amazon air quality monitors over MQTT"
	release Date "$(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")"
	release Acquire-By-Hash yes
	echo 'APT::FTPArchive { DoByHash "true"; MD5 "false"; SHA1 "false"; };'
} >"$stage/release.conf"
apt-ftparchive -c "$stage/release.conf" release dists/stable >"$stage/Release"
mv "$stage/Release" dists/stable/Release
"$root/packaging/sign.sh" --clearsign <dists/stable/Release >dists/stable/InRelease
