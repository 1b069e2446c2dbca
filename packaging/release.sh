#!/bin/sh
# Builds everything that a release publishes into dist, from a clean tree whose commit has
# the tag v$VERSION. Builds are reproducible, except for the signatures. docs/releasing.md
# lists the files.
#
# VERSION      the version, such as 1.0.0
# SIGNING_KEY  fingerprints of one or more secret keys in the gpg keyring; all of
#              them sign, and the keyring package trusts all of them
# OWNER        the GitHub account that publishes
# APT_URL      the address of the apt repository, GitHub Pages of OWNER by default
# DIST         the directory to write, dist by default
set -eu
cd "$(dirname "$0")/.."
umask 022

GO=${GO:-go}
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
VERSION=${VERSION:-}
SIGNING_KEY=${SIGNING_KEY:-}
DIST=${DIST:-$PWD/dist}

fail() {
	echo "release: $1" >&2
	exit 1
}
printf %s "$VERSION" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+' ||
	fail "\"$VERSION\" is not a version such as 1.0.0: run make release VERSION=1.0.0"
OWNER=${OWNER:-}
[ -n "$OWNER" ] ||
	fail "OWNER is not set: name the GitHub account that publishes, as in make release OWNER=example"
APT_URL=${APT_URL:-https://$OWNER.github.io/hueair2mqtt}
[ -n "$SIGNING_KEY" ] ||
	fail "SIGNING_KEY is not set: name the fingerprint of the key that signs (gpg --list-secret-keys shows it)"
packaging/install.sh gpg:gpg gpg-agent:gpg-agent
for key in $SIGNING_KEY; do
	gpg --batch --list-secret-keys "$key" >/dev/null 2>&1 ||
		fail "gpg has no secret key $key: import it, or name another one in SIGNING_KEY"
done
toolchain=$(packaging/toolchain.sh)
GOTOOLCHAIN=${GOTOOLCHAIN:-$toolchain}
export GOTOOLCHAIN
[ "$($GO env GOVERSION)" = "$toolchain" ] ||
	fail "Go is $($GO env GOVERSION), go.mod names $toolchain: unset GOTOOLCHAIN, which is $GOTOOLCHAIN"
tagged=$(git rev-parse --quiet --verify "refs/tags/v$VERSION^{commit}") ||
	fail "there is no tag v$VERSION: run git tag v$VERSION"
[ "$tagged" = "$(git rev-parse HEAD)" ] ||
	fail "v$VERSION is not the commit that is checked out: run git checkout v$VERSION"
[ -z "$(git status --porcelain)" ] ||
	fail "the tree has changes that are in no commit: commit or remove what git status lists"
notes=$(packaging/release-notes.sh "$VERSION")

packaging/install.sh apt-ftparchive:apt-utils xz:xz-utils dpkg-deb:dpkg
SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD)
export GO VERSION SIGNING_KEY OWNER APT_URL SOURCE_DATE_EPOCH

# dist is replaced only by a complete release.
part=$DIST.part
rm -rf "$part"
stage=$(mktemp -d)
trap 'rm -rf "$stage" "$part"' EXIT
mkdir -p "$part"
printf '%s\n' "$notes" >"$part/release-notes.md"
DIST=$part packaging/deb/build.sh

# The tarballs contain the files of the packages, so that each is built once.
for deb in "$part"/hueair2mqtt_*.deb; do
	arch=$(dpkg-deb --field "$deb" Architecture)
	name=hueair2mqtt_${VERSION}_linux_$arch
	dpkg-deb --extract "$deb" "$stage/$arch"
	mkdir "$stage/$name"
	(
		cd "$stage/$arch"
		cp -p usr/bin/hueair2mqtt etc/hueair2mqtt/hueair2mqtt.yaml usr/lib/systemd/system/hueair2mqtt.service \
			usr/share/doc/hueair2mqtt/third-party-notices.gz usr/share/doc/hueair2mqtt/examples/hueair2mqtt.acl "$stage/$name"
		cp -pR usr/share/man "$stage/$name/man"
		mkdir "$stage/$name/completions"
		cp -p usr/share/bash-completion/completions/hueair2mqtt "$stage/$name/completions/hueair2mqtt.bash"
		cp -p usr/share/zsh/vendor-completions/_hueair2mqtt usr/share/fish/vendor_completions.d/hueair2mqtt.fish "$stage/$name/completions"
	)
	# The packages protect the configuration until it has an owner.
	chmod 644 "$stage/$name/hueair2mqtt.yaml"
	install -m 644 LICENSE README.md "$stage/$name"
	tar -C "$stage" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
		-c "$name" | gzip -9n >"$part/$name.tar.gz"
	$GO run -trimpath $CYCLONEDX bin -json -std -noserial -notimestamp -version "v$VERSION" \
		-output "$part/$name.cdx.json" "$stage/$name/hueair2mqtt" 2>"$stage/sbom.log" || { cat "$stage/sbom.log" >&2; exit 1; }
done

packaging/image/build.sh "$part" "$VERSION"
packaging/homeassistant/build.sh "$part" "$VERSION"
packaging/apt/build.sh "$part" "$VERSION"

(cd "$part" && find . -maxdepth 1 -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >"$stage/SHA256SUMS")
mv "$stage/SHA256SUMS" "$part/SHA256SUMS"
packaging/sign.sh --armor --detach-sign <"$part/SHA256SUMS" >"$part/SHA256SUMS.asc"

rm -rf "$DIST"
mv "$part" "$DIST"
ls "$DIST"
