#!/bin/sh
# The first process of the virtual machine: mounts, loads modules, runs the tests and switches off. Results go to the
# second serial line as lines of JSON, everything else to the first one.
export PATH=/bin HOME=/root LANG=C.UTF-8 NO_COLOR=1 CI=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for folder in /dev/shm /tmp /run; do mount -t tmpfs tmpfs "$folder"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd
exec </dev/null >/dev/ttyS0 2>&1
stty -F /dev/ttyS1 raw -echo

while read -r module; do
	insmod "$module" || echo "Not loaded: $module"
done </modules/order
ip link set lo up
ulimit -n 65536

cd /project || exit
echo "{\"booted\":\"$(uname -r)\"}" >/dev/ttyS1
export PROCNETMON_EMULATED=yes
export PROCNETMON_ADDON=/project/dist/helper/procnetmon.node PROCNETMON_TEST_PROGRAMS=/test-programs
node node_modules/vitest/vitest.mjs run --config test/kernels/guest/vitest.config.mjs
echo "{\"ended\":$?}" >/dev/ttyS1
reboot -f
