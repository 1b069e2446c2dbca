#!/bin/sh
# Installs Debian's packages for tools that are missing, with sudo if necessary.
# usage: install.sh TOOL:PACKAGE..., where TOOL is a command or an absolute path
set -eu
PATH=$PATH:/usr/sbin:/sbin # where users do not look
missing=
for tool; do
	[ -e "${tool%%:*}" ] || command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool#*:}"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "Install these with this system's package manager:$missing" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
echo "Installing Debian's packages$missing."
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
