#!/bin/sh
# A server whose directories are named relative to where it was started builds
# in them all the same: the build itself works elsewhere.
. "${0%/*}/lib.sh"
command -v muster-pipeline >/dev/null || skip_all 'no scripts here'

cd "$T" || exit 1
muster-sign --keygen --key-dir keys >/dev/null
mkdir run
muster-sign --serve --key-dir keys --socket run/sign.sock 2>sign.log &
at_end kill $!
wait_for test -S run/sign.sock
muster-buildsrv --listen 127.0.0.1:0 --state-dir state --run-dir run \
    --build-dir made --source "$TOP" --scripts "$TOP/scripts" 2>srv.log &
at_end kill $!
wait_for grep -q listening srv.log
MUSTER_SERVER=$(sed -n 's/.*listening at \(http:.*\)/\1/p' srv.log)
MUSTER_API_KEY=$(muster account add op --run-dir run)
export MUSTER_SERVER MUSTER_API_KEY
job=$(muster build --os linux --arch x64 2>/dev/null)
has_begun() { [ "$(muster job "$job" | sed -n 's/^step	//p')" != start ]; }
ok 'the build begins'		wait_for has_begun
ok 'in the directory that was named' is "$(ls -d state/work)" state/work
muster cancel "$job" 2>/dev/null
did_not_fail() { muster job "$job" | grep -qE '^status	(cancelled|completed)'; }
ok 'and did not fail'		wait_for did_not_fail
done_testing
