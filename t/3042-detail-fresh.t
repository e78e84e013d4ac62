#!/bin/sh
# The detail of a job, which the server keeps as text, always shows what the
# job is: each further line, step and progress, its end, its removal.
. "${0%/*}/lib.sh"
for tool in curl jq; do
	command -v "$tool" >/dev/null || skip_all "no $tool"
done

# The pipeline says what comes into a file, until that is a result.
mkdir "$T/scripts"
ln -s "$TOP/scripts/muster-source-hash" "$T/scripts/"
cat >"$T/scripts/muster-pipeline" <<END
#!/bin/sh
echo content >out
exec 3<"$T/say"
while :; do
	read -r line <&3 || { sleep 0.02; continue; }
	echo "\$line"
	case \$line in ::result*) exit ;; esac
done
END
chmod 755 "$T/scripts/muster-pipeline"
: >"$T/say"
at_end "testbed --stop $T/srv"
testbed --server-arg --scripts --server-arg "$T/scripts" "$T/srv" \
    >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"

api() { curl -sS -H "Authorization: Bearer $MUSTER_API_KEY" "$@"; }
jobs=$MUSTER_SERVER/api/agents/build/jobs
id=$(api -H 'Content-Type: application/json' -d \
    '{"os":"linux","architecture":"x64"}' "${jobs%/jobs}" | jq -r .jobId)
# shows JQ VALUE: the detail does, asked again and again so that it is kept.
shows() { [ "$(api "$jobs/$id" | jq -r "$1")" = "$2" ]; }

ok 'it runs' wait_for shows .job.status running
n=0
while [ $n -lt 5 ]; do
	n=$((n + 1))
	echo "line $n" >>"$T/say"
	ok "line $n is there" wait_for shows \
	    "(.job.log | length), .job.log[-1].text | tostring" "$n
line $n"
done
echo '::step second' >>"$T/say"
ok 'the step changes' wait_for shows .job.step second
echo '::progress 42' >>"$T/say"
ok 'the progress changes' wait_for shows .job.progress 42
api "$jobs/$id" >"$T/first"
api "$jobs/$id" >"$T/second"
ok 'unchanged, the text is the same' cmp "$T/first" "$T/second"
other=$(muster account add other --socket "$MUSTER_SOCKET")
ok 'another user does not get what is kept' is "$(curl -s -o "$T/no" \
    -w '%{http_code}' -H "Authorization: Bearer $other" "$jobs/$id")" 404
echo '::result {"file":"out"}' >>"$T/say"
ok 'it ends' wait_for shows .job.status completed
ok 'all lines are there still' shows '.job.log | length' 5
ok 'with its download' shows '.job.downloadUrl | length > 40' true
ok 'it is removed' is "$(api -X DELETE "$jobs/$id" | jq .success)" true
ok 'and gone' is "$(api -o "$T/no" -w '%{http_code}' "$jobs/$id")" 404
done_testing
