#!/usr/bin/env bash
# Installs one version of Home Assistant Core for the tests of this folder, all
# below .cache/homeassistant: a Debian tree with the Python that the version needs,
# which this machine need not have, and in the tree a virtual environment with
# exactly the packages of requirements/VERSION.txt. What is there already stays.
#
# Usage: install.sh VERSION
#
# Needs Debian or a relative of it, and root or sudo: for the packages mmdebstrap
# and chromium, and because only root may make a tree.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:?the version of Home Assistant to install}

uv=0.11.26
case $version in
2025.4.4 | 2026.2.3) suite=trixie ;; # Python 3.13
2026.11.0) suite=forky ;;            # Python 3.14, which no released Debian has
*)
	echo "Home Assistant $version is not known here, but: $(cd requirements && ls ./*.txt | sed 's/^..//; s/\.txt$//' | sort -V | paste -sd ' ')" >&2
	exit 2
	;;
esac
requirements=requirements/$version.txt
cache=$(cd ../.. && pwd)/.cache/homeassistant
tree=$cache/$suite
venv=/opt/homeassistant-$version # in the tree

if [ -e "$tree$venv/installed" ] && cmp -s "$requirements" "$tree$venv/installed" && [ -n "$(command -v chromium)" ]; then
	exit 0
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo --preserve-env "$@"; fi; }

missing=
for command in mmdebstrap chromium; do
	[ -n "$(command -v $command)" ] || missing+=" $command"
done
if [ -n "$missing" ]; then
	echo "The tests with Home Assistant need Debian's package(s)$missing; installing."
	as_root apt-get update -qq
	# shellcheck disable=SC2086 # words of a list
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends -o Dpkg::Use-Pty=0 $missing
fi

if [ ! -e "$tree" ]; then
	# The mirror that this machine takes its own Debian packages from.
	mirrors() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian'; }
	if [ -z "$(mirrors)" ]; then
		as_root apt-get update -qq
	fi
	mirror=$(mirrors | sed -n 1p)
	if [ -z "$mirror" ]; then
		echo "apt knows no mirror of Debian here: see /etc/apt/sources.list." >&2
		exit 1
	fi
	echo "Making a Debian tree ($suite) for Home Assistant $version in $tree."
	mkdir -p "$cache"
	as_root rm -rf "$tree.new" # of a run that was broken off
	# A suite that is not released has an index that must be renewed weekly, and not
	# every mirror keeps up. Its signature is checked all the same.
	as_root mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
		--include=python3-venv,python3-dev,g++,ca-certificates "$suite" "$tree.new" "$mirror"
	as_root mv "$tree.new" "$tree"
fi

in_tree() {
	as_root env -u PIP_FIND_LINKS \
		PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt SSL_CERT_DIR=/etc/ssl/certs \
		chroot "$tree" "$@"
}

echo "Installing Home Assistant $version."
# Names and authorities are those of this machine.
as_root cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
	as_root cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
fi
as_root cp "$requirements" build-requirements.txt "$tree/root/"
in_tree python3 -m venv /opt/uv
in_tree /opt/uv/bin/pip install --quiet --disable-pip-version-check "uv==$uv"
in_tree python3 -m venv --clear --without-pip "$venv"
in_tree /opt/uv/bin/uv pip install --quiet --no-cache --no-deps --python "$venv/bin/python" \
	--build-constraints /root/build-requirements.txt --requirements "/root/$version.txt"
as_root mkdir -p "$tree/srv/homeassistant" # where the tests put its configuration
as_root cp "$requirements" "$tree$venv/installed"
