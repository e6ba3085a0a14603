# mqpush: one file, no configure. CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS belong to the user; ours are kept apart.
#
#   make demo          install what is missing, build, show it on real data   (NAMESRV=host:port to use your own cluster)
#   make check         install what tests need, build, run every test, real servers included
#   make MODE=asan ... build and test under address and undefined-behaviour sanitizers; also tsan, cov
#   make V=1 ...       show the commands

MODE ?= release
BUILD := build/$(MODE)
PREFIX ?= /usr/local
DESTDIR ?=
WERROR ?= 0
V ?= 0

VERSION := 0.1.0

OUR_CFLAGS := -std=c11 -g -Wall -Wextra -Wshadow -Wformat=2 -Wno-format-truncation -Wstrict-prototypes \
              -Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wvla -fno-common -pthread
OUR_CPPFLAGS := -I. -D_GNU_SOURCE -DMQPUSH_VERSION='"$(VERSION)"'
OUR_LDFLAGS := -pthread -Wl,-z,relro,-z,now

ifeq ($(MODE),release)
OUR_CFLAGS += -O2 -fstack-protector-strong -fPIE
OUR_CPPFLAGS += -D_FORTIFY_SOURCE=2
OUR_LDFLAGS += -pie
else ifeq ($(MODE),asan)
OUR_CFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OUR_LDFLAGS += -fsanitize=address,undefined
else ifeq ($(MODE),tsan)
OUR_CFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=thread
OUR_LDFLAGS += -fsanitize=thread
else ifeq ($(MODE),cov)
OUR_CFLAGS += -O0 --coverage
OUR_LDFLAGS += --coverage
else ifeq ($(MODE),fuzz)
CC := clang
# Comparisons are not traced: that costs half the speed, and what strcmp and memcmp compare is seen anyway.
OUR_CFLAGS += -O2 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-coverage=trace-cmp \
              -fno-sanitize-recover=all -Wno-unknown-warning-option
OUR_LDFLAGS += -fsanitize=address,undefined
else
$(error MODE=$(MODE): expected release, asan, tsan, cov or fuzz)
endif
ifeq ($(WERROR),1)
OUR_CFLAGS += -Werror
endif

PACKAGES := libcurl libcjson sqlite3 zlib smartcols inih hiredis libcrypto
TEST_PACKAGES := check

# Asked only when something is compiled, so that the first `make demo` on a new machine can install them.
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS = $(shell pkg-config --libs $(PACKAGES))
TEST_LIBS = $(shell pkg-config --libs $(TEST_PACKAGES))

SOURCES := $(shell find agent sinks -name '*.c')
LIB_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out agent/main.c,$(SOURCES)))
MAIN_OBJECT := $(BUILD)/agent/main.o
LIBRARY := $(BUILD)/libmqpush.a
HEADERS := $(shell find agent sinks tests -name '*.h')

