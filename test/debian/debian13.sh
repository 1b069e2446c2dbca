#!/bin/sh
# Builds the packages of a source tree as a user of Debian 13 does, with Debian's Go, which
# downloads the toolchain that go.mod names. The system exists in memory and has this
# machine's network and certificates.
#
# usage: debian13.sh SOURCES DIST
set -eu
cd "$(dirname "$0")/../.."
sources=$1 dist=$2
[ "${3-}" = inside ] || exec unshare --mount --pid --fork --kill-child "$0" "$sources" "$dist" inside

mount --make-rprivate /
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
root=/mnt # of this mount namespace
mount -t tmpfs -o mode=755 tmpfs $root
tar -I zstd -xpf .cache/debian-trixie.tar.zst -C $root --numeric-owner
mount -t proc proc $root/proc
mount -t tmpfs -o mode=755 tmpfs $root/dev
for device in null zero random urandom; do
	touch $root/dev/$device
	mount --bind /dev/$device $root/dev/$device
done
cp -L /etc/resolv.conf /etc/hosts $root/etc
cp -L /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/ca-certificates.crt
apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries|ForceIP)' >$root/etc/apt/apt.conf.d/mirror || true
mkdir $root/root/sources $root/root/go-build
mount --bind "$sources" $root/root/sources
# Share this machine's build cache, which halves the time, but not its modules and
# toolchains.
mount --bind "$(${GO:-go} env GOCACHE)" $root/root/go-build

cat >$root/root/build <<'EOF'
set -eu
apt-get update -q
apt-get install -qy --no-install-recommends golang-go git make
[ "$(GOTOOLCHAIN=local go env GOVERSION | cut -d. -f1-2)" = go1.24 ]
cp -a /root/sources /root/tree
cd /root/tree
rm -rf dist
make deb
EOF
chroot $root env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	GOCACHE=/root/go-build ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
	sh /root/build
mkdir -p "$dist"
cp $root/root/tree/dist/*.deb "$dist"
