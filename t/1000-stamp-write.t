#!/bin/sh
# muster-stamp puts a configuration in and gives the same bytes back.
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

sample_agent "$T/template" || skip_all 'no static C compiler'
printf '{"server":"ws://127.0.0.1","n":[1,2]}' >"$T/c.json"
cp "$T/template" "$T/before"

# at FILE OFFSET: the byte there turned into another one
flip() {
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %o $((byte ^ 16)))" |
	    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

ok 'a configuration is stamped' \
	muster-stamp -c "$T/c.json" "$T/template" "$T/agent"
muster-stamp --read "$T/agent" >"$T/back.json"
ok 'and read back, byte for byte' cmp "$T/c.json" "$T/back.json"
"$T/agent" --show-stamp >"$T/seen.json"
ok 'the running program sees it' cmp "$T/c.json" "$T/seen.json"
ok 'it can be executed' test -x "$T/agent"
ok 'the template stays as it was' cmp "$T/template" "$T/before"
ok '--check says yes' exits 0 muster-stamp --check "$T/agent"
ok 'a template is not stamped' exits 1 muster-stamp --check "$T/template"
ok 'in words' says 'not stamped' muster-stamp --read "$T/template"

muster-stamp -c "$T/c.json" - - <"$T/template" >"$T/filtered"
ok 'as a filter it makes the same' cmp "$T/agent" "$T/filtered"
muster-stamp --read - <"$T/agent" >"$T/back.json"
ok 'and reads one' cmp "$T/c.json" "$T/back.json"

ok 'what is stamped is not stamped again' \
	exits 1 muster-stamp -c "$T/c.json" "$T/agent" "$T/twice"
ok 'nor is anything written' test ! -e "$T/twice"
echo '{"other":true}' >"$T/d.json"
ok 'but with --replace' \
	muster-stamp --replace -c "$T/d.json" "$T/agent" "$T/agent2"
muster-stamp --read "$T/agent2" >"$T/back.json"
ok 'the new one is in it' cmp "$T/d.json" "$T/back.json"
muster-stamp --replace -c "$T/c.json" "$T/agent2" "$T/agent2"
ok 'and nothing of the old one stays' cmp "$T/agent" "$T/agent2"

chmod 750 "$T/template"
muster-stamp -c "$T/c.json" "$T/template" "$T/mode"
ok 'the mode is kept' is "$(stat -c %a "$T/mode")" 750

# The largest that fits has 65280 bytes: {"a":"..."} takes eight more.
big() {
	printf '{"a":"'
	head -c "$1" /dev/zero | tr '\0' x
	printf '"}'
}
big 65272 >"$T/big.json"
ok 'the largest configuration fits' \
	muster-stamp -c "$T/big.json" "$T/template" "$T/big"
muster-stamp --read "$T/big" >"$T/back.json"
ok 'whole' cmp "$T/big.json" "$T/back.json"
big 65273 >"$T/big.json"
rm "$T/big"
ok 'one byte more is refused' \
	exits 1 muster-stamp -c "$T/big.json" "$T/template" "$T/big"
ok 'and never cut off' test ! -e "$T/big"

cmp -l "$T/template" "$T/agent" | awk '$2 == 0 { print $1 - 1 }' >"$T/where"
at=$(sed -n '$p' "$T/where")
cp "$T/agent" "$T/flipped"
flip "$T/flipped" "$at"
ok 'a flipped byte is refused' exits 1 muster-stamp --check "$T/flipped"
ok 'by name of the check' says 'stamp sha256' muster-stamp --read "$T/flipped"
muster-stamp --read "$T/flipped" >"$T/none" 2>/dev/null
ok 'and nothing is printed' test ! -s "$T/none"

sum=$(sha256sum <"$T/template")
ok 'the expected template is taken' \
	muster-stamp -e "${sum%% *}" -c "$T/c.json" "$T/template" "$T/x"
ok 'another one is not' exits 1 muster-stamp -c "$T/d.json" --replace \
	-e "${sum%% *}" "$T/agent" "$T/y"
ok 'in words' says 'template sha256' muster-stamp -c "$T/d.json" --replace \
	-e "${sum%% *}" "$T/agent" "$T/y"

echo '[1]' >"$T/list.json"
echo '{"a":' >"$T/half.json"
ok 'a list is no configuration' \
	exits 100 muster-stamp -c "$T/list.json" "$T/template" "$T/z"
ok 'broken JSON neither, by its line' \
	says 'half.json: line [0-9]' \
	muster-stamp -c "$T/half.json" "$T/template" "$T/z"
ok 'a script is no template' \
	exits 1 muster-stamp -c "$T/c.json" "$0" "$T/z"
ok 'a missing file is the system'"'"'s fault' \
	exits 111 muster-stamp --read "$T/missing"
ok 'an unknown option' exits 100 muster-stamp --stomp
ok 'shows the usage line' says '^usage: muster-stamp' muster-stamp --stomp
ok 'no operand' exits 100 muster-stamp --read
ok 'a key without a signature' \
	exits 100 muster-stamp -k x -c "$T/c.json" "$T/template" "$T/z"
ok 'a bad signature' exits 100 muster-stamp -k x -s y -c "$T/c.json" \
	"$T/template" "$T/z"
ok 'nothing was left behind' test ! -e "$T/z"
ok 'and no temporary file' is "$(find "$T" -name '*.tmp')" ''
done_testing
