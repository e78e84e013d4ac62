#!/bin/sh
# A setting comes from the flag, else the environment, else the file, else
# the default, and --show-config tells which.
. "${0%/*}/lib.sh"

echo '{"max_concurrent_builds":5,"listen":["a:1","b:2"],"state_dir":"/s"}' \
    >"$T/c.json"
shown() {
	name=$1
	shift
	is "$("$@" --show-config | grep "^$name	" | tr '\t' ' ')" "$WANT"
}
export WANT
WANT='max-concurrent-builds 2 default' \
    ok 'the default' shown max-concurrent-builds muster-buildsrv
WANT='max-concurrent-builds 5 file' ok 'the file over the default' \
    shown max-concurrent-builds muster-buildsrv --config "$T/c.json"
WANT='max-concurrent-builds 6 environment' \
    ok 'the environment over the file' shown max-concurrent-builds \
    env MAX_CONCURRENT_BUILDS=6 muster-buildsrv --config "$T/c.json"
WANT='max-concurrent-builds 7 flag' ok 'the flag over all' \
    shown max-concurrent-builds \
    env MAX_CONCURRENT_BUILDS=6 muster-buildsrv --config "$T/c.json" -j7
WANT='listen a:1,b:2 file' ok 'a list from the file' \
    shown listen muster-buildsrv --config "$T/c.json"
WANT='listen x:1,y:2 flag' ok 'a list of flags replaces it' \
    shown listen muster-buildsrv --config "$T/c.json" -l x:1 --listen=y:2
WANT='state-dir /s file' ok 'directories too' \
    shown state-dir muster-buildsrv --config "$T/c.json"
WANT='open-registration true flag' ok 'a switch' \
    shown open-registration muster-buildsrv --open-registration
WANT='open-registration false flag' ok 'and its opposite' \
    shown open-registration muster-buildsrv --open-registration \
    --no-open-registration
done_testing
