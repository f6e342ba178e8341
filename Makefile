# daypass: the only build file. `make` builds, `make demo` shows it at work, `make check` tests it; `make help` lists all.
VERSION = 0.1.0

# What a packager may set: CC, CFLAGS, CPPFLAGS, LDFLAGS, PKG_CONFIG, PREFIX, BINDIR, MANDIR, DESTDIR, PYTHON.
CC ?= cc
CFLAGS ?= -Os # as fast as -O2 here, where a call is mostly its start, and a tenth smaller
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share
VARIANT ?= release
B = build/$(VARIANT)
ifeq ($(origin CC),default)
CC = cc
endif

SOURCES := $(sort $(wildcard helper/*.c helper/*/*.c protocols/*.c))
OBJECTS = $(SOURCES:%.c=$(B)/obj/%.o)
LIBRARY = $(filter-out $(B)/obj/helper/main.o,$(OBJECTS))
FACES = git-credential-daypass docker-credential-daypass kubectl-daypass

# The Python that has the distribution's packages (aiohttp, PyJWT, cryptography, pytest) is not always first on PATH.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

comma := ,
probe = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')
probe_link = $(shell echo 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo '$(1)')
# A flag that the libc must know too: only where a program made with it runs here.
probe_run = $(shell t=$$(mktemp) && echo 'static int x; int *p = &x; int main(void){return *p;}' | $(CC) -Werror -fPIE -pie $(1) -x c - -o $$t 2>/dev/null && $$t && echo '$(1)'; rm -f $$t)

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wwrite-strings -Wpointer-arith \
	-Wcast-align -Wundef -Wconversion -Wno-sign-conversion -Wvla
INCLUDES = -I. -include helper/base/attr.h -include helper/base/banned.h
DEFINES = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DDAYPASS_VERSION='"$(VERSION)"'
# Probing takes a moment: not for targets that compile nothing themselves.
ifneq ($(filter-out clean help deps demo check check-real check-kube check-az check-asan fuzz,$(or $(MAKECMDGOALS),all)),)
# GLib's headers do not pass our warnings: to the compiler they are the system's.
LIB_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libsodium libcjson libcurl libsecret-1 yaml-0.1 libcrypto 2>/dev/null))
LIB_LIBS := $(or $(shell $(PKG_CONFIG) --libs libsodium 2>/dev/null),-lsodium)
HARDEN := $(foreach f,-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard \
	-ftrivial-auto-var-init=zero -fstrict-flex-arrays=3 -fno-delete-null-pointer-checks -fno-strict-overflow,$(call probe,$(f)))
HARDEN_LD := $(foreach f,-Wl$(comma)-z$(comma)relro -Wl$(comma)-z$(comma)now -Wl$(comma)-z$(comma)noexecstack -Wl$(comma)--as-needed \
	-Wl$(comma)--gc-sections,$(call probe_link,$(f))) $(call probe_run,-Wl$(comma)-z$(comma)pack-relative-relocs)
# A tenth of the program were tables for unwinding, which nothing here does.
SMALL := $(foreach f,-fno-asynchronous-unwind-tables -fno-unwind-tables,$(call probe,$(f)))
FORTIFY := $(or $(call probe,-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3),$(call probe,-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
endif
flags_release = $(HARDEN) $(SMALL) $(FORTIFY:-O2%=%) -fPIE
ldflags_release = -pie $(HARDEN_LD)
flags_asan = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DDAYPASS_ASAN
ldflags_asan = -fsanitize=address,undefined
flags_cov = -g -O0 --coverage -DDAYPASS_COV
ldflags_cov = --coverage
flags_fuzz = -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -DDAYPASS_FUZZ
ldflags_fuzz = -fsanitize=fuzzer,address,undefined
ifeq ($(VARIANT),fuzz)
CC = clang
endif
# Warnings are errors in CI, not for users: their compiler may know newer ones.
WERROR = $(if $(CI),-Werror)

# V=1 shows whole commands.
say = $(if $(V),,@echo '  $(1)'; )

ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(flags_$(VARIANT)) -fvisibility=hidden -ffunction-sections -fdata-sections $(WARNINGS) $(WERROR)
ALL_CPPFLAGS = $(DEFINES) $(INCLUDES) $(LIB_CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS = $(ldflags_$(VARIANT)) $(LDFLAGS)

.PHONY: all install uninstall test unit leak fuzz-seeds soak soak-short golden check check-real check-kube check-az t0303 check-asan layers bench fuzz fuzz-run demo deps cloud e2e clean help FORCE
all: $(B)/daypass $(FACES:%=$(B)/bin/%)

help:
	@echo 'make             build $(B)/daypass'
	@echo 'make demo        install what it needs, build, and clone from a stand-in Azure Repos with the real git'
	@echo 'make check       install what it needs, build, and run every test that this machine can run'
	@echo 'make test        unit tests and golden transcripts only: no network, no sudo, any user'
	@echo 'make install     into $$(DESTDIR)$$(PREFIX); also: uninstall'
	@echo 'make check-real check-kube check-az t0303 check-asan layers soak bench fuzz deps clean'

$(B)/daypass: $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,LD $@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ -o $@ $(LIB_LIBS)

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Other flags, other objects: the command line is part of what they depend on.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS))' | cmp -s - $@ || echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS))' > $@
FORCE:

$(B)/bin/%: $(B)/daypass
	@mkdir -p $(@D)
	@ln -sfn ../daypass $@
	@ln -sfn ../daypass $(@D)/daypass

-include $(OBJECTS:.o=.d)

# --- tests ---------------------------------------------------------------------------------------------------------
UNIT = $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES = $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
TEST_FLAGS = -Wno-missing-prototypes -Wno-unused-parameter
TEST_LIBS = $(LIB_LIBS) -lcmocka

$(B)/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(TEST_FLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) $< $(LIBRARY) -o $@ $(TEST_LIBS)

$(B)/fuzz/%: tests/fuzz/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(TEST_FLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) $< $(LIBRARY) -o $@ $(LIB_LIBS)

$(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $< -o $@ $(if $(findstring curl,$*),-lcurl)

# One program of a few files: it is small enough to be compiled as a whole.
$(B)/soak/soak: $(wildcard tests/soak/*.c tests/soak/*.h tests/unit/*.h) $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC tests/soak)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(TEST_FLAGS) $(ALL_LDFLAGS) $(filter %.c %.o,$^) -o $@ $(TEST_LIBS)

-include $(UNIT:=.d) $(FUZZERS:=.d)

unit: $(UNIT)
	@$(PYTHON) tests/unit/run.py $(UNIT)

# The sanitizer must really look: a leak on purpose.
leak: $(B)/unit/leak_probe
	@$(PYTHON) tests/unit/run.py --expect-leak $<

# Each fuzz target takes its seeds once, in any variant.
fuzz-seeds: $(FUZZERS)
	@$(PYTHON) tests/unit/run.py --fuzz $(FUZZERS)

# The cache's concurrency proof. SEED=n repeats the choices that a run printed as its seed.
soak: $(B)/soak/soak
	@$< long $(SEED)

soak-short: $(B)/soak/soak
	@$< short $(SEED)

golden: all
	@$(PYTHON) tests/golden/run.py $(B)/bin

test: unit golden

layers: all
	@$(PYTHON) tests/layers.py $(B)/daypass

CLOUD = PYTHONDONTWRITEBYTECODE=1 DAYPASS_TEST_BIN='$(CURDIR)/$(B)/bin' $(PYTHON) tests/cloud/run
# pytest's own folders go with the cloud's.
PYTEST = sh -c 'exec $(PYTHON) -m pytest -q -rs -p no:cacheprovider --basetemp "$$DAYPASS_TEST_DIR/pytest" "$$@"' pytest

# The sanitizer's runtime opens libraries, catches crashes and looks into its own process: what is about just that is left out.
e2e_asan = --ignore tests/e2e/test_strace.py --ignore tests/e2e/test_docker_clients.py --ignore tests/e2e/test_docker_login.py --deselect tests/e2e/test_leak.py::test_a_crash_leaves_no_core \
	--deselect tests/e2e/test_leak.py::test_others_of_the_same_user_cannot_look_into_the_process --deselect tests/e2e/test_exec.py::test_nobody_looks_into_the_server

e2e: all
	@$(CLOUD) -- $(PYTEST) tests/e2e --ignore tests/e2e/real $(e2e_$(VARIANT))

bench: all $(BENCHES)
	@$(CLOUD) -- $(PYTHON) tests/bench/bench.py $(B)/bin $(B)/bench

# What follows installs what it needs, then starts make again, so that new headers and libraries are found.
deps:
	@tests/deps.sh $(or $(FOR),check)

demo:
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory all
	@$(CLOUD) -- $(PYTHON) tests/demo.py $(B)/bin

check:
	@tests/deps.sh check
	@$(MAKE) --no-print-directory all
	@tests/e2e/real/fetch_sdks.sh distribution
	@$(PYTHON) tests/check.py --make '$(MAKE)' unit golden layers soak-short cloud e2e

cloud: all
	@$(CLOUD) -- $(PYTEST) tests/cloud/selftest*.py

check-real:
	@tests/deps.sh real
	@$(MAKE) --no-print-directory all
	@tests/e2e/real/fetch.sh
	@tests/e2e/real/fetch_clients.sh
	@DAYPASS_TEST_CAPABILITIES=1 $(CLOUD) -- $(PYTEST) tests/e2e/real

# A real Kubernetes and Azure's kubelogin; kube-apiserver takes 6 minutes to build, once.
check-kube:
	@tests/deps.sh real
	@$(MAKE) --no-print-directory all
	@DAYPASS_TEST_HEAVY=1 tests/e2e/real/fetch_kube.sh
	@DAYPASS_TEST_HEAVY=1 tests/e2e/real/fetch_kube_clients.sh
	@tests/e2e/real/fetch_clients.sh helm3 helm4
	@$(CLOUD) -- $(PYTEST) tests/e2e/real/test_aks.py tests/e2e/real/test_cluster.py tests/e2e/real/test_kube_clients.py tests/e2e/real/test_kubelogin.py

# Microsoft's SDKs with us as az and under daypass exec, beside the real az, which takes one to two minutes and 730 MB, once.
check-az:
	@tests/deps.sh real
	@$(MAKE) --no-print-directory all
	@DAYPASS_TEST_HEAVY=1 tests/e2e/real/fetch_sdks.sh
	@DAYPASS_TEST_HEAVY=1 $(CLOUD) -- $(PYTEST) tests/cloud/selftest_arm.py tests/cloud/selftest_graph.py tests/e2e/real/test_sdks.py tests/e2e/real/test_job.py tests/e2e/real/test_fic_az.py

# git's own battery for credential helpers, printed as git prints it.
t0303:
	@tests/deps.sh real
	@$(MAKE) --no-print-directory all
	@tests/e2e/real/fetch_git_tests.sh
	@$(CLOUD) -- $(PYTEST) tests/e2e/real/test_t0303.py

check-asan:
	@tests/deps.sh check
	@$(MAKE) --no-print-directory VARIANT=asan unit leak fuzz-seeds golden soak-short e2e

fuzz:
	@tests/deps.sh fuzz
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-run

fuzz-run: $(FUZZERS)
	@tests/fuzz/run.sh $(or $(SECONDS),20) $(FUZZERS)

install: all
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5' \
		'$(DESTDIR)$(COMPDIR)/bash-completion/completions' '$(DESTDIR)$(COMPDIR)/zsh/site-functions' '$(DESTDIR)$(COMPDIR)/fish/vendor_completions.d'
	install -m 755 $(B)/daypass '$(DESTDIR)$(BINDIR)/daypass'
	for f in $(FACES); do ln -sfn daypass '$(DESTDIR)$(BINDIR)/'$$f; done
	install -m 644 contrib/man/*.1 '$(DESTDIR)$(MANDIR)/man1'
	install -m 644 contrib/man/*.5 '$(DESTDIR)$(MANDIR)/man5'
	install -m 644 contrib/completions/daypass.bash '$(DESTDIR)$(COMPDIR)/bash-completion/completions/daypass'
	install -m 644 contrib/completions/_daypass '$(DESTDIR)$(COMPDIR)/zsh/site-functions/_daypass'
	install -m 644 contrib/completions/daypass.fish '$(DESTDIR)$(COMPDIR)/fish/vendor_completions.d/daypass.fish'

uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/daypass' $(FACES:%='$(DESTDIR)$(BINDIR)/%') '$(DESTDIR)$(MANDIR)/man1/daypass.1' '$(DESTDIR)$(MANDIR)/man5/daypass-config.5' \
		'$(DESTDIR)$(COMPDIR)/bash-completion/completions/daypass' '$(DESTDIR)$(COMPDIR)/zsh/site-functions/_daypass' '$(DESTDIR)$(COMPDIR)/fish/vendor_completions.d/daypass.fish'

clean:
	rm -rf build
