# drgen: `make demo` makes a song, `make test` checks everything, `make help` lists the rest.
#
#: make               the program ./drgen and the library ./libdrgen.a
#: make demo          install what is missing (as root, on Debian), build, make a song
#: make test          unit, golden and end-to-end tests, also under ASan and UBSan; under 5 minutes on 2 cores
#: make test-full     the same and more: real sizes, TSan, AArch64 emulated, every fuzzer for a minute; GOLDEN_FULL=DIR adds cases
#: make unit T=name   unit tests whose name or file has `name` in it; SEED=n replays random cases
#: make golden GOLDEN=DIR   recompute every case under DIR (default tests/golden) and compare
#: make fuzz-NAME     run tests/fuzz/fuzz_NAME.c for SECONDS (60); needs clang
#: make bench         speeds as shares of this machine's own limits, each measured beside its row. PARTS="gemm dit..." chooses
#:                    parts, MODEL="DIR..." adds transformer, decoder, song and audio tower (drgen synth --size 1b makes such
#:                    a folder), STEPS=N the song's steps, JSON=FILE keeps the numbers; build/release/benchmark compare A B
#: make install       PREFIX (/usr/local), DESTDIR
#: make info          compiler and libraries in use
#: make layers, symbols, readme, size   single checks of `make test`; the last lists long files
#: make clean
#:
#: MODE=release|debug|asan|tsan|arm64   build elsewhere with other flags, or for AArch64    V=1   show commands
#: WITH_ESPEAK=0, WITH_BLAS=0     build without these libraries       EMBED=DIR   another model inside the program

MODE ?= release
PREFIX ?= /usr/local
version := $(shell sed -n 's/^\#define VERSION "\(.*\)"/\1/p' src/pipeline/engine.c)
EMBED ?= $(B)/embedded
GOLDEN ?= tests/golden
CC ?= cc
B := build/$(MODE)

# ---- settings -------------------------------------------------------------------------------------------------
std := -std=c11 -D_GNU_SOURCE -Isrc -I.
warn := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wwrite-strings -Wno-format-truncation -Wno-missing-field-initializers $(if $(CI),-Werror)
must := -fno-math-errno -ffp-contract=off -fvisibility=hidden -ffunction-sections -fdata-sections -pthread
opt.release := -O2 -g -DNDEBUG
opt.debug := -O0 -g
opt.asan := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
opt.tsan := -O1 -g -fsanitize=thread
opt.arm64 := $(opt.release)
opt.fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
CFLAGS ?= $(opt.$(MODE))
sanitize := $(filter -fsanitize=%,$(opt.$(MODE)))
Q := $(if $(V),,@)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# For AArch64 on another machine: a cross compiler, libraries that tests/deps_arm64.sh unpacks, an emulator.
ifeq ($(MODE),arm64)
root := $(CURDIR)/build/arm64-root
CROSS ?= aarch64-linux-gnu-
override CC := $(CROSS)gcc --sysroot=$(root)
override LD := $(CROSS)ld
override AR := $(CROSS)ar
OBJCOPY := $(CROSS)objcopy
run := qemu-aarch64 -L $(root)
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(root) PKG_CONFIG_LIBDIR=$(root)/usr/lib/aarch64-linux-gnu/pkgconfig pkg-config
endif

# Libraries. WITH_ESPEAK=0, WITH_BLAS=0 and WITH_SOXR=0 build without those.
PKG_CONFIG ?= pkg-config
pkg = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo 1)
WITH_ESPEAK ?= $(call have,espeak-ng)
WITH_BLAS ?= $(call have,openblas)
WITH_SOXR ?= $(call have,soxr)
WITH_EBUR128 ?= $(call have,libebur128)
on = $(filter-out 0,$(1))
libs := sndfile libcjson fftw3 fftw3f $(if $(call on,$(WITH_SOXR)),soxr) $(if $(call on,$(WITH_ESPEAK)),espeak-ng) $(if $(call on,$(WITH_BLAS)),openblas)
defs := $(if $(call on,$(WITH_ESPEAK)),-DWITH_ESPEAK) $(if $(call on,$(WITH_BLAS)),-DWITH_BLAS) $(if $(call on,$(WITH_SOXR)),-DWITH_SOXR)
LIBS := $(call pkg,--libs $(libs)) -lm
lib_flags := $(call pkg,--cflags $(libs))
ALL_CFLAGS = $(std) $(warn) $(must) $(defs) $(lib_flags) $(CFLAGS)

