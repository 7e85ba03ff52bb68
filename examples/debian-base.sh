#!/bin/sh
# A jail with programs of its own, from a tree that debootstrap makes (or from the one you name): imported as a base,
# pinned, changed, brought back by a snapshot. Needs root, jailmgr in PATH, and without TREE also debootstrap and the
# network. Leaves nothing behind.
#
# usage: debian-base.sh [TREE]
set -eu

step() {
    printf '\n# %s\n' "$*"
}

work=$(mktemp -d)
made=

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    status=$?
    trap - EXIT INT TERM
    if test -n "$made"; then
        step jailmgr destroy boxed
        jailmgr destroy boxed || status=1
        step jailmgr gc
        jailmgr gc || status=1
    fi
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT INT TERM

if test $# -gt 0; then
    tree=$1
else
    tree=$work/tree
    # shellcheck disable=SC1091 # of whatever system this is
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # The archive that this machine's apt uses.
    # shellcheck disable=SC2016 # apt's own field syntax
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /-/ { print $4; exit }')
    step debootstrap --variant=minbase "$codename"
    debootstrap --variant=minbase "$codename" "$tree" "$mirror"
fi

step jailmgr base import --name example --version 1 "dir:$tree"
jailmgr base import --name example --version 1 "dir:$tree"

step jailmgr create -b example -l medium boxed
jailmgr create -b example -l medium boxed
made=yes

step jailmgr apply --ephemeral boxed
jailmgr apply --ephemeral boxed <<'APPLY'
echo "in a jail with $(ls /bin | wc -l) programs in /bin"
echo mine >/srv/page
APPLY

step jailmgr snapshot boxed before
jailmgr snapshot boxed before

step jailmgr apply --ephemeral boxed
jailmgr apply --ephemeral boxed <<'APPLY'
rm /srv/page
APPLY

step jailmgr rollback boxed before
jailmgr rollback boxed before

step jailmgr apply --ephemeral boxed
page=$(echo 'cat /srv/page' | jailmgr apply --ephemeral boxed)
echo "$page"
test "$page" = mine

step jailmgr base list
jailmgr base list
