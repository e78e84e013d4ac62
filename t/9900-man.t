#!/bin/sh
# Every tool has a page, and mandoc has nothing to say of any page.
. "${0%/*}/lib.sh"

for tool in muster.1 muster-sign.1 muster-sign.8 muster-stamp.1 \
    muster-lock.1 muster-buildsrv.8 muster-agent.8 muster-updater.8 \
    muster-pipeline.8 muster-tuf.1 muster-control.7 muster.7 muster-api.7 muster-link.7 \
    muster-update.7; do
	ok "there is a page $tool" test -s "$TOP/man/$tool"
done
silent() { is "$(mandoc -T lint -W warning "$1" 2>&1)" ''; }
for page in "$TOP"/man/*.[1-8]; do
	ok "${page##*/} is clean" silent "$page"
done
# Each option that a tool knows is in its page.
options() {
	"$1" --help | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u |
	    grep -vxE -- '--(help|version|config|show-config|state-dir|run-dir|log-dir|log-level|log-format)' |
	    while read -r o; do
		sed 's/\\//g' "$2" | grep -Eq -- "(Fl|,) -${o#--}( |$)" || echo "$o"
	done
}
for tool in buildsrv.8 agent.8 updater.8 stamp.1 lock.1 tuf.1; do
	name=muster-${tool%.*}
	ok "$name's page has all its options" is \
	    "$(options "$name" "$TOP/man/muster-$tool")" ''
done
done_testing
