#!/bin/sh
# Makes .cache/debian-<release>.tar.zst, a Debian with systemd, Mosquitto,
# lintian, unattended-upgrades and wget, in which the tests install the package. Replaces an
# image that is older than this script. usage: machine.sh RELEASE
#
# Mirror and proxy are those of this machine's apt. The tree is built in memory, where
# dpkg's many fsyncs cost nothing.
set -eu
cd "$(dirname "$0")/../.."

release=$1
image=$PWD/.cache/debian-$release.tar.zst
[ ! "$image" -nt test/debian/machine.sh ] || exit 0
[ "${2-}" = apart ] || exec unshare --mount "$0" "$release" apart

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | head -n 1)
[ -n "$mirror" ] || { echo "This machine's apt knows no Debian mirror: run apt-get update." >&2; exit 1; }
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
export http_proxy https_proxy

mkdir -p .cache
root=$(mktemp -d)
trap 'umount -R "$root" 2>/dev/null; rmdir "$root"; rm -f "$image.part"' EXIT
mount -t tmpfs -o mode=755 tmpfs "$root"
log=.cache/debian-$release.log
echo "making a Debian $release (once; progress is in $log)"
{
	debootstrap --variant=minbase "$release" "$root" "$mirror"
	apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries|ForceIP)' >"$root/etc/apt/apt.conf.d/mirror" || true
	# Services must not start while packages are installed.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	mount -t proc proc "$root/proc"
	chroot "$root" apt-get update -q
	DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qy --no-install-recommends \
		systemd ca-certificates mosquitto mosquitto-clients lintian man-db unattended-upgrades wget
	chroot "$root" apt-get clean
	umount "$root/proc"
	# Without this file apt's timers do nothing by themselves.
	rm -f "$root/etc/apt/apt.conf.d/20auto-upgrades"
	rm -rf "$root/usr/sbin/policy-rc.d" "$root/etc/apt/apt.conf.d/mirror" "$root"/var/lib/apt/lists/*
	tar -C "$root" -I 'zstd -q -1' -cf "$image.part" .
} >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
mv "$image.part" "$image"
