#!/bin/sh
# Run inside the jail: who it greets are its arguments, how is a variable.
set -eu
for who; do list="${list:+$list and }to $who"; done
echo "$GREETING $list" >/srv/site/report.txt.new
mv /srv/site/report.txt.new /srv/site/report.txt
