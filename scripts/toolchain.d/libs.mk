# The libraries of one target, called by scripts/toolchain in its directory:
# make -f libs.mk -C DIR/TARGET.new OS=linux LIBS='uv ...' uv=SRC ...
# Each object and archive prints a line, which the script counts.

include flags.mk
CC := bin/cc
AR := bin/ar
D  := $(patsubst %/,%,$(dir $(lastword $(filter %libs.mk,$(MAKEFILE_LIST)))))
CFLAGS := -O2 -g0 -w $(TC_CFLAGS)
unix := $(if $(filter windows,$(OS)),,1)

# Per library L: L_S source directory, L_C files in it, L_F flags.
uv_S := $(uv)/src
uv_C = fs-poll idna inet random strscpy strtok threadpool timer uv-common \
	uv-data-getter-setters version \
	$(if $(unix),$(addprefix unix/,async core dl fs getaddrinfo getnameinfo \
	loop-watcher loop pipe poll process random-devurandom signal stream tcp \
	thread tty udp proctitle $(uv_C_$(OS))),$(addprefix win/,$(uv_C_$(OS))))
uv_C_linux := epoll linux-core linux-inotify linux-syscalls procfs-exepath \
	random-getrandom random-sysctl-linux
uv_C_macos := bsd-ifaddrs kqueue random-getentropy darwin-proctitle darwin \
	fsevents
uv_C_windows := async core detect-wakeup dl error fs fs-event getaddrinfo \
	getnameinfo handle loop-watcher pipe thread poll process process-stdio \
	signal snprintf stream tcp tty udp util winapi winsock
uv_F = -I$(uv)/src -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE $(uv_F_$(OS))
uv_F_macos := -D_DARWIN_UNLIMITED_SELECT=1 -D_DARWIN_USE_64_BIT_INODE=1
uv_F_windows := -DWIN32_LEAN_AND_MEAN -D_CRT_DECLARE_NONSTDC_NAMES=0