FAKE_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fake/*.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
BATTERY_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/battery/test_*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAYS := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz/replay_%)
INTEGRATION_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/*.c)) $(BUILD)/tests/lab/slow_disk.so
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))

ifeq ($(V),0)
Q := @
say = @printf '  %-3s %s\n' $(1) $(2)
endif

COMPILE = $(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(OUR_CFLAGS) $(CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS)

.PHONY: all demo check deps test-deps unit battery integration replay fuzz valgrind bench lint install clean help
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/mqpush
ifeq ($(MODE),release)
all: mqpush
mqpush: $(BUILD)/mqpush
	cp -f $< $@
endif

$(BUILD)/mqpush: $(MAIN_OBJECT) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(PKG_LIBS) -lm $(LDLIBS)

$(LIBRARY): $(LIB_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -c -o $@ $<

# Tests: one program a file, linked against everything but main.c.
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(FAKE_OBJECTS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS) $(PKG_LIBS) -lm $(LDLIBS)
$(BUILD)/tests/battery/%: $(BUILD)/tests/battery/%.o $(FAKE_OBJECTS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS) $(PKG_LIBS) -lm $(LDLIBS)
$(BUILD)/tests/integration/%: $(BUILD)/tests/integration/%.o $(FAKE_OBJECTS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS) $(PKG_LIBS) -lm $(LDLIBS)
# For a Java virtual machine: no sanitizer, none of ours.
$(BUILD)/tests/lab/%.so: tests/lab/%.c Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -shared -fPIC $(if $(filter 1,$(WERROR)),-Werror) -o $@ $<
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(FAKE_OBJECTS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS) $(PKG_LIBS) -lm $(LDLIBS)
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay_main.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(PKG_LIBS) -lm $(LDLIBS)

deps:
	@tests/install.sh build
test-deps:
	@tests/install.sh test

# As many compilers as there are processors, unless -j says otherwise.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

demo: deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@tests/demo.sh ./mqpush

check: test-deps
	@$(MAKE) --no-print-directory $(PARALLEL) run-tests

TEST_BINARIES := $(BUILD)/mqpush $(UNIT_TESTS) $(BATTERY_TESTS) $(FUZZ_REPLAYS) $(INTEGRATION_PROGRAMS)
run-tests: $(TEST_BINARIES)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run.sh unit battery replay integration

unit: $(UNIT_TESTS)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run.sh unit
battery: $(BATTERY_TESTS)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run.sh battery
replay: $(FUZZ_REPLAYS)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run.sh replay
integration: $(BUILD)/mqpush $(INTEGRATION_PROGRAMS)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run.sh integration

# Real fuzzing (clang): make fuzz TARGET=wire SECONDS=60, or TARGET=all RUNS=10000000; the library is built once. See tests/fuzz/README.md.
TARGET ?= wire
SECONDS ?= 60
RUNS ?= 0
FUZZ_TARGETS = $(if $(filter all,$(TARGET)),$(FUZZ_NAMES),$(TARGET))
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) -lm $(LDLIBS)
fuzz:
	@tests/install.sh fuzz
	@$(MAKE) --no-print-directory MODE=fuzz $(FUZZ_TARGETS:%=build/fuzz/tests/fuzz/fuzz_%)
	@RUNS=$(RUNS) SECONDS_EACH=$(SECONDS) tests/fuzz/run.sh $(FUZZ_TARGETS)

# Memcheck over unit tests, corpora and the program: half an hour on two cores.
valgrind: $(TEST_BINARIES)
	@command -v valgrind >/dev/null || tests/install.sh test
	@BUILD=$(BUILD) tests/valgrind.sh

bench: all $(BENCHES)
	@BUILD=$(BUILD) tests/bench/run.sh

lint:
	@tests/lint.sh $(HEADERS)

install: all
	install -D -m 755 $(BUILD)/mqpush $(DESTDIR)$(PREFIX)/bin/mqpush
	install -D -m 644 conf/mqpush.conf $(DESTDIR)/etc/mqpush/mqpush.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	for unit in systemd/*.service systemd/*.timer; do \
	    sed 's|/usr/bin/mqpush|$(PREFIX)/bin/mqpush|' $$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	install -d $(DESTDIR)$(PREFIX)/share/mqpush/dashboards $(DESTDIR)$(PREFIX)/share/mqpush/rules
	install -m 644 conf/dashboards/*.json $(DESTDIR)$(PREFIX)/share/mqpush/dashboards
	install -m 644 conf/rules/mqpush.rules.yml $(DESTDIR)$(PREFIX)/share/mqpush/rules
	install -d $(DESTDIR)$(PREFIX)/share/mqpush/examples
	install -m 644 $(filter-out conf/mqpush.conf,$(wildcard conf/*.conf)) $(DESTDIR)$(PREFIX)/share/mqpush/examples
	install -d $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 agent/man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 systemd/mqpush.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/mqpush.conf

clean:
	rm -rf build mqpush

help:
	@sed -n '3,8s/^# \{0,1\}//p' Makefile
	@echo "Targets: all demo check unit battery replay integration fuzz valgrind bench lint install clean help"

-include $(patsubst %.o,%.d,$(LIB_OBJECTS) $(MAIN_OBJECT) $(FAKE_OBJECTS)) $(wildcard $(BUILD)/tests/*/*.d)
