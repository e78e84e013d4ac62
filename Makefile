# muster: make (the tools, in build/bin), make demo, make check, make install,
# make cross (the agent for every system), make lint, make fuzz, make bench,
# make torture.
# Options are variables: V=1 (say everything), SAN=1 (sanitizers), CC, PREFIX,
# DESTDIR, O (where output goes), TOOLCHAIN_DIR (scripts/toolchain's work).

O	= build
PREFIX	= /usr/local
CC	= cc
TOOLCHAIN_DIR ?= $(O)/toolchain
HOST	= $(TOOLCHAIN_DIR)/host
OBJ	= $(O)/$(if $(SAN),san,obj)
BIN	= $(O)/$(if $(SAN),san/,)bin
MAKEFLAGS += --no-print-directory
say	= $(if $(V),,@printf '%-4s %s\n' $(1) $(2);)

# libuv: loop; mbedTLS 3.6 (built by scripts/toolchain, Debian 12 has 2.28):
# TLS 1.3; libsodium: Ed25519; jansson: JSON; LMDB: the store; wslay:
# WebSocket framing; http-parser: HTTP; uthash: hash tables; zstd: patches;
# nettle: SHA-256 with the processor's own instructions, for packages and the
# gateway; the agents that are handed out take mbedTLS's.
LIBS	= $(HOST)/lib/libmbedtls.a $(HOST)/lib/libmbedx509.a \
	  $(HOST)/lib/libmbedcrypto.a -luv -ljansson -lsodium -llmdb -lwslay \
	  -lhttp_parser -lzstd -lnettle
WARN	= -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings \
	  -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wformat=2 -Werror
CFLAGS	= -O2 -g
CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHAVE_NETTLE -Icommon -isystem $(HOST)/include
ALL_CFLAGS = -std=c11 $(WARN) $(CFLAGS) $(if $(SAN),$(SANFLAGS),$(HARDEN))
HARDEN	= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all \
	  -fno-omit-frame-pointer
LDFLAGS	= $(if $(SAN),$(SANFLAGS),-pie -Wl,-z,relro,-z,now)

# A tool is its name and its sources; a new one adds two lines.
TOOLS	= muster-buildsrv muster muster-sign muster-stamp muster-agent \
	  muster-updater muster-lock muster-tuf
SRC_muster-stamp = buildsrv/stamp.c
SRC_muster-sign	= $(wildcard buildsrv/sign*.c)
SRC_muster	= $(wildcard buildsrv/muster*.c) $(filter-out %_keep.c,\
	  $(wildcard agent/policy_*.c))
