# For the tests of the pipeline, after lib.sh: a small source tree with a
# sample agent in it, a signing helper, and job directories.
# shellcheck shell=sh disable=SC2034,SC2154

# The tree's make counts its compilations in $T/compiled.
sample_source() {
	mkdir -p "$T/src/agent" "$T/src/common" "$T/src/scripts"
	cp "$TOP/t/sample-template.c" "$T/src/agent/"
	printf '#!/bin/sh\necho "updater \$*" >>"%s"\n' "$T/updater-called" \
	    >"$T/src/agent/updater"
	cp "$TOP/common/stamp.h" "$TOP/common/settings.h" "$T/src/common/"
	cat >"$T/src/Makefile" <<-END
		template:; echo "\$(TARGET) \$(CAPS)" >>"$T/compiled" && \\
		    \$(CC) -O1 -static -s -Icommon -o \$(OUT) agent/*.c && \\
		    cp agent/updater \$(UPDATER)
	END
	MUSTER_SOURCE=$T/src
	MUSTER_TEMPLATE_DIR=$T/cache
	export MUSTER_SOURCE MUSTER_TEMPLATE_DIR
}

sample_agent() {
	${CC:-cc} -O1 -static -s -I"$TOP/common" -o "$1" \
	    "$TOP/t/sample-template.c"
}

compiled() {
	if [ -e "$T/compiled" ]; then
		wc -l <"$T/compiled" | tr -d ' '
	else
		echo 0
	fi
}

signer=
public_key=

# signer [OPTION...]: a helper with a new key; sets MUSTER_SIGN_SOCKET,
# $signer and $public_key.
signer() {
	MUSTER_SIGN_SOCKET=$T/sign.sock
	export MUSTER_SIGN_SOCKET
	[ -e "$T/keys/ed25519.key" ] ||
		muster-sign --keygen --key-dir "$T/keys" >"$T/public_key"
	read -r public_key <"$T/public_key"
	muster-sign --serve --key-dir "$T/keys" "$@" 2>"$T/sign.log" &
	signer=$!
	at_end "kill $signer 2>/dev/null; wait $signer 2>/dev/null"
	wait_for muster-sign --print-public-key
}

# request LINE: the helper's answer to it, as it is on the wire.  (perl: what
# runs the tests, prove, is a part of it.)
request() {
	perl -MIO::Socket::UNIX -e '
		$s = IO::Socket::UNIX->new($ARGV[0]) or die "$ARGV[0]: $!\n";
		print $s "$ARGV[1]\n"; $s->flush; print scalar <$s> // ""' \
	    "$MUSTER_SIGN_SOCKET" "$1"
}

# new_job DIR [NAME]: what the server leaves for the pipeline.
new_job() {
	mkdir -p "$1"
	printf '{"server":{"url":"ws://127.0.0.1/ws/agent"}}' >"$1/config.json"
	cat >"$1/job.env" <<-END
		MUSTER_JOB_ID=0f5f4f0e-1d2c-4b3a-8f6e-000000000001
		MUSTER_OS=linux
		MUSTER_ARCH=x64
		MUSTER_NAME=${2:-sample}
		MUSTER_CAPS=fs-monitor,telemetry
	END
}

# result DIR MEMBER: of the result line in DIR/out.
result() {
	sed -n 's/^::result //p' "$1/out" |
	    sed -n 's/.*"'"$2"'":"\{0,1\}\([^",}]*\).*/\1/p'
}

# build DIR: runs the pipeline there, output in DIR/out and DIR/err.
build() {
	muster-pipeline -d "$1" >"$1/out" 2>"$1/err" || {
		rc=$?
		cat "$1/out" "$1/err"
		return $rc
	}
}
