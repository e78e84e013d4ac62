#!/bin/sh
# The pipeline refuses what it cannot build, in words, and leaves no result.
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

sample_agent "$T/probe" || skip_all 'no static C compiler'
sample_source
MUSTER_UNSIGNED=1
export MUSTER_UNSIGNED
new_job "$T/job"
# shellcheck disable=SC2120
run() { muster-pipeline -d "$T/job" "$@"; }

# with NAME VALUE: the job, with one other line in job.env
with() {
	new_job "$T/job"
	sed "s|^$1=.*|$1=$2|" "$T/job/job.env" >"$T/env"
	cp "$T/env" "$T/job/job.env"
}

# shellcheck disable=SC2016
with MUSTER_NAME '$(touch x)'
ok 'a name cannot be a command' exits 1 run
ok 'and is refused in words' says 'MUSTER_NAME: a character' run
ok 'nothing was run' test ! -e "$T/job/x"
with MUSTER_NAME '../up'
ok 'nor a path' exits 1 run
with MUSTER_NAME '--help'
ok 'nor an option' says 'must begin with a letter' run
with MUSTER_NAME ''
ok 'nor nothing' exits 1 run
with MUSTER_CAPS 'a b'
ok 'nor capabilities two words' says 'MUSTER_CAPS' run
with MUSTER_ARCH m68k
ok 'an unknown target is refused' says 'linux-m68k cannot be built' run
new_job "$T/job"
echo 'LD_PRELOAD=x' >>"$T/job/job.env"
ok 'an unknown variable is refused' says 'LD_PRELOAD: is not known' run
new_job "$T/job"
rm "$T/job/config.json"
ok 'no configuration' says 'there is no config.json' run

new_job "$T/job"
echo '{"broken"' >"$T/job/config.json"
ok 'a broken configuration fails' exits 1 run
run >"$T/out" 2>&1
ok 'in the step stamp' grep -q '^muster-pipeline: stamp: ' "$T/out"
ok 'without a result' exits 1 grep -q '^::result' "$T/out"

new_job "$T/job"
(unset MUSTER_UNSIGNED; run) >"$T/out" 2>&1
ok 'unsigned only when told so' grep -q 'MUSTER_SIGN_SOCKET is not set' "$T/out"
(unset MUSTER_TEMPLATE_DIR; run) >"$T/out" 2>&1
ok 'no cache' grep -q 'MUSTER_TEMPLATE_DIR is not set' "$T/out"
ok 'unsigned is said in the result' says '"unsigned":true' run
MUSTER_SIGN_SOCKET=$T/none
export MUSTER_SIGN_SOCKET
ok 'a helper that is not there' exits 111 run
unset MUSTER_SIGN_SOCKET

# A self-test that fails, and one that never ends.
sed 's/return n == 0;/return 3;/' "$TOP/t/sample-template.c" \
    >"$T/src/agent/sample-template.c"
ok 'an agent whose self-test fails is not packed' exits 1 run
ok 'in words' says "own test failed \(3\)" run
sed 's/return n == 0;/for (;;) continue;/' "$TOP/t/sample-template.c" \
    >"$T/src/agent/sample-template.c"
MUSTER_SELF_TEST_TIMEOUT=1
export MUSTER_SELF_TEST_TIMEOUT
ok 'one that hangs is ended' says 'did not end in time' run
ok 'without a result' exits 1 grep -q '^::result' "$T/.says"

# By hand, step by step.
cp "$TOP/t/sample-template.c" "$T/src/agent/"
rm -rf "$T/job"
new_job "$T/job"
ok 'a step without the one before' says 'run the step template first' \
	run stamp
for s in configuration template stamp self-test package sign checksum; do
	ok "the step $s alone" run "$s"
done
ok 'and the last one again gives the result' says '^::result ' run checksum
ok 'an unknown step' exits 100 run polish
ok 'is told with the usage' says '^usage: ' run polish
ok 'an unknown option' exits 100 muster-pipeline --fast
ok '--help' exits 0 muster-pipeline --help
done_testing