SRC_muster-buildsrv = $(filter-out $(SRC_muster-stamp) $(SRC_muster-sign) \
	  $(SRC_muster),$(wildcard buildsrv/*.c))
SRC_muster-agent = $(filter-out %_other.c %_windows.c %_macos.c,\
	  $(wildcard agent/*.c))
SRC_muster-tuf	= updater/tuf_main.c
SRC_muster-updater = $(filter-out $(SRC_muster-tuf),$(wildcard updater/*.c))
SRC_muster-lock	= $(wildcard lockd/*.c)
COMMON	= $(filter-out common/platform_%.c,$(wildcard common/*.c)) \
	  $(wildcard common/platform_linux*.c) common/platform_posix.c

all: $(TOOLS:%=$(BIN)/%)

# The agent's modules: what a target can have of them.  Others than telemetry
# live on Linux alone, as do files named *_linux.c and sensor_*.c.
MODULES	= $(foreach m,telemetry fs-monitor process-monitor network-monitor \
	  policy analysis threat-intel,$(if $(wildcard \
	  agent/mod_$(subst -,_,$(m)).c),$(m)))
PORTABLE = telemetry
WITH_BPF = process-monitor network-monitor policy threat-intel
us	= $(subst -,_,$(1))
cap_flags = $(foreach m,$(1),-DCAP_$(call us,$(m)))
NATIVE_ONLY = agent/%_linux.c agent/sensor_%.c agent/policy_%.c \
	  agent/confine_%.c

# eBPF programs, bpf/NAME.bpf.c, become headers with their code inside.  Both
# the compiler and bpftool(8) can be missing: the agent then has none, says so,
# and its modules take their next best source.
BPFTOOL	:= $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool)
CLANG	:= $(shell command -v clang)
BPF_INC	= $(if $(wildcard /usr/include/bpf/bpf_helpers.h),,-isystem \
	  $(TOOLCHAIN_DIR)/$(NATIVE)-bpf/include)
BPF	:= $(if $(and $(BPFTOOL),$(CLANG)),1)
SKELS	= $(if $(BPF),$(patsubst bpf/%.bpf.c,$(O)/bpf/%.skel.h,\
	  $(wildcard bpf/*.bpf.c)))
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
HOST_BPF = $(if $(wildcard /usr/include/bpf/libbpf.h),$(BPF))

$(O)/bpf/%.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) -target bpf -g -O2 -Wall -Wextra -Werror \
	    -Wno-unused-parameter -Ibpf -idirafter /usr/include/$(MULTIARCH) \
	    $(BPF_INC) -c -o $@.g $<
	@$(BPFTOOL) gen object $@ $@.g && rm $@.g

$(O)/bpf/%.skel.h: $(O)/bpf/%.o
	@$(BPFTOOL) gen skeleton $< name $(call us,$*)_bpf >$@.new
	@mv $@.new $@
.SECONDARY: $(SKELS) $(SKELS:%.skel.h=%.o)

$(OBJ)/agent/%.o: ALL_CFLAGS += $(call cap_flags,$(MODULES)) \
	  $(if $(HOST_BPF),-DHAVE_BPF -isystem $(O)/bpf) -iquote bpf
# (-MMD leaves out what is a system's header, as these are to be.)
$(SRC_muster-agent:%.c=$(OBJ)/%.o): $(if $(HOST_BPF),$(SKELS))
$(OBJ)/agent/modules_table.o: $(wildcard agent/mod_*.c)
LIBS_muster-agent = $(if $(HOST_BPF),-lbpf -lelf -lz)


# (A toolchain takes long, and is not thrown away as a mere step on the way.)
.PRECIOUS: $(TOOLCHAIN_DIR)/%/flags.mk
$(TOOLCHAIN_DIR)/%/flags.mk: scripts/toolchain $(wildcard scripts/toolchain.d/*)
	@scripts/deps $(if $(filter host $(NATIVE) $(NATIVE)-bpf,$*),,--cross)
	@scripts/toolchain --dir $(TOOLCHAIN_DIR) $(if $(filter %-bpf,$*),--with \
	    bpf )$(*:%-bpf=%)
	@touch $@

$(OBJ)/%.o: %.c $(HOST)/flags.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/libcommon.a: $(COMMON:%.c=$(OBJ)/%.o)
	@rm -f $@
	@ar rcs $@ $^

define tool_rule
$(BIN)/$(1): $$(SRC_$(1):%.c=$$(OBJ)/%.o) $$(OBJ)/libcommon.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) $$(LIBS_$(1))
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

# It takes the file in as it is.
$(OBJ)/buildsrv/openapi.o $(O)/fuzz/o/buildsrv/openapi.o: buildsrv/openapi.json
$(OBJ)/agent/autostart_systemd_linux.o $(OBJ)/agent/autostart_sysv_linux.o: \
    $(wildcard scripts/package/linux/muster-agent.*)

# The agent that is handed out: static, from each target's own toolchain.
# CAPS are the modules it shall have, or all; others are left out of the
# binary, and so is what the target cannot have.
NATIVE	= linux-$(subst x86_64,x64,$(subst aarch64,arm64,$(shell uname -m)))
TARGETS	= linux-x64 linux-arm64 windows-x64 windows-arm64 macos-x64 macos-arm64
CAPS	= telemetry
TARGET	= $(NATIVE)
comma	= ,
is_linux = $(filter linux-%,$(1))
asked	= $(filter $(if $(filter all,$(CAPS)),%,$(subst $(comma), ,$(CAPS))),\
	  $(if $(call is_linux,$(1)),$(MODULES),$(PORTABLE)))
# The files of a module that is not asked for, or not of this system.
left_out = $(foreach m,$(filter-out $(call asked,$(1)),$(MODULES)),\
	  agent/mod_$(call us,$(m)).c agent/mod_$(call us,$(m))_%.c) \
	  $(if $(call is_linux,$(1)),,$(NATIVE_ONLY)) common/platform_%.c \
	  common/store%.c common/tuf_make.c
agent_src = $(filter-out $(call left_out,$(1)),$(SRC_muster-agent) \
	  $(wildcard common/*.c)) \
	  $(if $(call is_linux,$(1)),,$(wildcard agent/*_other.c)) \
	  $(if $(call is_linux,$(1)),,$(wildcard agent/*_$(call os_of,$(1)).c)) \
	  $(wildcard common/platform_$(call os_of,$(1))*.c) \
	  $(if $(filter windows-%,$(1)),,common/platform_posix.c)
os_of	= $(firstword $(subst -, ,$(1)))
bpf_of	= $(if $(call is_linux,$(1)),$(if $(filter $(WITH_BPF),\
	  $(call asked,$(1))),$(BPF)))
tcdir	= $(TOOLCHAIN_DIR)/$(1)$(if $(call bpf_of,$(1)),-bpf)
tc	= $(shell sed -n 's/^$(1) := //p' $(call tcdir,$(2))/flags.mk)
agent_of = $(O)/target/$(1)/$(CAPS)/muster-agent$(if $(filter windows%,$(1)),.exe)
# It goes along with the agent, where it can work: it starts processes and
# follows them as Linux alone lets it.
updater_of = $(if $(call is_linux,$(1)),$(O)/target/$(1)/$(CAPS)/muster-updater)
updater_src = $(SRC_muster-updater) $(filter common/%,$(call agent_src,$(1)))

# On all headers: what -MMD writes does not hold for an O of another name, as
# the build server has it.
define target_rule
$(O)/target/$(1)/$(CAPS)/%.o: %.c $(call tcdir,$(1))/flags.mk \
    $(wildcard agent/*.h bpf/*.h common/*.h updater/*.h \
    scripts/package/linux/muster-agent.*) $(if $(call bpf_of,$(1)),$(SKELS))
	@mkdir -p $$(@D)
	$(call say,CC,$$@)$(call tcdir,$(1))/bin/cc -std=c11 $(WARN) -O2 -D_GNU_SOURCE \
	    -D_FILE_OFFSET_BITS=64 $(call cap_flags,$(call asked,$(1))) \
	    $(if $(call bpf_of,$(1)),-DHAVE_BPF -isystem $(O)/bpf) -iquote bpf \
	    $$(call tc,TC_CFLAGS,$(1)) -Icommon -MMD -MP -c -o $$@ $$<

$(O)/target/$(1)/$(CAPS)/agent/modules_table.o: $(wildcard agent/mod_*.c)

$(call agent_of,$(1)): $(patsubst %.c,$(O)/target/$(1)/$(CAPS)/%.o,$(call agent_src,$(1)))
	$(call say,LINK,$$@)$(call tcdir,$(1))/bin/cc -o $$@ $$(call tc,TC_LDFLAGS,$(1)) $$^ \
	    $$(call tc,TC_LIBS,$(1))
endef
define updater_rule
$(call updater_of,$(1)): $(patsubst %.c,$(O)/target/$(1)/$(CAPS)/%.o,$(call updater_src,$(1)))
	$(call say,LINK,$$@)$(call tcdir,$(1))/bin/cc -o $$@ $$(call tc,TC_LDFLAGS,$(1)) $$^ \
	    $$(call tc,TC_LIBS,$(1))
endef
$(foreach t,$(TARGETS),$(eval $(call target_rule,$(t))))
$(foreach t,$(call is_linux,$(TARGETS)),$(eval $(call updater_rule,$(t))))

cross: $(foreach t,$(TARGETS),$(call agent_of,$(t)) $(call updater_of,$(t)))

# What the build pipeline calls: one template, copied to OUT, and the updater
# that goes with it, to UPDATER.
template: $(call agent_of,$(TARGET)) $(call updater_of,$(TARGET))
	@[ -z "$(OUT)" ] || cp $(call agent_of,$(TARGET)) "$(OUT)"
	@[ -z "$(UPDATER)" ] || cp $(call updater_of,$(TARGET)) "$(UPDATER)"

# What unit tests and benches take of the agent.
$(OBJ)/libagent.a: $(patsubst %.c,$(OBJ)/%.o,$(filter-out agent/agent.c,$(SRC_muster-agent)))
	@rm -f $@
	@ar rcs $@ $^

# What runs programs in the kernel itself is left out where there are none.
BPF_TESTS = t/unit/policy_kernel.c t/bench/policy.c t/bench/policy_flood.c
unbuilt	= $(if $(HOST_BPF),,$(BPF_TESTS))
UNIT	= $(patsubst t/unit/%.c,$(OBJ)/t/%.t,$(filter-out $(unbuilt),\
	  $(wildcard t/unit/*.c)))
$(OBJ)/t/%.t: t/unit/%.c t/unit/tap.h $(OBJ)/libagent.a $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(ALL_CFLAGS) -Wno-unused-function $(CPPFLAGS) -Iagent -It/unit -MMD -MP \
	    $(LDFLAGS) -o $@ $< $(OBJ)/libagent.a $(OBJ)/libcommon.a $(LIBS) $(LIBS_muster-agent)

# Debian 12's valgrind knows neither landlock's calls nor seccomp's, so what
# confines itself is for the sanitizers, and so is a host whose modules are its
# own program (/proc/self/exe is valgrind there); t/valgrind.supp has the rest.
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full \
	  --suppressions=t/valgrind.supp
valgrind: $(filter-out %/confine.t %/modules.t,$(UNIT))
	@scripts/deps --test
	LOCK_RACE_SECONDS=12 LOCK_RACE_PROCESSES=40 \
	    prove -j$(J) -e '$(VALGRIND)' $^

# T=t/1234-x.t runs one, J=1 one after the other: most wait more than they work.
# The toolchain of the native agent is needed by the tests that build one.
# With SAN=1 what any process reports fails the whole, also where the test
# looks at something else.
J	= 3
REPORT	= $(abspath $(OBJ))/report
sanenv	= $(if $(SAN),ASAN_OPTIONS=log_path=$(REPORT) MUSTER_T_LIMIT=1200 \
	  UBSAN_OPTIONS=log_path=$(REPORT))
check: all $(UNIT) $(call agent_of,$(NATIVE))
	@scripts/deps --test
	@rm -f $(REPORT).*
	$(sanenv) MUSTER_BIN=$(abspath $(BIN)) prove -j$(J) $(if $(V),-v) \
	    $(or $(T),t $(OBJ)/t) || rc=$$?; \
	[ -z "$(SAN)" ] || ! cat $(REPORT).* 2>/dev/null || rc=1; \
	exit $${rc:-0}

demo: all
	@MUSTER_BIN=$(abspath $(BIN)) scripts/demo

SCRIPTS	= $(filter-out %.md,$(shell grep -lE '^\#!.*sh' -r scripts t .ci 2>/dev/null))
TIDY	= -*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,$\
	  -bugprone-reserved-identifier,-bugprone-narrowing-conversions,$\
	  -bugprone-branch-clone,-bugprone-implicit-widening-of-*,$\
	  -bugprone-misplaced-widening-cast,-bugprone-suspicious-missing-comma,$\
	  -clang-analyzer-unix.Malloc,$\
	  -clang-analyzer-security.insecureAPI.*,$\
	  -clang-analyzer-optin.performance.Padding
# (unix.Malloc takes every link of list.h and uthash for a use after free;
# the sanitizers and valgrind watch that.)
lint: $(HOST)/flags.mk $(if $(HOST_BPF),$(SKELS))
	@scripts/deps --test
	ls agent/*.c buildsrv/*.c common/*.c lockd/*.c updater/*.c | \
	    grep -vE '_(macos|windows)[_.]' | xargs -P2 -I{} clang-tidy \
	    --quiet --warnings-as-errors='*' --checks='$(TIDY)' {} -- \
	    -std=c11 $(CPPFLAGS) $(if $(HOST_BPF),-DHAVE_BPF -isystem $(O)/bpf) \
	    -iquote bpf 2>/dev/null
	shellcheck -x $(SCRIPTS)
	mandoc -T lint -W warning $(wildcard man/*.[1-8])

# libFuzzer, FUZZ_TIME seconds for each parser, from t/fuzz/NAME.c.
FUZZ_TIME = 20
FUZZ	= $(patsubst t/fuzz/%.c,$(O)/fuzz/%,$(wildcard t/fuzz/*.c))
FUZZFLAGS = -std=c11 -g -O1 -fsanitize=address,undefined $(CPPFLAGS) -iquote bpf
FUZZED	= $(COMMON) $(filter-out buildsrv/main.c,$(SRC_muster-buildsrv)) \
	  $(filter-out agent/agent.c,$(SRC_muster-agent))
$(O)/fuzz/o/%.o: %.c $(HOST)/flags.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)clang $(FUZZFLAGS) -fsanitize=fuzzer-no-link -MMD -MP \
	    -c -o $@ $<
$(O)/fuzz/parsers.a: $(FUZZED:%.c=$(O)/fuzz/o/%.o)
	@rm -f $@
	@ar rcs $@ $^
$(O)/fuzz/%: t/fuzz/%.c $(O)/fuzz/parsers.a
	$(call say,LINK,$@)clang $(FUZZFLAGS) -fsanitize=fuzzer -Ibuildsrv -Iagent \
	    -o $@ $^ $(LIBS)
fuzz: $(FUZZ)
	@set -e; for f in $(FUZZ); do echo "fuzz $${f##*/}"; \
	    mkdir -p $(O)/corpus/$${f##*/}; \
	    $$f -max_total_time=$(FUZZ_TIME) -artifact_prefix=$(O)/fuzz/ \
		$(O)/corpus/$${f##*/} 2>$$f.log || { cat $$f.log; exit 1; }; \
	    tail -n 1 $$f.log; done

# B=download measures one; the names are those of scripts/bench.d.
BENCH	= $(patsubst t/bench/%.c,$(OBJ)/bench/%,$(filter-out $(unbuilt),\
	  $(wildcard t/bench/*.c)))
$(OBJ)/bench/%: t/bench/%.c $(OBJ)/libagent.a $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(ALL_CFLAGS) -Wno-unused-function $(CPPFLAGS) -Iagent -It/unit -MMD -MP \
	    $(LDFLAGS) -o $@ $< $(OBJ)/libagent.a $(OBJ)/libcommon.a $(LIBS) $(LIBS_muster-agent)
# Many agents in one process: muster-swarm(1).
SWARM	= $(OBJ)/bench/muster-swarm
$(SWARM): $(patsubst %.c,$(OBJ)/%.o,$(wildcard t/swarm/*.c)) $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lm
bench: all $(BENCH) $(SWARM) $(call agent_of,$(NATIVE))
	@scripts/deps --bench
	@MUSTER_BIN=$(abspath $(BIN)) MUSTER_BENCH=$(abspath $(OBJ))/bench \
	    scripts/bench $(B)

# kill -9 for as long as it takes to believe that nothing is lost: minutes.
torture: all $(filter %/policy_kernel.t,$(UNIT)) $(OBJ)/t/store_kill.t \
    $(OBJ)/t/lock_race.t $(call agent_of,$(NATIVE))
	@scripts/deps --test
	MUSTER_BIN=$(abspath $(BIN)) prove -v t/torture

# The sources and the native toolchain go along: the server compiles from
# them.
SHARE	= $(DESTDIR)$(PREFIX)/share
LIBDIR	= $(DESTDIR)$(PREFIX)/lib/muster
UNITDIR	= $(DESTDIR)$(PREFIX)/lib/systemd/system
COMPLETION = $(SHARE)/bash-completion/completions
CRONDIR	= $(DESTDIR)/etc/cron.d
LOGROTATE = $(DESTDIR)/etc/logrotate.d
install: all $(TOOLCHAIN_DIR)/$(NATIVE)/flags.mk \
    $(if $(BPF),$(TOOLCHAIN_DIR)/$(NATIVE)-bpf/flags.mk)
	install -d $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/toolchains $(UNITDIR) \
	    $(SHARE)/muster/src $(COMPLETION) $(CRONDIR) $(LOGROTATE)
	install $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 7 8; do install -d $(SHARE)/man/man$$s && \
	    install -m 644 man/*.$$s $(SHARE)/man/man$$s; done
	cp -R scripts/muster-* scripts/debug-link scripts/steps scripts/package scripts/testbed \
	    $(LIBDIR)
	rm -rf $(LIBDIR)/toolchains/$(NATIVE)
	cp -R $(TOOLCHAIN_DIR)/$(NATIVE) $(LIBDIR)/toolchains
	[ ! -d $(TOOLCHAIN_DIR)/$(NATIVE)-bpf ] || { \
	    rm -rf $(LIBDIR)/toolchains/$(NATIVE)-bpf; \
	    cp -R $(TOOLCHAIN_DIR)/$(NATIVE)-bpf $(LIBDIR)/toolchains; }
	cp -R Makefile agent bpf common scripts updater $(SHARE)/muster/src
	install -m 644 scripts/completion/muster $(COMPLETION)
	for t in agent lock; do install -m 644 \
	    scripts/completion/muster-agent $(COMPLETION)/muster-$$t; done
	install -m 644 scripts/logrotate/muster $(LOGROTATE)
	for u in scripts/systemd/*; do \
	    sed 's,@PREFIX@,$(PREFIX),' $$u >$(UNITDIR)/$${u##*/}; done
	sed 's,@PREFIX@,$(PREFIX),' scripts/cron/muster >$(CRONDIR)/muster

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%) $(COMPLETION)/muster \
	    $(COMPLETION)/muster-agent $(COMPLETION)/muster-lock \
	    $(CRONDIR)/muster $(LOGROTATE)/muster \
	    $(patsubst scripts/systemd/%,$(UNITDIR)/%,$(wildcard scripts/systemd/*))
	cd man && for f in *.[1-8]; do \
	    rm -f $(SHARE)/man/man$${f##*.}/$$f; done
	rm -rf $(LIBDIR) $(SHARE)/muster

clean:
	rm -rf $(O)/obj $(O)/san $(O)/bin $(O)/bpf $(O)/target $(O)/fuzz

.PHONY: all cross template check valgrind demo lint fuzz bench torture install uninstall clean
-include $(shell find $(O)/obj $(O)/san $(O)/target -name '*.d' 2>/dev/null)