# ---- sources --------------------------------------------------------------------------------------------------
machine := $(shell $(CC) -dumpmachine)
arch := $(if $(filter x86_64%,$(machine)),x86,$(if $(filter aarch64%,$(machine)),arm,other))
# GCC 12 for AArch64 breaks down ("internal compiler error: in vect_transform_reduction") over plain loops of fmax.
must += $(if $(filter arm-12,$(arch)-$(firstword $(subst ., ,$(shell $(CC) -dumpversion)))),-fno-tree-loop-vectorize)
kern.x86 := $(addprefix src/kernels/kern_,avx2.c avx512.c q8_avx2.c q8_avxvnni.c q8_avx512.c grad_avx2.c grad_avx512.c)
kern.arm := $(addprefix src/kernels/kern_,neon.c q8_neon.c q8_dotprod.c q8_i8mm.c)
kern.other :=
layers := base kernels io dsp nn text model train nano pipeline
lib_src := $(filter-out $(kern.x86) $(kern.arm),$(foreach l,$(layers),$(wildcard src/$(l)/*.c))) $(wildcard $(kern.$(arch)))
tool_src := $(filter-out weights_tools/main_%.c,$(wildcard weights_tools/*.c))
cli_src := $(wildcard src/cli/*.c)
unit_src := tests/t.c tests/song1.c tests/programme.c tests/laws/mastering.c $(wildcard tests/unit/*.c tests/kernels/*.c tests/laws/test_*.c)
golden_src := $(wildcard tests/golden*.c) tests/song1.c tests/programme.c
bench_src := $(wildcard bench/*.c) tests/song1.c tests/programme.c
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/%.o,$(1))

# A second opinion on loudness, for tests and benchmark only.
ebur128 := $(if $(call on,$(WITH_EBUR128)),libebur128)
$(B)/tests/unit/test_ebur128.o $(B)/bench/bench_meters.o: CFLAGS += $(if $(ebur128),-DWITH_EBUR128 $(call pkg,--cflags $(ebur128)))
ebur128_libs = $(if $(ebur128),$(call pkg,--libs $(ebur128)))

# What tests of the command line link besides the library.
unit_cli := src/cli/opts.c src/cli/generate_opts.c src/cli/prompt_opts.c

.PHONY: bench all demo test test-full check golden unit deps layers size symbols readme help info install clean
all: drgen libdrgen.a

# ---- rules ----------------------------------------------------------------------------------------------------
$(B)/src/kernels/kern_avx2.o $(B)/src/kernels/kern_grad_avx2.o: isa := -mavx2 -mfma -mf16c
$(B)/src/kernels/kern_avx512.o $(B)/src/kernels/kern_grad_avx512.o: isa := -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq
$(B)/src/kernels/kern_q8_avx2.o: isa := -mavx2 -mfma
$(B)/src/kernels/kern_q8_avxvnni.o: isa := -mavx2 -mfma -mavxvnni
$(B)/src/kernels/kern_q8_dotprod.o: isa := -march=armv8.2-a+dotprod
$(B)/src/kernels/kern_q8_i8mm.o: isa := -march=armv8.2-a+i8mm
$(B)/src/kernels/kern_q8_avx512.o: isa := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni

# What recipes tell of the libraries.
comma := ,
$(B)/src/pipeline/recipe_write.o: own = -DLIBRARY_VERSIONS='"$(foreach l,$(libs),$(l) $(shell $(PKG_CONFIG) --modversion $(l) 2>/dev/null)$(comma))"'

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(isa) $(own) -MMD -MP -c $< -o $@

# The Chinese dictionary (weights_tools/main_lexpack.c makes zh.bin).
$(B)/zh_data.o: src/text/zh_data.S src/text/zh.bin
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@
$(B)/lexpack: $(call obj,weights_tools/main_lexpack.c src/base/utf8.c)
	$(link)

$(B)/embedded.o: $(B)/embedded.S
	$(Q)$(CC) -c $< -o $@

# The model inside the program: a directory, turned into read-only data. EMBED=dir packs another one.
$(B)/embedded.S: weights_tools/embed.sh $(EMBED)/model.json
	@mkdir -p $(@D)
	$(Q)sh weights_tools/embed.sh $(EMBED) > $@.tmp && mv $@.tmp $@

ifeq ($(EMBED),$(B)/embedded)
$(EMBED)/model.json: $(B)/mknano $(wildcard models/nano/*)
	$(Q)rm -rf $(EMBED) && $(run) $(B)/mknano $(EMBED) models/nano
endif

base_obj := $(call obj,$(lib_src)) $(B)/zh_data.o
tool_base := $(filter $(B)/src/base/% $(B)/src/io/% $(B)/src/kernels/% $(B)/src/model/config.o $(B)/src/model/grains%.o $(B)/src/nano/words.o,$(base_obj))
link = @echo "  ld $@"; $(CC) $(sanitize) -pthread $^ $(LIBS) $(LDFLAGS) -o $@

$(B)/mknano: $(call obj,weights_tools/main_mknano.c $(tool_src)) $(tool_base)
	$(link)

# One relocatable object with hidden names made local: an embedder sees drgen_* and nothing else.
$(B)/libdrgen.o: $(base_obj) $(B)/embedded.o
	$(Q)$(LD) -r $^ -o $@.tmp
	$(Q)$(OBJCOPY) --localize-hidden $@.tmp && mv $@.tmp $@
OBJCOPY ?= objcopy

$(B)/libdrgen.a: $(B)/libdrgen.o
	@echo "  ar $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $<

# The program uses the public library; its tools (convert, inspect, synth) bring their own copies of what they need.
$(B)/drgen: $(call obj,$(cli_src) $(tool_src)) $(tool_base) $(B)/libdrgen.a
	$(link) -Wl,--gc-sections

$(B)/unit: $(call obj,$(unit_src) $(unit_cli) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(link) $(ebur128_libs)

$(B)/golden: $(call obj,$(golden_src) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(link)

$(B)/benchmark: $(call obj,$(bench_src) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(link) $(ebur128_libs)

drgen: $(B)/drgen
	@cp -f $< $@
libdrgen.a: $(B)/libdrgen.a
	@cp -f $< $@

# ---- what people call -----------------------------------------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	./drgen generate -l examples/folk.lrc -p "folk, acoustic guitar, happy" -o demo.wav
	@echo "The song is in $(CURDIR)/demo.wav"

test: deps
	@$(MAKE) --no-print-directory -j$(JOBS) check

bench: $(B)/benchmark $(B)/drgen
	$(B)/benchmark $(PARTS) $(foreach m,$(MODEL),--model $(m)) $(if $(STEPS),--steps $(STEPS)) $(if $(JSON),--json $(JSON))

test-full: deps
	@$(MAKE) --no-print-directory -j$(JOBS) check-full

include tests/tests.mk

deps:
	@sh tests/deps.sh

layers:
	@sh tests/check_layers.sh
size:
	@git ls-files 'src/*.[ch]' 'weights_tools/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' 'src/*.inc' | xargs wc -l | awk '$$2 != "total" && $$1 > 600 { print; n++ } END { exit 0 }'

install: all
	install -D -m 755 drgen $(DESTDIR)$(PREFIX)/bin/drgen
	install -D -m 644 libdrgen.a $(DESTDIR)$(PREFIX)/lib/libdrgen.a
	install -D -m 644 src/drgen.h $(DESTDIR)$(PREFIX)/include/drgen.h
	@mkdir -p $(DESTDIR)$(PREFIX)/lib/pkgconfig
	printf '%s\n' 'Name: drgen' 'Description: songs from timed lyrics and a style' 'Version: $(version)' \
	    'Requires: $(libs)' 'Cflags: -I$(PREFIX)/include' 'Libs: -L$(PREFIX)/lib -ldrgen -lm -pthread' \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/drgen.pc

help:
	@sed -n 's/^#: //p' Makefile

info:
	@$(CC) --version | head -n 1
	@echo "machine: $(machine), MODE=$(MODE), WITH_ESPEAK=$(WITH_ESPEAK), WITH_BLAS=$(WITH_BLAS)"
	@for l in $(libs); do echo "$$l $$($(PKG_CONFIG) --modversion $$l 2>&1)"; done

clean:
	rm -rf build drgen libdrgen.a demo.wav

-include $(shell find $(B) -name '*.d' 2>/dev/null)
