# drgen: `make demo` makes a song, `make test` checks everything, `make help` lists the rest.

MODE ?= release
PREFIX ?= /usr/local
EMBED ?= $(B)/embedded
GOLDEN ?= tests/golden
CC ?= cc
B := build/$(MODE)

# ---- settings -------------------------------------------------------------------------------------------------
std := -std=c11 -D_GNU_SOURCE -Isrc -I.
warn := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wwrite-strings -Wno-format-truncation $(if $(CI),-Werror)
must := -fno-math-errno -ffp-contract=off -fvisibility=hidden -ffunction-sections -fdata-sections -pthread
opt.release := -O2 -g -DNDEBUG
opt.debug := -O0 -g
opt.asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
opt.tsan := -O1 -g -fsanitize=thread
CFLAGS ?= $(opt.$(MODE))
sanitize := $(filter -fsanitize=%,$(opt.$(MODE)))

# Libraries. WITH_ESPEAK=0 and WITH_BLAS=0 build without those two.
pkg = $(shell pkg-config $(1) 2>/dev/null)
have = $(shell pkg-config --exists $(1) 2>/dev/null && echo 1)
WITH_ESPEAK ?= $(call have,espeak-ng)
WITH_BLAS ?= $(call have,openblas)
on = $(filter-out 0,$(1))
libs := sndfile libcjson $(if $(call on,$(WITH_ESPEAK)),espeak-ng) $(if $(call on,$(WITH_BLAS)),openblas)
defs := $(if $(call on,$(WITH_ESPEAK)),-DWITH_ESPEAK) $(if $(call on,$(WITH_BLAS)),-DWITH_BLAS)
LIBS = $(call pkg,--libs $(libs)) -lm
ALL_CFLAGS = $(std) $(warn) $(must) $(defs) $(call pkg,--cflags $(libs)) $(CFLAGS)

# ---- sources --------------------------------------------------------------------------------------------------
machine := $(shell $(CC) -dumpmachine)
arch := $(if $(filter x86_64%,$(machine)),x86,$(if $(filter aarch64%,$(machine)),arm,other))
kern.x86 := src/kernels/kern_avx2.c src/kernels/kern_avx512.c
kern.arm := src/kernels/kern_neon.c
kern.other :=
layers := base kernels io dsp nn text model train pipeline
lib_src := $(filter-out $(kern.x86) $(kern.arm),$(foreach l,$(layers),$(wildcard src/$(l)/*.c))) $(wildcard $(kern.$(arch)))
tool_src := $(filter-out weights_tools/main_%.c,$(wildcard weights_tools/*.c))
cli_src := $(wildcard src/cli/*.c)
unit_src := tests/t.c $(wildcard tests/unit/*.c tests/kernels/*.c tests/laws/*.c)
golden_src := $(wildcard tests/golden*.c)
bench_src := $(wildcard bench/*.c)
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all demo test test-full golden unit deps deps-test layers size symbols readme help info install clean bench fuzz
all: drgen libdrgen.a

# ---- rules ----------------------------------------------------------------------------------------------------
$(B)/src/kernels/kern_avx2.o: isa := -mavx2 -mfma -mf16c
$(B)/src/kernels/kern_avx512.o: isa := -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(isa) -MMD -MP -c $< -o $@

$(B)/embedded.o: $(B)/embedded.S
	$(CC) -c $< -o $@

# The model inside the program: a directory, turned into read-only data. EMBED=dir packs another one.
$(B)/embedded.S: weights_tools/embed.sh $(EMBED)/model.json
	@mkdir -p $(@D)
	sh weights_tools/embed.sh $(EMBED) > $@.tmp && mv $@.tmp $@

ifeq ($(EMBED),$(B)/embedded)
$(EMBED)/model.json: $(B)/mktiny
	rm -rf $(EMBED) && $(B)/mktiny $(EMBED) tests/golden/spm/spm.model
endif

base_obj := $(call obj,$(lib_src))
$(B)/mktiny: $(call obj,weights_tools/main_mktiny.c $(tool_src)) $(filter $(B)/src/base/% $(B)/src/io/% $(B)/src/kernels/% $(B)/src/model/config.o,$(base_obj))
	$(CC) $(sanitize) -pthread $^ $(LIBS) -o $@

# One relocatable object with hidden names made local: an embedder sees drgen_* and nothing else.
$(B)/libdrgen.o: $(base_obj) $(B)/embedded.o
	$(LD) -r $^ -o $@.tmp
	$(OBJCOPY) --localize-hidden $@.tmp && mv $@.tmp $@
OBJCOPY ?= objcopy

$(B)/libdrgen.a: $(B)/libdrgen.o
	rm -f $@ && $(AR) rcs $@ $<

# The program uses the public library; its tools (convert, inspect, synth) bring their own copies of what they need.
$(B)/drgen: $(call obj,$(cli_src) $(tool_src)) $(filter $(B)/src/base/% $(B)/src/io/% $(B)/src/kernels/% $(B)/src/model/config.o,$(base_obj)) $(B)/libdrgen.a
	$(CC) $(sanitize) -pthread $^ $(LIBS) -Wl,--gc-sections $(LDFLAGS) -o $@

$(B)/unit: $(call obj,$(unit_src) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(CC) $(sanitize) -pthread $^ $(LIBS) -o $@

$(B)/golden: $(call obj,$(golden_src) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(CC) $(sanitize) -pthread $^ $(LIBS) -o $@

$(B)/bench: $(call obj,$(bench_src) $(tool_src)) $(base_obj) $(B)/embedded.o
	$(CC) $(sanitize) -pthread $^ $(LIBS) -o $@

drgen: $(B)/drgen
	cp -f $< $@
libdrgen.a: $(B)/libdrgen.a
	cp -f $< $@

# ---- what people call -----------------------------------------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory all
	./drgen generate -l tests/golden/demo.lrc -p "folk, acoustic guitar, warm" -o demo.wav

test: deps
	@$(MAKE) --no-print-directory check

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

clean:
	rm -rf build drgen libdrgen.a demo.wav

-include $(shell find $(B) -name '*.d' 2>/dev/null)
