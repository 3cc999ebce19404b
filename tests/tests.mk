# tests.mk - the test tiers. `make unit T=name` filters, SEED=n replays.
unit: $(B)/unit
	$(B)/unit $(T)

# Every case under GOLDEN, whatever its sizes and seed.
golden: $(B)/golden
	$(B)/golden $(GOLDEN)

check: $(B)/drgen libdrgen.a $(B)/unit $(B)/golden layers
	@$(MAKE) --no-print-directory MODE=asan build/asan/unit build/asan/golden
	@sh tests/run.sh
