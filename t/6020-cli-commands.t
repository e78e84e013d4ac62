#!/bin/sh
# Every command against a server: lines for pipelines, JSON, exit codes, and
# errors that name the field.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed --server-arg --webhooks-private "$T/srv" >"$T/env" 2>"$T/err" ||
    { cat "$T/err"; exit 1; }
. "$T/env"
admin=$MUSTER_API_KEY
cd "$T" || exit 1
# lines N COLUMNS COMMAND...: so many lines of so many values.
lines() {
	n=$1 columns=$2
	shift 2
	"$@" >out 2>err || { cat out err; return 1; }
	cat out
	[ "$(wc -l <out)" = "$n" ] &&
	    awk -F '\t' -v n="$columns" 'NF != n { exit 1 }' out
}
# json FILTER COMMAND...: the output is JSON for which the filter holds.
json() {
	filter=$1
	shift
	"$@" >out 2>err || { cat out err; return 1; }
	cat out
	jq -e "$filter" out
}
value() { muster job "$1" | sed -n "s/^$2	//p"; }

# -- accounts --
ok 'an account is its key on a line' says '^muster_[A-Za-z0-9_-]{32}$' \
    muster account add alice -w blue -w green
alice=$(muster account add bob --type service)
ok 'accounts are lines of six values' lines 3 6 muster account list
ok 'with JSON' json 'length == 3' muster account list --json
ok 'one by its name' says '^workspaces.*blue' muster account show alice
ok 'one that there is not' exits 1 muster account show nobody
ok 'the same name again' exits 1 muster account add alice
ok 'a bad role names the field' says 'role' muster account add x --role king
ok 'with its code' exits 100 muster account add x --role king
export MUSTER_API_KEY="$alice"
ok 'the own account' says '^name	bob$' muster account show
key=$(muster account rotate)
ok 'a new key for the old one' says '^muster_' echo "$key"
ok 'which is invalid then' exits 100 muster account show
MUSTER_API_KEY=$key
ok 'and the new one valid' says '^name	bob$' muster account show
key=$(muster account rotate --grace 10m)
ok 'with a grace the old one serves still' says '^name	bob$' \
    muster account show
MUSTER_API_KEY=$key
ok 'an administrator rotates any, over the socket' says '^muster_' \
    muster account rotate alice
ok 'several are disabled at once' muster account disable alice bob
ok 'and have no way in' exits 100 muster jobs
ok 'one that there is not fails it' exits 1 muster account enable bob nobody
ok 'but the others are enabled' muster jobs
ok 'workspaces are set' muster account workspaces bob red
ok 'as said' says '"red"' muster account show bob
ok 'or emptied' muster account workspaces bob
ok 'to none' says '\[\]' muster account show bob
ok 'accounts over the network are for administrators' exits 1 \
    muster account list --server "$MUSTER_SERVER"
MUSTER_API_KEY=$admin
ok 'who get the same list' is \
    "$(muster account list --server "$MUSTER_SERVER")" \
    "$(muster account list)"
MUSTER_API_KEY=$key

# -- builds --
ok 'a build waits for its end and prints the URL' \
    says '^http.*/api/artifacts/download/' muster build --os linux \
    --arch x64 -n web -w --max-downloads 3
id=$(muster jobs | cut -f 1)
ok 'a build of before is found by its key' is \
    "$(muster build --os linux --arch x64 --idempotency-key k1 2>/dev/null)" \
    "$(muster build --os linux --arch x64 --idempotency-key k1 2>/dev/null)"
ok 'the key for another request is refused, by its name' \
    says 'Idempotency-Key' muster build --os linux --arch x64 -n other \
    --idempotency-key k1
ok 'with 100' exits 100 muster build --os linux --arch x64 -n other \
    --idempotency-key k1
ok 'a priority is for administrators' exits 1 muster build --os linux \
    --arch x64 -p 1
ok 'and the field is named' says 'priority' muster build --os linux \
    --arch x64 -p 1
ok 'one below 0 is not' muster build --os linux --arch x64 -p -3 -w
ok 'what cannot be built is 100, with what can' says 'linux/x64' \
    muster build --os linux --arch universal
