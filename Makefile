# ftd: build, test, lint, install.  `make` leaves build/ftd and build/ftctl.
# SAN=1 builds with ASan and UBSan into build/san, COV=1 with gcc's counters of coverage into build/cov; the tests do that by
# themselves.  V=1 shows every command.

VERSION := $(shell cat VERSION)
CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=

PKG_CONFIG ?= pkg-config
PKGS    := libevent_core libevent_extra jansson libconfig libsodium libcurl
SYSTEMD := $(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo libsystemd)

# CPPFLAGS, CFLAGS and LDFLAGS are the caller's, in the environment or on the command line: they stand last and win.
# A warning ends the build for us alone (WERROR=1: make lint, .ci/run): a compiler that is not written yet shall not keep
# a packager from a release.
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum \
        $(if $(WERROR),-Werror)
OUR_CPPFLAGS := -I. -D_GNU_SOURCE -DFT_VERSION='"$(VERSION)"' $(if $(SYSTEMD),-DHAVE_SYSTEMD)
OUR_CFLAGS   := -std=c17 $(WARN) -fstack-protector-strong -fPIE \
                $(shell $(PKG_CONFIG) --cflags $(PKGS) $(SYSTEMD) 2>/dev/null)
OUR_LDFLAGS  := -pie -Wl,-z,relro,-z,now
# libcurl is loaded only where it is used (arbiter/curl.h).
OUR_LIBS     := $(shell $(PKG_CONFIG) --libs $(filter-out libcurl,$(PKGS)) $(SYSTEMD) 2>/dev/null) -lm

ifdef COV
B := build/cov
SANITIZE := --coverage -O1 -U_FORTIFY_SOURCE
else ifdef SAN
B := build/san
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
else
B := build
# glibc warns of it where nothing is optimised; a caller who has chosen a level of it keeps that.
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
OUR_CPPFLAGS += $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif
endif
COMPILE = $(CC) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SANITIZE)
LINK    = $(CC) $(OUR_CFLAGS) $(CFLAGS) $(SANITIZE) $(OUR_LDFLAGS) $(LDFLAGS)
LIBS    = $(LDLIBS) $(OUR_LIBS)

