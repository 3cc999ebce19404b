# tests.mk - the test tiers. `make unit T=name` filters, SEED=n replays.
unit: $(B)/unit
	$(B)/unit $(T)

# Every case under GOLDEN, whatever its sizes and seed.
golden: $(B)/golden
	$(B)/golden $(GOLDEN)

# What an embedder has: drgen.h, libdrgen.a and the libraries it stands on.
$(B)/include/drgen.h: src/drgen.h
	@mkdir -p $(@D)
	@cp $< $@
embed_flags = -Wall -Wextra -Wpedantic -Werror -I$(B)/include $(sanitize) -pthread
$(B)/embed_c: tests/embed/test_embed.c $(B)/include/drgen.h $(B)/libdrgen.a
	@echo "  ld $@"; $(CC) -std=c11 $(embed_flags) $< $(B)/libdrgen.a $(LIBS) -o $@
$(B)/embed_cc: tests/embed/test_embed.cc $(B)/include/drgen.h $(B)/libdrgen.a
	@echo "  ld $@"; $(CXX) -std=c++11 $(embed_flags) $< $(B)/libdrgen.a $(LIBS) -o $@
have_cxx := $(shell command -v $(CXX) 2>/dev/null)

.PHONY: check check-full check-build check-asan check-more
check-build: drgen libdrgen.a $(B)/unit $(B)/golden $(B)/embed_c $(if $(have_cxx),$(B)/embed_cc) check-asan
check-asan:
	@$(MAKE) --no-print-directory MODE=asan build/asan/unit build/asan/golden
check-more: check-build
	@$(MAKE) --no-print-directory MODE=asan build/asan/drgen
	@$(MAKE) --no-print-directory MODE=tsan build/tsan/unit
	@if command -v clang > /dev/null; then $(MAKE) --no-print-directory MODE=fuzz CC=clang CI= \
	    $(patsubst %,build/fuzz/fuzz_%,$(fuzz_names)); fi
	@sh tests/deps_arm64.sh
	@[ -f build/arm64-root.why ] || $(MAKE) --no-print-directory MODE=arm64 build/arm64/unit build/arm64/golden

check: check-build
	@sh tests/run.sh

# GOLDEN_FULL=DIR adds the cases under DIR.
check-full: check-more
	@GOLDEN_FULL=$(GOLDEN_FULL) sh tests/run.sh full

symbols: libdrgen.a
	@sh tests/check_symbols.sh
readme: all
	@sh tests/check_readme.sh

# libFuzzer; what it finds goes to build/fuzz/corpus/NAME, crashes to build/fuzz/.
SECONDS ?= 60
.SECONDARY:
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(call obj,$(tool_src)) $(base_obj) $(B)/embedded.o
	@echo "  ld $@"; $(CC) -fsanitize=fuzzer,address,undefined -pthread $^ $(LIBS) -o $@
fuzz-%:
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang CI= build/fuzz/fuzz_$*
	@mkdir -p build/fuzz/corpus/$* tests/fuzz/corpus/$*
	build/fuzz/fuzz_$* -max_total_time=$(SECONDS) -rss_limit_mb=4096 -artifact_prefix=build/fuzz/$*- \
	    build/fuzz/corpus/$* tests/fuzz/corpus/$*
