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

# The same file inside and outside: file systems differ more than anything measured here.
same=$data/jails/$name/data/etc/passwd

measure() {
    local where=$1 line
    shift
    "$@" | while IFS= read -r line; do printf '%s\t%s\n' "$where" "$line"; done
}

for ((round = 0; round < rounds; round++)); do
    "$bin/jailsh" kmod unload >&2 || true
    measure without /tmp/calls 2000 "$same"
    "${jailmgr[@]}" start "$name" >&2
    measure beside /tmp/calls 2000 "$same"
    measure jailed "$bin/jailctl" --kernel lsm --data-dir "$data" exec "$name" /opt/calls 2000 /etc/passwd
    "${jailmgr[@]}" stop "$name" >&2
done