Q := $(if $(V),,@)
ROOMS    := base core heartbeat process store report qmp arbiter config ctl supervisor
MAINS    := supervisor/main.c ctl/ftctl.c
LIB_SRC  := $(filter-out $(MAINS),$(foreach r,$(ROOMS),$(wildcard $(r)/*.c)))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
ALL_SRC  := $(LIB_SRC) $(MAINS) $(UNIT_SRC) $(wildcard tests/sim/*.c tests/exhaustive/*.c tests/conformance/*.c tests/fuzz/*.c tests/rows/*.c \
                                                 tests/attack/*.c tests/bench/live/*.c)
OBJ       = $(patsubst %.c,$(B)/obj/%.o,$(1))

all: $(B)/ftd $(B)/ftctl
everything: $(call OBJ,$(ALL_SRC))

$(B)/libftd.a: $(call OBJ,$(LIB_SRC))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/ftd: $(call OBJ,supervisor/main.c) $(B)/libftd.a
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
$(B)/ftctl: $(call OBJ,ctl/ftctl.c) $(B)/libftd.a
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
$(B)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo 'cc    $<'
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(call OBJ,$(ALL_SRC)))

# Each test_X.c is a program of its own, so that one room can be built and tested alone.
UNIT := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
$(B)/tests/%: $(B)/obj/tests/%.o $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs check 2>/dev/null) $(LIBS)

# A test that hangs is ended, but none that a busy machine keeps waiting.
export CK_DEFAULT_TIMEOUT ?= 300
unit: $(UNIT)
	@umask 022; for t in $(UNIT); do $$t || exit 1; done # ftd obeys no file that others may write to

# All tests: every room alone and every edge under fire (with the sanitizers), two hosts in virtual time, their QEMU against a
# real one, then whole pairs with real QEMU (again with the sanitizers; without them where they would be in the way): a tenth of them on other QEMUs
# than the installed one, and all on that.
check:
	@tests/tools/install-deps --build --run
	$(MAKE) SAN=1 all unit fake-qemu
	$(MAKE) all fuzz-same sim exhaustive prove conformance qemu-docs
	@$(MAKE) --no-print-directory other-qemus
	tests/e2e/run

# The core, the heartbeats and the plan runner of two hosts in virtual time, with faults from each seed.
# make sim SEEDS=1:1000000, or SEEDS=N:1 to see one.
SEEDS ?= 1:30000
SIM   := $(B)/tests/sim/sim
SIM_SRC := $(wildcard tests/sim/*.c)
$(SIM): $(call OBJ,$(SIM_SRC)) $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
# Fewer worlds of the other kinds: a fence, which keeps no register, or stands behind one, no arbiter at all, and one that is
# not shared; and of each kind worlds in which deaths strike right after the answers of disk, register, plan and freezer; and
# those in which what was written is lost or put back, by itself, as so much is excused there.
FORGETS := lose-disk,restore-disk,roll-back,start-vm,start-alone,cut-links,isolate,partition,kill-ftd,crash-host,kill-qemu,cut-arbiter,leave-ftd
SEEDS_BESIDE ?= 1:5000
sim: $(SIM)
	$(SIM) --seeds $(SEEDS)
	$(SIM) --boundaries --seeds $(SEEDS_BESIDE)
	for kind in --fence --behind --none; do \
		$(SIM) $$kind --seeds $(SEEDS_BESIDE) && $(SIM) $$kind --boundaries --seeds $(SEEDS_BESIDE) || exit 1; \
	done
	$(SIM) --apart --seeds 1:2000
	for kind in "" --fence --behind; do $(SIM) $$kind --faults $(FORGETS) --seeds 1:4000 || exit 1; done

# A digest of all that the cores of so many worlds of each kind were told and did: what only moves code does not change it.
DIGEST_SEEDS ?= 1:20000
digest: $(SIM)
	for kind in "" --fence --behind --none --boundaries; do $(SIM) $$kind --digest --seeds $(DIGEST_SEEDS) || exit 1; done

# The decision tables, as docs/decisions.md.
DECISIONS := $(B)/tests/unit/test_decisions
decisions: $(DECISIONS)
	$(DECISIONS) --print > docs/decisions.md

# Each row of the tables left out in turn, in the unit tests of the core and in the simulation.  A quarter of an hour.
ROWS_TESTS := $(patsubst %,$(B)/tests/rows/%,test_core test_core_claims test_core_start test_core_shutdown test_core_alarms test_core_sharing)
$(B)/tests/rows/test_%: $(B)/obj/tests/unit/test_%.o $(B)/obj/tests/rows/drop.o $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -Wl,--wrap=ft_rules_law -o $@ $^ $(shell $(PKG_CONFIG) --libs check 2>/dev/null) $(LIBS)
$(B)/tests/rows/sim: $(call OBJ,$(SIM_SRC)) $(B)/obj/tests/rows/drop.o $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -Wl,--wrap=ft_rules_law -o $@ $^ $(LIBS)
rows: $(ROWS_TESTS) $(B)/tests/rows/sim
	tests/rows/run $(B) $(ROWS)

# Two real cores in a small world, and every order of everything that can happen to them: docs/proof.md.
# make exhaustive FAULTS=3 TURNS=2, as deep as one likes; EXPLORE='--kinds kill-ftd,force' for more of its options.
FAULTS  ?= 2
TURNS   ?= 0
EXPLORER := $(B)/tests/exhaustive/explore
$(EXPLORER): $(call OBJ,$(wildcard tests/exhaustive/*.c)) $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
exhaustive: $(EXPLORER)
	for arbiter in register behind fence; do \
		$(EXPLORER) --arbiter $$arbiter --faults $(FAULTS) --turns $(TURNS) $(if $(DEPTH),--depth $(DEPTH)) $(EXPLORE) || exit 1; \
	done

# The proof of the proof: ftd broken on purpose in many ways, each of which the simulation, the exhaustive
# search or a unit test must find.  ONLY='names'
prove: export COMPILE := $(COMPILE)
prove: export LINK := $(LINK)
prove: export LIBS := $(LIBS)
prove: export UNIT_LIBS = $(shell $(PKG_CONFIG) --libs check 2>/dev/null) $(LIBS)
prove: $(SIM) $(EXPLORER) $(call OBJ,$(shell sed -n 's,^unit \(.*\),tests/unit/\1.c,p' tests/sim/mutants.txt | sort -u))
	tests/sim/prove $(B) $(ONLY)

# What may come in from outside, at each edge, made up by libFuzzer: a minute a program (tests/fuzz/run).  MINUTES=60 for longer,
# ONLY='wire core' for some.  What is found is left in build/fuzz/found.
FUZZ_CC  ?= clang-19
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
$(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o $(B)/fuzz/libftd.a
	@echo 'link  $@'
	$(Q)$(FUZZ_CC) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(LIBS) -lpthread
$(B)/fuzz/libftd.a: $(patsubst %.c,$(B)/fuzz/obj/%.o,$(LIB_SRC))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/fuzz/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo 'cc    $<'
	$(Q)$(FUZZ_CC) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) -g $(FUZZ_SAN) -MMD -MP -c -o $@ $<
-include $(patsubst %.c,$(B)/fuzz/obj/%.d,$(LIB_SRC) $(FUZZ_SRC))
fuzz:
	@tests/tools/install-deps --build --fuzz
	$(MAKE) fuzz-programs
	tests/fuzz/run $(if $(MINUTES),--seconds $$(($(MINUTES) * 60))) $(B)/fuzz $(ONLY)
fuzz-programs: $(FUZZ)
# For make check: from one seed.
fuzz-same:
	@tests/tools/install-deps --build --fuzz
	$(MAKE) fuzz-programs
	tests/fuzz/run --same $(B)/fuzz

# Which lines and branches the unit tests and a short simulation of each kind reach; fails where no unit test reaches a line of
# the core or of a decoder.  Some minutes.
coverage:
	@tests/tools/install-deps --build --coverage
	$(MAKE) COV=1 coverage-programs
	tests/tools/coverage build/cov
coverage-programs: $(UNIT) $(SIM)

# The simulation's model of two QEMUs and two real ones play the same scripts, and must say the same.
MODEL := $(B)/tests/conformance/model
$(MODEL): $(call OBJ,$(filter-out tests/sim/sim.c,$(SIM_SRC)) tests/conformance/model.c) $(B)/libftd.a
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(LIBS)
conformance: $(MODEL)
	tests/conformance/run --model $(MODEL)

# Debian 13's QEMUs are fetched by apt, from where this machine has its packages, and installed nowhere: tests/tools/get-qemu.
other-qemus: $(MODEL)
	for qemu in $$(tests/tools/get-qemu --list); do \
		tests/tools/get-qemu $$qemu && tests/e2e/run --qemu $$qemu --tenth && \
		tests/conformance/run --model $(MODEL) --qemu $$qemu drain && \
		tests/conformance/run --model $(MODEL) --qemu $$qemu caught || exit 1; \
	done

# Everything that takes a QEMU on each of them, in both wirings of disks.  Hours; docs/qemu.md tells of the last time.
check-qemus:
	@tests/tools/install-deps --build --run
	$(MAKE) SAN=1 all fake-qemu
	$(MAKE) all $(B)/tests/conformance/model
	tests/tools/check-qemus

# What docs/qemu.md has people type for this QEMU, typed.  QEMU=PROGRAM for another one.
qemu-docs: all
	tests/docs/run $(if $(QEMU),--qemu $(QEMU))

# The main job, to be watched: a real COLO pair, two ftd, two failovers.
demo:
	@tests/tools/install-deps --build --run
	$(MAKE) all
	python3 demo/demo.py

# ftd and its peers, measured in the same way, in network namespaces (as root).  Peers that are not installed are named.
# Half an hour; QUICK=1: a few minutes.  BENCH='--daemons ftd --nominal 30': see tests/bench/run --help.
bench: all
	tests/bench/run $(if $(QUICK),--quick) $(BENCH)
bench-peers:
	@tests/tools/install-deps --build --bench
# Puts the newest results of this and of the two below into the documentation.
bench-docs:
	tests/bench/run --markdown docs/performance.md

lint:
	@tests/tools/install-deps --build --lint
	@$(MAKE) --no-print-directory lint-all

# One release of these two, which Debian 12, 13 and sid all have: each release formats, and warns of, something else.
CLANG_FORMAT ?= clang-format-19
CLANG_TIDY   ?= clang-tidy-19

# Apart from lint, so that pkg-config is asked only once it is installed.
TIDY_SRC := $(LIB_SRC) $(MAINS)
CORES    := $(shell nproc)
TIDY     := $(addprefix tidy/,$(TIDY_SRC))
tidy: $(TIDY)
$(TIDY): tidy/%:
	@$(CLANG_TIDY) --quiet $* -- -std=c17 $(OUR_CPPFLAGS) $(shell $(PKG_CONFIG) --cflags $(PKGS) $(SYSTEMD) 2>/dev/null)
# constStatement: of cppcheck 2.22, about "(void)a, (void)b;".  normalCheckLevelMaxBranches: 2.17 tells what it leaves out of long
# functions, and has failed by that.
lint-all:
	@$(MAKE) --no-print-directory B=build/lint WERROR=1 everything
	tests/tools/rooms build/lint $(ROOMS)
	$(CLANG_FORMAT) --dry-run -Werror $(LIB_SRC) $(MAINS) $(wildcard $(foreach r,$(ROOMS),$(r)/*.h) tests/*/*.[ch])
	@$(MAKE) --no-print-directory -j$(CORES) tidy
	cppcheck -j$(CORES) --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
	         --include=$(firstword $(wildcard /usr/include/*/sys/queue.h /usr/include/sys/queue.h)) \
	         --suppress=missingIncludeSystem --suppress=constStatement \
	         --suppress=normalCheckLevelMaxBranches -I. -D_GNU_SOURCE -DFT_VERSION='""' $(TIDY_SRC)
	mandoc -T lint -W warning docs/*.[1-8]

# Failovers of real pairs, and hundreds of pairs on one machine; tables, and JSON in build/bench.  QUICK=1: in short.
# BENCH='...' hands options on, see --help of the programs.
LIVE      := tests/bench/live
FAKE_QEMU := $(B)/bench/fake_qemu
$(FAKE_QEMU): $(call OBJ,$(LIVE)/fake_qemu.c)
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs jansson 2>/dev/null)
fake-qemu: $(FAKE_QEMU)
# Somebody on the network without a key, against two real ftd; the table goes into docs/security.md with DOCS=1.
ATTACKER := $(B)/attack/attacker
$(ATTACKER): $(call OBJ,tests/attack/attacker.c)
	@mkdir -p $(@D)
	@echo 'link  $@'
	$(Q)$(LINK) -o $@ $^
check-attack: all fake-qemu $(ATTACKER)
	tests/attack/run $(if $(QUICK),--quick) $(if $(DOCS),--markdown docs/security.md) $(ATTACK)
bench-failover:
	@tests/tools/install-deps --build --run
	$(MAKE) all
	python3 $(LIVE)/failover.py $(if $(QUICK),--quick) $(BENCH)
bench-scale:
	@tests/tools/install-deps --build --run
	$(MAKE) all fake-qemu
	python3 $(LIVE)/scale.py $(if $(QUICK),--quick) $(BENCH)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8 \
	           $(DESTDIR)$(PREFIX)/share/doc/ftd
	install -m 755 $(B)/ftd $(B)/ftctl $(DESTDIR)$(PREFIX)/sbin
	install -m 644 docs/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 docs/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 ft.conf.example README.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/ftd

clean:
	rm -rf build

.PHONY: all everything unit check coverage coverage-programs fuzz fuzz-same fuzz-programs other-qemus check-qemus sim digest exhaustive prove decisions \
        conformance qemu-docs demo bench bench-peers bench-docs lint lint-all fake-qemu bench-failover bench-scale check-attack \
        install clean tidy $(TIDY)
.SECONDARY:
