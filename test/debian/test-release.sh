#!/bin/sh
# Builds a release of the working tree, the same in another directory, the packages with Go
# of Debian 13, and apt repositories with newer versions and other keys. Then runs the tests
# with the tag release. Needs root.
set -eu
cd "$(dirname "$0")/../.."
GO=${GO:-go}
export GO

# Make the Debian systems while the release is built.
test/debian/debians.sh tools
packaging/install.sh gpg:gpg gpg-agent:gpg-agent apt-ftparchive:apt-utils xz:xz-utils
test/debian/debians.sh & debians=$!

work=$(mktemp -d)
export GNUPGHOME="$work/keys"
trap 'gpgconf --kill all; rm -rf "$work"' EXIT
mkdir -m 700 "$GNUPGHOME"
key() {
	gpg --batch --quiet --no-tty --passphrase '' --quick-generate-key "$1 <$1@hueair2mqtt.example>" ed25519 sign never 2>/dev/null
	gpg --batch --list-secret-keys --with-colons "=$1 <$1@hueair2mqtt.example>" | sed -n 's/^fpr:*\([0-9A-F]*\):/\1/p' | head -n 1
}
old=$(key old)
new=$(key new)
stranger=$(key stranger)

# A release needs a clean tree with a tag and a section in the changelog: commit this one in
# a repository of its own.
mkdir "$work/tree"
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -c | tar -x -C "$work/tree"
(
	cd "$work/tree"
	printf '\n## [1.0.0] - 2026-01-01\n\n- The release that the tests make.\n' >>CHANGELOG.md
	git init -q
	git add -A
	GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' \
		git -c user.name=test -c user.email=test@hueair2mqtt.example -c commit.gpgsign=false commit -q -m 'Release 1.0.0'
	git tag v1.0.0
)
address=http://127.0.0.1:8084 # where the tests serve it
make -C "$work/tree" release VERSION=1.0.0 SIGNING_KEY="$old" OWNER=example APT_URL=$address

mkdir -p "$work/some/where"
(
	umask 077
	git clone -q "$work/tree" "$work/some/where/else"
	cd "$work/some/where/else"
	TZ=Asia/Tokyo LC_ALL=C.UTF-8 make release VERSION=1.0.0 SIGNING_KEY="$old" OWNER=example APT_URL=$address >/dev/null
)

wait $debians
test/debian/debian13.sh "$work/tree" "$work/debian13" >"$work/debian13.log" 2>&1 || { tail -n 30 "$work/debian13.log" >&2; exit 1; }
grep 'downloading go1' "$work/debian13.log"

# A newer version is the same package with another version number.
epoch=$(git -C "$work/tree" show -s --format=%ct HEAD)
repository() { # VERSION KEYS
	epoch=$((epoch + 86400))
	mkdir -p "$work/repositories/$1"
	dpkg-deb --raw-extract "$work"/tree/dist/hueair2mqtt_1.0.0_amd64.deb "$work/package"
	sed -i "s/^Version: .*/Version: $1/" "$work/package/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip --build "$work/package" "$work/repositories/$1/hueair2mqtt_$1_amd64.deb" >/dev/null
	rm -r "$work/package"
	SIGNING_KEY="$2" APT_URL=$address SOURCE_DATE_EPOCH=$epoch packaging/apt/build.sh "$work/repositories/$1" "$1"
}
repository 1.0.1 "$old"
repository 1.0.2 "$old $new"
repository 1.0.3 "$new"
repository 9.9.9 "$stranger"

export HUEAIR2MQTT_TEST_RELEASE="$work/tree/dist" HUEAIR2MQTT_TEST_ELSEWHERE="$work/some/where/else/dist"
export HUEAIR2MQTT_TEST_DEBIAN13="$work/debian13" HUEAIR2MQTT_TEST_REPOSITORIES="$work/repositories"
export HUEAIR2MQTT_TEST_KEY="$old"
$GO test -tags release -count=1 -timeout 10m -v ./packaging/... ./test/debian
