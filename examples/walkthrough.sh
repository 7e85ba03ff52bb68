#!/bin/sh
# The walkthrough as shell commands. Needs root, busybox (apt-get install busybox-static), and jailsh, jailctl and
# jailmgr in PATH. Leaves nothing behind.
set -eu

step() {
    printf '\n# %s\n' "$*"
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    status=$?
    trap - EXIT INT TERM
    step jailmgr stop web
    jailmgr stop web || status=1
    jailmgr destroy web || status=1
    exit "$status"
}

step jailmgr bootstrap
jailmgr bootstrap

step jailmgr create -a -x '/usr/bin/busybox httpd -f -p 8080 -h /var/www/mysite' -l medium -r 8080 -f local3 -o info -e err -t jail-web web
jailmgr create -a -x '/usr/bin/busybox httpd -f -p 8080 -h /var/www/mysite' -l medium -r 8080 -f local3 -o info -e err -t jail-web web
trap clean_up EXIT INT TERM

step jailmgr apply --ephemeral web
jailmgr apply --ephemeral web <<'APPLY'
mkdir -p /var/www/mysite
echo "<html>Hello from a jail!</html>" > /var/www/mysite/index.html
APPLY

step jailmgr start --all
jailmgr start --all

step 'the page, over TCP'
tries=0
until page=$(busybox wget -q -O - http://127.0.0.1:8080/index.html); do
    tries=$((tries + 1))
    test "$tries" -lt 50 || exit 1
    sleep 0.1
done
echo "$page"
test "$page" = '<html>Hello from a jail!</html>'

step ps axf '(the supervisor and the server, with a keeper between them where Landlock holds the jail)'
# shellcheck disable=SC2009 # pgrep does not draw the tree
ps axf | grep -A 2 '[j]ailctl: supervise jail=web'

step jailctl exec web whoami
jailctl exec web whoami

step jailctl exec web ps ax
jailctl exec web ps ax

step jailctl stats
jailctl stats

step jailctl stats -P -h
jailctl stats -P -h
