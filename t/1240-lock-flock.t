#!/bin/sh
# muster-lock in flock(1)'s place: the same words, against the same locks.
. "${0%/*}/lib.sh"

command -v flock >/dev/null || skip_all 'no flock(1) to compare with'
hold() {			# hold COMMAND...: in the background
	rm -f "$T/on"
	"$@" sh -c "touch '$T/on'; exec sleep 60" & holder=$!
	wait_for test -e "$T/on"
}
release() { pkill -P "$holder" sleep; kill "$holder" 2>/dev/null
    wait "$holder" 2>/dev/null; }
# shellcheck disable=SC2016
at_end 'release'

hold flock "$T/l"
ok "flock's lock holds ours" exits 1 muster-lock -n "$T/l" true
ok 'a descriptor too' exits 1 sh -c "muster-lock -n 9 9<'$T/l'"
release
hold muster-lock "$T/l"
ok "ours holds flock's" exits 1 flock -n "$T/l" true
ok 'shared too' exits 1 flock -sn "$T/l" true
ok 'not --fcntl' muster-lock -n --fcntl "$T/l" true
release
hold muster-lock --fcntl "$T/l"
ok '--fcntl holds --fcntl' exits 1 muster-lock -n --fcntl "$T/l" true
ok 'not the others' muster-lock -n "$T/l" true
release

echo 'exit 0' >"$T/script"
chmod 444 "$T/script"
ok 'a descriptor to read is locked' \
    sh -c "muster-lock -n 9 && ! flock -n '$T/script' true" 9<"$T/script"
ok 'a directory' muster-lock -n "$T" true
ok '-u lets go' sh -c "muster-lock -n 9 && muster-lock -u 9 &&
    muster-lock -n '$T/l' true" 9>"$T/l"
ok '--nb, --nonblocking' sh -c "muster-lock --nb '$T/l' true &&
    muster-lock --nonblocking '$T/l' true"

ln -s "$(command -v muster-lock)" "$T/flock"
hold muster-lock "$T/l"
ok 'called flock: timed out is 1' exits 1 "$T/flock" --timeout .1 "$T/l" true
ok 'or as told' exits 7 "$T/flock" -w .1 -E 7 "$T/l" true
release
ok 'its words are the same' is "$("$T/flock" --verbose "$T/l" true | sed 's/[0-9.]* s/N s/')" \
    "$(flock --verbose "$T/l" true | sed 's/[0-9.]* s/N s/')"
done_testing
