#!/usr/bin/env bash
#
# In a guest: what calls take on a host without the module, beside it, and in a jail, in turns: guest.sh BIN CALLS ROUNDS
# Prints a line each: where, the call, ns, separated by tabs.

set -euo pipefail

bin=$1 calls=$2 rounds=$3 name=bench-calls
data=$(mktemp -d)
jailmgr=("$bin/jailmgr" --kernel lsm --data-dir "$data")
# What is read through the guest's shared directory is slow at first.
cp -- "$calls" /tmp/calls
"${jailmgr[@]}" create -x '/usr/bin/busybox sleep 1000000' -l medium "$name" >&2
install -m 755 /tmp/calls "$data/jails/$name/data/opt/calls"

# The same file inside and outside, by a name of one part: file systems and the walk to it differ more than anything measured
# here.
etc=$data/jails/$name/data/etc

# A service of any host is in a control group, which costs more than the module does: so is who is compared with a jail.
group=/sys/fs/cgroup/bench/calls
mkdir -- "${group%/*}" "$group"
for parent in /sys/fs/cgroup "${group%/*}"; do
    echo "+cpu +io +memory +pids" >"$parent/cgroup.subtree_control"
done
# shellcheck disable=SC2016 # for the inner shell
grouped=(sh -c 'echo $$ >"$1/cgroup.procs" && cd -- "$2" && exec /tmp/calls 2000 passwd' sh "$group" "$etc")

measure() {
    local where=$1 line
    shift
    "$@" | while IFS= read -r line; do printf '%s\t%s\n' "$where" "$line"; done
}

for ((round = 0; round < rounds; round++)); do
    "$bin/jailsh" kmod unload >&2 || true
    measure without "${grouped[@]}"
    "${jailmgr[@]}" start "$name" >&2
    measure beside "${grouped[@]}"
    measure jailed "$bin/jailctl" --kernel lsm --data-dir "$data" exec -w /etc "$name" /opt/calls 2000 passwd
    "${jailmgr[@]}" stop "$name" >&2
done
