# muster: make (the tools, in build/bin), make demo, make check, make install.
# Every option is a variable: CC, SAN=1, PREFIX, DESTDIR, O (build directory).

O	= build
PREFIX	= /usr/local
CC	= cc
HOST	= $(O)/toolchain/host
OBJ	= $(O)/$(if $(SAN),san,obj)
BIN	= $(O)/$(if $(SAN),san/,)bin
MAKEFLAGS += --no-print-directory

# libuv: loop; mbedTLS 3.6 (built by scripts/toolchain, Debian 12 has 2.28):
# TLS 1.3; libsodium: Ed25519; jansson: JSON; LMDB: the store; wslay:
# WebSocket framing; http-parser: HTTP; uthash: hash tables.
LIBS	= $(HOST)/lib/libmbedtls.a $(HOST)/lib/libmbedx509.a \
	  $(HOST)/lib/libmbedcrypto.a -luv -ljansson -lsodium -llmdb -lwslay \
	  -lhttp_parser
WARN	= -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings \
	  -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wformat=2 -Werror
CFLAGS	= -O2 -g
CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Icommon -I$(HOST)/include
ALL_CFLAGS = -std=c11 $(WARN) $(CFLAGS) $(if $(SAN),$(SANFLAGS),$(HARDEN))
HARDEN	= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all \
	  -fno-omit-frame-pointer
LDFLAGS	= $(if $(SAN),$(SANFLAGS),-pie -Wl,-z,relro,-z,now)

# A tool is its name and its sources; a new one adds two lines.
TOOLS	= muster-buildsrv muster muster-sign muster-stamp muster-agent \
	  muster-updater muster-lock
SRC_muster-stamp = buildsrv/stamp.c
SRC_muster-sign	= $(wildcard buildsrv/sign*.c)
SRC_muster	= $(wildcard buildsrv/muster*.c)
SRC_muster-buildsrv = $(filter-out $(SRC_muster-stamp) $(SRC_muster-sign) \
	  $(SRC_muster),$(wildcard buildsrv/*.c))
SRC_muster-agent = $(wildcard agent/*.c)
SRC_muster-updater = $(wildcard updater/*.c)
SRC_muster-lock	= $(wildcard lockd/*.c)
COMMON	= $(filter-out common/platform_%.c,$(wildcard common/*.c)) \
	  common/platform_linux.c

all: $(TOOLS:%=$(BIN)/%)

$(HOST)/flags.mk: scripts/toolchain $(wildcard scripts/toolchain.d/*)
	@scripts/deps
	@scripts/toolchain --dir $(O)/toolchain host
	@touch $@

$(OBJ)/%.o: %.c $(HOST)/flags.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/libcommon.a: $(COMMON:%.c=$(OBJ)/%.o)
	@rm -f $@
	@ar rcs $@ $^

define tool_rule
$(BIN)/$(1): $$(SRC_$(1):%.c=$$(OBJ)/%.o) $$(OBJ)/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

UNIT	= $(patsubst t/unit/%.c,$(OBJ)/t/%.t,$(wildcard t/unit/*.c))
$(OBJ)/t/%.t: t/unit/%.c t/unit/tap.h $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-unused-function $(CPPFLAGS) -It/unit -MMD -MP \
	    $(LDFLAGS) -o $@ $< $(OBJ)/libcommon.a $(LIBS)

clean:
	rm -rf $(O)/obj $(O)/san $(O)/bin $(O)/templates

.PHONY: all clean
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