ok 'a bad name is named' says 'customName' muster build --os linux \
    --arch x64 -n 'a b'
ok 'a build without the queue prints the URL, too' \
    says '^http.*/api/artifacts/download/' muster build --os linux \
    --arch x64 -n now --no-queue
ok 'and fetches' muster build --os linux --arch x64 -n now --no-queue \
    -o now.tar.gz
ok 'what tar can read' tar -tzf now.tar.gz
ok 'jobs are lines of eight values' lines 5 8 muster jobs
ok 'the newest N' lines 2 8 muster jobs -n 2
ok 'by name' lines 2 8 muster jobs --name now
ok 'by status' lines 0 8 muster jobs --status failed
ok 'a status that is none is named' says 'status' muster jobs --status lost
cursor=$(muster jobs -n 2 --json | jq -r .nextCursor)
ok 'a cursor goes on' is "$(muster jobs -n 2 --after "$cursor" | cut -f 1)" \
    "$(muster jobs | cut -f 1 | sed -n 3,4p)"
ok 'JSON has it all' json '.jobs | length == 5' muster jobs --json
MUSTER_API_KEY=$admin muster build --os linux --arch x64 -w >/dev/null
ok 'everybody is for administrators: others see their own' is \
    "$(muster jobs -a 2>/dev/null | cut -f 6 | grep -cv bob)" 0
ok 'a job is names and values' says '^status	completed$' muster job "$id"
ok 'waited for, its code is its end' muster job -w "$id"
ok 'why it does not wait' says '^reason	' muster why "$id"
ok 'with JSON' json '.status == "completed"' muster why --json "$id"
ok 'a job that there is not is 1' exits 1 muster job \
    00000000-0000-4000-8000-000000000000
ok 'a log is lines of three values' says '	[a-z-]+	' muster logs "$id"
ok 'followed, it ends with the build' is "$(timeout 20 muster logs -f "$id")" \
    "$(muster logs "$id")"
ok 'with JSON, a line each' json '.text' muster logs --json "$id"

# -- downloads --
ok 'a package is fetched by its job' muster download -o a.tar.gz "$id"
sum=$(value "$id" checksum)
ok 'whole' is "$(sha256sum <a.tar.gz)" "$sum  -"
pub=$(value "$id" publicKey)
token=$(muster downloads | awk -F '\t' -v id="$id" '$2 == id { print $1 }')
ok 'or by its token, and checked with a key' muster download -k "$pub" \
    -o b.tar.gz "$token"
ok 'the same' cmp a.tar.gz b.tar.gz
ok 'another key is refused' exits 1 muster download -o c.tar.gz \
    -k AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= "$id"
ok 'links are lines of eight values' lines 5 8 muster downloads
counted() {
	muster downloads | awk -F '\t' -v t="$token" \
	    '$1 == t && $5 == 2 && $6 == 3 { ok = 1 } END { exit !ok }'
}
ok 'with what was fetched, of how many' wait_for counted
ok 'one is revoked by its token' muster revoke "$token"
ok 'and leads nowhere' exits 1 muster download -o d.tar.gz "$token"
ok 'with words why' says 'revoked' muster download -o d.tar.gz "$token"
ok 'a whole URL serves' muster revoke \
    "$(value "$(muster jobs -n 1 | cut -f 1)" downloadUrl)"
ok 'one that there is not is 1' exits 1 muster revoke AAAAAAAAAAAAAAAAAAAAAA

# -- events, webhooks --
ok 'events are lines of seven values' lines 15 7 muster events
ok 'behind a number' test "$(muster events --after "$(muster events |
    sed -n 10p | cut -f 1)" | wc -l)" -eq 5
ok 'with JSON, a line each' is "$(muster events --json |
    jq -s length)" 15
muster events -f >followed & follower=$!
at_end "kill $follower 2>/dev/null"
heard() { [ "$(wc -l <followed)" -ge 3 ]; }
many_builds() {
	muster build --os linux --arch x64 -w && heard
}
ok 'what happens is followed' wait_for many_builds
kill "$follower"
ok 'a webhook is its id and its secret' lines 1 2 \
    muster webhook add http://127.0.0.1:1/x -e buildJobFailed
hook=$(muster webhook list | cut -f 1)
ok 'is listed, without the secret' lines 1 6 muster webhook list
ok 'is shown' says '^url	http://127.0.0.1:1/x$' muster webhook show "$hook"
ok 'an event that there is not is named' says 'events' muster webhook add \
    http://127.0.0.1:1/x -e dance
ok 'a URL that is none is named' says 'url' muster webhook add nonsense
ok 'is removed' muster webhook remove "$hook"
ok 'once' exits 1 muster webhook remove "$hook"

# -- ends --
ok 'an ended build is not cancelled' exits 1 muster cancel "$id"
ok 'but deleted' muster delete "$id"
ok 'and gone' exits 1 muster job "$id"
two=$(muster jobs -n 2 | cut -f 1)
# shellcheck disable=SC2086
ok 'several at once' muster delete $two
ok 'all of them' is "$(muster jobs | grep -cF "$two")" 0

# -- for administrators --
ok 'figures are for administrators' exits 1 muster stats
ok 'the audit log, too' exits 1 muster audit
ok 'and the clean-up' exits 1 muster cleanup --server "$MUSTER_SERVER"
MUSTER_API_KEY=$admin
ok 'figures are names and values' says '^builds.completed	' muster stats
ok 'with JSON' json '.builds.stats.pending == 0' muster stats --json
ok 'the audit log is lines of eight values' lines 3 8 muster audit -n 3
ok 'in order' is "$(muster audit -n 3 | cut -f 1 | tr '\n' ' ')" '1 2 3 '
ok 'behind a number' is "$(muster audit --after 2 -n 1 | cut -f 1)" 3
ok 'with who did what' says 'account.disable	alice' muster audit
ok 'with JSON, a line each' is "$(muster audit --json | jq -s '.[0].seq')" 1
ok 'a clean-up can be tried' says 'would go' muster cleanup -n
ok 'or done' says 'gone' muster cleanup
ok 'with JSON' json '.dryRun' muster cleanup -n --json
ok 'both versions' lines 2 2 sh -c 'muster version | cut -f 1-2'
ok 'with JSON' json '.status == "ok" and .client' muster version --json
ok 'agents: none' lines 0 0 muster agents
ok 'with JSON' json '. == []' muster agents --json
ok 'one picture of top' says '^builds .*completed' muster top
ok 'with JSON' json '.stats.pending == 0 and (.newest | length > 0)' \
    muster top --json
MUSTER_API_KEY=$key
ok 'a user sees the own' says 'your own' muster top

# -- anything else --
net() { muster api --server "$MUSTER_SERVER" "$@"; }
ok 'any request can be sent' json '.account.name // .name == "bob"' \
    net /api/account
ok 'with a body' json '.webhook.url' net /api/webhooks \
    -d '{"url":"http://127.0.0.1:1/y"}'
echo '{"url":"http://127.0.0.1:1/z"}' >hook
from_stdin() { net -d - /api/webhooks <hook; }
ok 'from stdin, too' json '.webhook.url' from_stdin
ok 'of any method' json '.success' net -X DELETE \
    "/api/webhooks/$(muster webhook list | head -n 1 | cut -f 1)"
ok 'a refusal is its words' says 'administrators' net /api/audit
ok 'and its code' exits 1 net /api/audit
ok 'a wrong request is 100' exits 100 net /api/webhooks -d '{"url":1}'
ok 'what is no JSON comes as it is' says '^# (HELP|TYPE) ' muster api \
    --socket "$MUSTER_SOCKET" /metrics
ok 'a path is one' exits 100 net 'api/account'
ok 'of one line' exits 100 net "/x HTTP/1.1
Evil: 1"

# -- what cannot be written --
if [ -w /dev/full ]; then
	full() { "$@" >/dev/full; }
	ok 'a full disk is 111' exits 111 full muster jobs
	ok 'with JSON, too' exits 111 full muster jobs --json
	ok 'and of help' exits 111 full muster version
fi
unset MUSTER_API_KEY
ok 'no key is told by the name of its variable' says 'MUSTER_API_KEY' \
    muster jobs
ok 'with 100' exits 100 muster jobs
done_testing
