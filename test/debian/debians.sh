#!/bin/sh
# Makes the Debian systems in which the tests install the packages, and installs the tools
# for that. Needs root. With the argument "tools" it only installs the tools, so that the
# rest can run in the background without holding apt's locks.
set -eu
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "These tests start whole Debian systems: run them as root (with sudo)." >&2; exit 1; }
packaging/install.sh debootstrap:debootstrap zstd:zstd unshare:util-linux ip:iproute2 \
	/usr/share/keyrings/debian-archive-trixie-stable.gpg:debian-archive-keyring
# machine.sh asks apt for a mirror.
[ -n "$(apt-get indextargets 2>/dev/null)" ] || apt-get update -q
[ "${1-}" != tools ] || exit 0

test/debian/machine.sh bookworm & bookworm=$!
test/debian/machine.sh trixie & trixie=$!
wait $bookworm
wait $trixie