mbed_C := $(basename $(notdir $(wildcard $(mbedtls)/library/*.c)))
mbedtls_S := $(mbedtls)/library
mbedx509_S := $(mbedtls_S)
mbedcrypto_S := $(mbedtls_S)
mbedtls_C := $(filter ssl_% mps_% debug net_sockets,$(mbed_C))
mbedx509_C := $(filter x509% pkcs7,$(mbed_C))
mbedcrypto_C := $(filter-out $(mbedtls_C) $(mbedx509_C),$(mbed_C))

jansson_S := $(jansson)/src
jansson_C := $(basename $(notdir $(wildcard $(jansson_S)/*.c)))
jansson_F := -Iobj -DHAVE_STDINT_H -DHAVE_ATOMIC_BUILTINS $(if $(unix), \
	-DHAVE_FCNTL_H -DHAVE_SCHED_H -DHAVE_UNISTD_H -DHAVE_SYS_STAT_H \
	-DHAVE_SYS_TIME_H -DHAVE_SYS_TYPES_H -DHAVE_OPEN -DHAVE_CLOSE \
	-DHAVE_READ -DUSE_URANDOM -DHAVE_GETTIMEOFDAY -DHAVE_GETPID \
	-DHAVE_SCHED_YIELD,-DUSE_WINDOWS_CRYPTOAPI)

# Portable C: the SIMD variants want flags of their own, file by file.
sodium_S := $(sodium)/src/libsodium
sodium_C := $(patsubst $(sodium_S)/%.c,%,\
	$(sort $(shell find $(sodium_S) -name '*.c')))
sodium_F = -Iinclude/sodium -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 \
	-DHAVE_TI_MODE=1 -DHAVE_INLINE_ASM=1 -DHAVE_ATOMIC_OPS=1 \
	-DHAVE_C_VARARRAYS=1 -DHAVE_STDINT_H=1 $(sodium_F_$(OS)) $(if $(unix), \
	-DHAVE_MMAP=1 -DHAVE_MLOCK=1 -DHAVE_MADVISE=1 -DHAVE_MPROTECT=1 \
	-DHAVE_SYS_MMAN_H=1 -DHAVE_POSIX_MEMALIGN=1 -DHAVE_GETPID=1 \
	-DHAVE_NANOSLEEP=1 -DHAVE_PTHREAD=1 -DHAVE_WEAK_SYMBOLS=1 \
	-DHAVE_SYS_RANDOM_H=1)
sodium_F_linux := -D_GNU_SOURCE -DHAVE_GETRANDOM=1 -DHAVE_EXPLICIT_BZERO=1
sodium_F_macos := -DHAVE_SAFE_ARC4RANDOM=1 -DHAVE_GETENTROPY=1 -DHAVE_MEMSET_S=1
sodium_F_windows := -DHAVE_RAISE=1

wslay_S := $(wslay)/deps/wslay/lib
wslay_C := $(basename $(notdir $(wildcard $(wslay_S)/*.c)))
wslay_F := $(if $(unix),-DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H, \
	-DHAVE_WINSOCK2_H)

http_parser_S := $(http_parser)
http_parser_C := http_parser

# What reads a patch, and nothing that makes one.
zstd_S := $(zstd)/lib
zstd_C := $(addprefix common/,debug entropy_common error_private \
	fse_decompress xxhash zstd_common) $(addprefix decompress/,\
	huf_decompress zstd_ddict zstd_decompress zstd_decompress_block)
zstd_F := -DZSTD_DISABLE_ASM=1 -DZSTD_LEGACY_SUPPORT=0

# --with bpf: the headers that libbpf itself is built with are its own.
bpf_S := $(bpf)/src
bpf_C := $(basename $(notdir $(wildcard $(bpf_S)/*.c)))
bpf_F := -std=gnu89 -D_LARGEFILE64_SOURCE -D_FILE_OFFSET_BITS=64 \
	-I$(bpf)/include -I$(bpf)/include/uapi
elf_S := $(elf)/libelf
elf_C := $(basename $(notdir $(wildcard $(elf_S)/*.c)))
elf_F := -std=gnu99 -DHAVE_CONFIG_H -Iobj -I$(elf)/lib
z_S := $(z)
z_C := $(basename $(notdir $(wildcard $(z_S)/*.c)))
z_F := -DHAVE_UNISTD_H -DHAVE_STDARG_H

define lib
$(1)_O := $$($(1)_C:%=obj/$(1)/%.o)
objects += $$($(1)_O)
lib/lib$(1).a: $$($(1)_O)
	@rm -f $$@
	@$$(AR) rcsD $$@ $$^
obj/$(1)/%.o: $$($(1)_S)/%.c
	@mkdir -p $$(@D)
	@$$(CC) $$(CFLAGS) $$($(1)_F) -I$$($(1)_S) \
	-ffile-prefix-map=$$($(1)_S)=$(1) -c $$< -o $$@
	@echo $(1)
endef
$(foreach l,$(LIBS),$(eval $(call lib,$(l))))
$(info $(words $(objects)))

# The headers are all in include before anything is compiled.
$(objects): | $(LIBS:%=headers_%)
headers_uv:
	@cp -R $(uv)/include/. include
headers_mbedtls:
	@cp -R $(mbedtls)/include/mbedtls $(mbedtls)/include/psa include
	@cat $(D)/mbedtls.h >>include/mbedtls/mbedtls_config.h
headers_jansson:
	@cp $(jansson_S)/jansson.h $(D)/jansson_config.h include
	@: >obj/jansson_private_config.h
headers_sodium:
	@cp -R $(sodium_S)/include/sodium.h $(sodium_S)/include/sodium include
	@sed -e s/@VERSION@/1.0.18/ -e s/@SODIUM_LIBRARY_VERSION_MAJOR@/10/ \
	-e s/@SODIUM_LIBRARY_VERSION_MINOR@/3/ \
	-e s/@SODIUM_LIBRARY_MINIMAL_DEF@// \
	include/sodium/version.h.in >include/sodium/version.h
headers_wslay:
	@cp -R $(wslay_S)/includes/. include
headers_http_parser:
	@cp $(http_parser)/http_parser.h include
headers_zstd:
	@cp $(zstd_S)/zstd.h $(zstd_S)/zstd_errors.h include
headers_bpf:
	@mkdir include/bpf
	@cp $(bpf_S)/*.h include/bpf
headers_elf:
	@cp $(elf_S)/libelf.h $(elf_S)/gelf.h include
	@cp $(D)/libelf_config.h obj/config.h
headers_z:
	@cp $(z)/zlib.h $(z)/zconf.h include
headers_mbedx509 headers_mbedcrypto: headers_mbedtls
.PHONY: $(LIBS:%=headers_%)

probe$(TC_EXE): $(D)/probe.c $(LIBS:%=lib/lib%.a)
	@echo probe
	@$(CC) -O2 $(TC_CFLAGS) $(if $(filter bpf,$(LIBS)),-DPROBE_BPF) \
	$(TC_LDFLAGS) $< -o $@ $(TC_LIBS)
.DEFAULT_GOAL := probe$(TC_EXE)
