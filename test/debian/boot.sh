#!/bin/sh
# Starts a Debian in namespaces of its own, as a container manager does: processes, mounts,
# network (only loopback) and cgroups. It exists in memory until this process ends.
#
# usage: boot.sh IMAGE systemd   with systemd as process 1
#        boot.sh IMAGE nothing   without, as a chroot or a plain container is
set -eu
image=$1 first=$2
if [ "${3-}" != inside ]; then
	# Two machines in one cgroup would remove each other's units. Remove those of previous
	# machines here, as nothing runs after exec.
	cgroups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
	if [ -n "$cgroups" ]; then
		for old in "$cgroups"/hueair2mqtt-test-*; do
			[ ! -d "$old" ] || kill -0 "${old##*-}" 2>/dev/null || find "$old" -depth -type d -exec rmdir {} + 2>/dev/null || true
		done
		mkdir "$cgroups/hueair2mqtt-test-$$"
		echo $$ >"$cgroups/hueair2mqtt-test-$$/cgroup.procs"
	fi
	exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child "$0" "$image" "$first" inside
fi

mount --make-rprivate /
# The search for Hue bridges uses multicast, which loopback does not support by default.
ip link set lo up multicast on
ip route add 224.0.0.0/4 dev lo
root=/mnt # visible only in here
mount -t tmpfs -o mode=755 tmpfs $root
cd $root
tar -I zstd -xpf "$image" --numeric-owner
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for device in null zero full random urandom tty; do
	touch dev/$device
	mount --bind /dev/$device dev/$device
done
[ "$first" = nothing ] || mount -t cgroup2 cgroup2 sys/fs/cgroup
echo 127.0.0.1 localhost >etc/hosts
mkdir -p old
pivot_root . old
umount -l old
rmdir old
# systemd expects this of a container manager, and passes credentials by it.
mount --make-rshared /
case $first in
systemd) set -- /lib/systemd/systemd --unit=multi-user.target ;;
nothing) set -- sleep infinity ;;
esac
exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
