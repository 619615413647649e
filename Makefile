# ftd: build, test, lint, install.  `make` leaves build/ftd and build/ftctl.
# SAN=1 builds with ASan and UBSan into build/san; the tests do that by themselves.

VERSION := $(shell cat VERSION)
CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=

PKGS    := libevent_core libevent_extra jansson libconfig libsodium
SYSTEMD := $(shell pkg-config --exists libsystemd && echo libsystemd)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum
HARDEN := -fstack-protector-strong -fPIE
CPPFLAGS += -I. -D_GNU_SOURCE -DFT_VERSION='"$(VERSION)"' $(if $(SYSTEMD),-DHAVE_SYSTEMD)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c17 $(WARN) $(HARDEN) $(shell pkg-config --cflags $(PKGS) $(SYSTEMD))
LDFLAGS  += -pie -Wl,-z,relro,-z,now
LDLIBS   += $(shell pkg-config --libs $(PKGS) $(SYSTEMD))

ifdef SAN
B := build/san
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
else
B := build
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

ROOMS    := config heartbeat qmp supervisor report ctl
MAINS    := supervisor/main.c ctl/ftctl.c
LIB_SRC  := $(filter-out $(MAINS),$(foreach r,$(ROOMS),$(wildcard $(r)/*.c)))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
ALL_SRC  := $(LIB_SRC) $(MAINS) $(UNIT_SRC)
OBJ       = $(patsubst %.c,$(B)/obj/%.o,$(1))

all: $(B)/ftd $(B)/ftctl

$(B)/libftd.a: $(call OBJ,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/ftd: $(call OBJ,supervisor/main.c) $(B)/libftd.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/ftctl: $(call OBJ,ctl/ftctl.c) $(B)/libftd.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(call OBJ,$(ALL_SRC)))

# Each tests/unit/test_X.c is a program of its own, so that one room can be built and tested alone.
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libftd.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check) $(LDLIBS)

unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done

.PHONY: all unit
.SECONDARY:
