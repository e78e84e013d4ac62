#!/bin/sh
# The description of the API is whole: it has every route and no other, what
# it refers to is there, and answers look as it says.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

D=$TOP/buildsrv/openapi.json
ok 'it is JSON' jq -e . "$D"
ok 'of OpenAPI 3.0' is "$(jq -r .openapi "$D" | cut -c 1-3)" 3.0

# METHOD PATH ACCESS, a parameter as ":".
perl -0777 -ne 'print "$1 $2 \L$3\n" while
    /^\t\{ "([A-Z]+)",\s*"([^"]+)",\s*([A-Z]+),/gm' "$TOP/buildsrv/api.c" |
    sort >"$T/routes"
jq -r '.paths | to_entries[] | .key as $p | .value | to_entries[] |
    "\(.key | ascii_upcase) \($p | gsub("{[a-z]+}"; ":")) \(.value["x-muster-access"])"' \
    "$D" | sort >"$T/described"
ok 'the table of routes was read' test "$(wc -l <"$T/routes")" -gt 20
ok 'it has every route of the server, with its access, and no other' \
    diff "$T/routes" "$T/described"

ok 'every reference leads somewhere' is "$(jq -r '. as $d |
    [.. | objects | .["$ref"]? // empty] | unique[] | . as $r |
    select($d | getpath($r | ltrimstr("#/") | split("/")) == null)' "$D")" ''
ok 'every component is used' is "$(jq -r '
    ([.. | objects | .["$ref"]? // empty] | unique) as $r | .components |
    to_entries[] | select(.key != "securitySchemes") | .key as $k |
    .value | keys[] | "#/components/\($k)/\(.)" |
    select(. as $c | $r | index($c) | not)' "$D")" ''
ok 'names of operations are unique' is "$(jq -r '[.paths[][].operationId] |
    group_by(.)[] | select(length > 1)[0]' "$D")" ''
ok 'every operation says what it is and what it answers' is "$(jq -r '
    .paths | to_entries[] | .key as $p | .value | to_entries[] |
    select(.value.summary == null or (.value.tags | length) != 1 or
    (.value.responses | keys | any(startswith("2")) | not) and
    .value.responses["101"] == null) | "\(.key) \($p)"' "$D")" ''
ok 'the parameters of paths are declared' is "$(jq -r '. as $d | .paths |
    to_entries[] | .key as $p | .value[] |
    [.parameters[]? | if has("$ref") then .["$ref"] | ltrimstr("#/") |
    split("/") as $w | $d | getpath($w) else . end |
    select(.in == "path") | .name] as $have |
    [$p | scan("{([a-z]+)}")[0]] | select(. != $have) | $p' "$D")" ''

at_end "testbed --stop $T/srv"
serve --max-queued-per-user 2
user=$(account one)
A=$MUSTER_API_KEY

ok 'the server hands it out, without a key' is \
    "$(api - GET /api/openapi.json)" 200
ok 'as it is' cmp "$T/body" "$D"

# described KEY METHOD PATH STATUS DESCRIBED-PATH [CURL-ARGUMENT...]
described() {
	k=$1 m=$2 p=$3 s=$4 d=$5
	shift 5
	got=$(api "$k" "$m" "$p" "$@")
	[ "$got" = "$s" ] || {
		echo "$m $p: $got, not $s"
		cat "$T/body"
		return 1
	}
	jq -n -r --slurpfile d "$D" --slurpfile v "$T/body" --arg s "$s" \
	    --arg m "$(echo "$m" | tr "[:upper:]" "[:lower:]")" --arg p "$d" \
	    -f "$TOP/t/openapi.jq" >"$T/faults" || return 1
	[ ! -s "$T/faults" ] || {
		cat "$T/faults" "$T/body"
		return 1
	}
}
json='Content-Type: application/json'
good='{"os":"linux","architecture":"x64","customName":"quick","maxDownloads":3}'
ok 'a queued build' described "$user" POST /api/agents/build 202 \
    /api/agents/build -d "$good" -H "$json"
id=$(get .jobId)
WAIT=20 wait_for has_status "$user" "$id" completed
ok 'one that is waited for' described "$user" POST /api/agents/build 200 \
    /api/agents/build -d "${good%\}},\"useQueue\":false}" -H "$json"
ok 'one that is refused' described "$user" POST /api/agents/build 400 \
    /api/agents/build -d '{"os":"linux","architecture":"universal"}' -H "$json"
ok 'a list' described "$user" GET "$J?limit=1" 200 "$J"
ok 'a job' described "$user" GET "$J/$id" 200 "$J/{job}"
ok 'its log' described "$user" GET "$J/$id/log" 200 "$J/{job}/log"
ok 'why' described "$user" GET "$J/$id/why" 200 "$J/{job}/why"
ok 'a cancel that comes too late' described "$user" POST "$J/$id/cancel" 409 \
    "$J/{job}/cancel"
ok 'another job that is not there' described "$user" GET "$J/x" 404 "$J/{job}"
broken=$(build "$user" fails)
WAIT=20 wait_for has_status "$user" "$broken" failed
ok 'a failed job' described "$user" GET "$J/$broken" 200 "$J/{job}"
ok 'why it failed' described "$user" GET "$J/$broken/why" 200 "$J/{job}/why"
for i in 1 2 3 4; do
	held=$(build "$user" "hold$i")
done
ok 'a running job' described "$user" GET "$J?status=running" 200 "$J"
ok 'a pending job' described "$user" GET "$J?status=pending" 200 "$J"
ok 'why it waits' described "$user" GET "$J/$held/why" 200 "$J/{job}/why"
ok 'one too many' described "$user" POST /api/agents/build 429 \
    /api/agents/build -d "$good" -H "$json"
ok 'a cancel' described "$user" POST "$J/$held/cancel" 200 "$J/{job}/cancel"
ok 'a job is deleted' described "$user" DELETE "$J/$broken" 200 "$J/{job}"
ok 'figures of builds' described "$A" GET /api/agents/build/stats 200 \
    /api/agents/build/stats
ok 'tokens' described "$user" GET /api/artifacts/downloads 200 \
    /api/artifacts/downloads
ok 'figures of artifacts' described "$A" GET /api/artifacts/stats 200 \
    /api/artifacts/stats
ok 'a clean-up' described "$A" POST '/api/cleanup?dryRun=1' 200 /api/cleanup
ok 'events' described "$user" GET /api/events 200 /api/events
ok 'a webhook' described "$user" POST /api/webhooks 201 /api/webhooks \
    -d '{"url":"https://hooks.example.org/x"}' -H "$json"
hook=$(get .webhook.id)
ok 'webhooks' described "$user" GET /api/webhooks 200 /api/webhooks
ok 'one of them' described "$user" GET "/api/webhooks/$hook" 200 \
    '/api/webhooks/{webhook}'
ok 'it ends' described "$user" DELETE "/api/webhooks/$hook" 200 \
    '/api/webhooks/{webhook}'
ok 'the own account' described "$user" GET /api/account 200 /api/account
ok 'a new one' described local POST /api/accounts 201 /api/accounts \
    -d '{"name":"two","workspaces":["w"]}' -H "$json"
ok 'all accounts' described "$A" GET /api/accounts 200 /api/accounts
for verb in rotate disable enable; do
	ok "$verb" described local POST "/api/accounts/two/$verb" 200 \
	    "/api/accounts/{account}/$verb"
done
ok 'workspaces' described local PUT /api/accounts/two/workspaces 200 \
    '/api/accounts/{account}/workspaces' -d '{"workspaces":[]}' -H "$json"
ok 'the audit log' described "$A" GET /api/audit 200 /api/audit
ok 'agents' described "$user" GET /agents 200 /agents
. "${0%/*}/tuf-lib.sh"
new_key root
tuf init "$R" --root-key "$T/root" --targets-key "$T/root" -k "$T/root" \
    --online-key "$(muster-sign --print-public-key \
    --socket "$T/srv/run/sign.sock")"
echo release >"$T/file-1.0"
tuf target "$R" -k "$T/root" -f "$T/file-1.0" -V 1.0 --platform linux-x64
file=$(sha256sum <"$T/file-1.0")
ok 'a part of a release' described "$A" PUT \
    "/api/releases/files/${file%% *}?size=8" 200 '/api/releases/files/{file}' \
    --data-binary "@$T/file-1.0"
muster release publish "$R" >"$T/out"
ok 'releases' described "$user" GET /api/releases 200 /api/releases
ok 'a rollout' described "$A" POST /api/rollouts 201 /api/rollouts \
    -d '{"version":"1.0","stages":[1,100]}' -H "$json"
rollout=$(get .rollout.id)
ok 'rollouts' described "$A" GET /api/rollouts 200 /api/rollouts
ok 'one of them' described "$A" GET "/api/rollouts/$rollout" 200 \
    '/api/rollouts/{rollout}'
ok 'it is paused' described "$A" POST "/api/rollouts/$rollout/change" 200 \
    '/api/rollouts/{rollout}/change' -d '{"action":"pause"}' -H "$json"
ok 'an update of no agent' described "$A" GET \
    '/api/agents/update?agent_id=x&version=1' 404 /api/agents/update
ok 'health' described - GET /healthz 200 /healthz
ok 'no key' described - GET /api/account 401 /api/account
ok 'not for this role' described "$user" GET /api/audit 403 /api/audit
done_testing
