# Gestor. `make help` lists what there is to make; `make run` is the place to begin.
#
# Everything that is made goes under build/: the release build's objects under
# build/release/, those with AddressSanitizer and UBSan under build/asan/, with
# ThreadSanitizer under build/tsan/, those of the fuzz targets under build/fuzz/.
# Sources are found by wildcard.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
# Where HAProxy is; it is not on the PATH of a user who is not root.
export PATH := $(PATH):/usr/sbin

# A line for each thing that is made; V=1 shows the whole commands.
Q      = $(if $(V),,@)
told   = $(if $(V),,@printf '  %-5s %s\n' $(1) '$(2)')

CC     = gcc
# Debian's own: python3-yaml belongs to it.
PYTHON = /usr/bin/python3

SRC   := $(sort $(wildcard api/*.c api/*/*.c))
SQL   := $(sort $(wildcard api/*/*.sql))
DBSQL := $(sort $(wildcard db/migrations/*.sql))
UNIT  := $(sort $(wildcard tests/unit/test_*.c))
UNITSQL := $(sort $(wildcard tests/unit/test_*.sql))
FUZZ  := $(sort $(wildcard tests/fuzz/*.c))
DOCS  := api/docs/index.html api/docs/docs.css api/docs/docs.js
MADE  := build/sql.c build/migrations.c build/openapi.c build/docs.c build/version.c
# What is built; where there is no history (a container, a tarball), give it: make build COMMIT=...
COMMIT := $(or $(COMMIT),$(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null),unknown)

# objects_under DIR - one for every source.
objects_under = $(SRC:%.c=build/$(1)/%.o) $(MADE:build/%.c=build/$(1)/%.o)

CPPFLAGS  = -D_GNU_SOURCE -Iapi -Ibuild $(PKG_CFLAGS) -MMD -MP
WARNINGS  = -Wall -Wextra -Wshadow -Wconversion -Wformat=2
CFLAGS    = -std=c17 -g -pthread $(WARNINGS)
# What tools/lint.sh looks for in the program that comes of it.
HARDEN    = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE $(BRANCHES)
BRANCHES  = $(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full)
HARDLINK  = -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code
SANITIZE  = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0
TSAN      = -fsanitize=thread -fno-omit-frame-pointer -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -fPIE
# The program's own versions of these, which the libraries are meant to find.
LDFLAGS   = -pthread -Wl,--as-needed -Wl,--export-dynamic-symbol=pthread_attr_setstacksize \
	-Wl,--export-dynamic-symbol=recv -Wl,--export-dynamic-symbol=send -Wl,--export-dynamic-symbol=poll
# libunistring has no file for pkg-config.
LDLIBS    = -lcivetweb $(PKG_LIBS) -lunistring -lm -ldl

# Asked once, when first needed: `make run` may have to install pkg-config before.
PKGS       = jansson libjwt libsodium libpq libcurl
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

# make_in_parallel - a make of its own, which begins when the packages are there.
JOBS = $(shell nproc)
make_in_parallel = +@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# ---- What people make

.PHONY: help run ha ha-stop build test check fault lint format bench types fuzz fuzz-build sbom deb deb-test container-test sql-check clean unit FORCE

help: ## this list
	@echo 'Gestor, the retention desk service. To try it: make run'
	@echo
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'Settings, with their defaults:'
	@echo '  GESTOR_LISTEN=127.0.0.1:8080 make run    where to serve'
	@echo '  DATABASE_URL=... make run                on that database, not a private one'
	@echo '  make test STEPS="unit http"              some steps. Of make test: $(TEST_STEPS);'
	@echo '                                           of make check: $(CHECK_STEPS);'
	@echo '                                           of neither: asan tsan webhooks live ha. STEPS takes any of them in both'
	@echo '  make test STEPS=http TEST=contact NAME=serial    the HTTP tests of one file, or with that in their title'
	@echo '  make check STEPS=planner PLANNER=hashed  the HTTP tests under other settings of the planner: hashed, nested, erased'
	@echo '  make fault FAULT="kill hang"             some scenarios: kill restart hang failover replica rolling overload'
	@echo '                                           hostile limits soak ha (SOAK_SECONDS=900, FAULT_TIMES=2)'
	@echo '  make fuzz FUZZ_SECONDS=60                how long, for each target'
	@echo '  make bench SCALE=0.1 ROUNDS=3            of a million opportunities a tenth; fewer rounds (more in bench/run.sh)'
	@echo '  make bench GROWTH=1, SMALL=1 or FLOOD=1  answers by size of the data; memory and time to start; a flood of sign-ins'
	@echo '  make bench PEERS=1                       beside what other stacks do for the same requests (bench/peers.sh)'
	@echo '  make bench REPORTS=1                     the report of a year by every pair of dimensions (bench/reports.sh)'
	@echo '  make bench IMPORT=1                      the desk beside an import of clients (bench/imports.sh)'
	@echo '  make build V=1                           the commands, in full'

run: ## install what is missing, build, serve on http://127.0.0.1:8080
	@tools/deps.sh run
	$(make_in_parallel) build/gestor
	@exec tools/run.sh

ha: ## three PostgreSQL under Patroni, etcd, two Gestor, HAProxy, on loopback (deploy/ha, docs/operations.md)
	@tools/deps.sh ha
	$(make_in_parallel) build/gestor
	@[ -d .local ] || mkdir -m 755 .local
	@exec tools/ha.sh start .local/ha

ha-stop: ## end what make ha started
	@exec tools/ha.sh stop .local/ha

build: ## build/gestor
	@tools/deps.sh build
	$(make_in_parallel) build/gestor

# The steps (tests/steps) of make test and of make check. In both, STEPS names any of either; asan, tsan, live and ha take long, and
# run by name alone.
TEST_STEPS  = unit sql-check plans sql upgrade http contract docs walk examples
CHECK_STEPS = planner prism bulk valgrind cost sbom fault fuzz
test: steps = $(or $(STEPS),$(TEST_STEPS))
test: ## proves the behaviour, on a PostgreSQL cluster of its own, in some ten minutes
	@$(step_tools)
	$(make_in_parallel) build/gestor
	@exec tests/run.sh $(steps)

check: steps = $(or $(STEPS),$(CHECK_STEPS))
check: ## the tests that take longer: other plans, Prism, large data, memory errors, costs, failures, fuzzing
	@$(step_tools)
	$(make_in_parallel) build/gestor
	@exec tests/run.sh $(steps)

# Some steps need packages of their own, or the npm tools.
needs_npm  = $(filter http webhooks planner bulk asan tsan prism contract docs examples,$(steps))
step_tools = tools/deps.sh test $(if $(needs_npm),contract) $(filter fault fuzz valgrind cost,$(steps)) $(if $(needs_npm),&& tools/npm.sh)

sql-check: ## prepare every statement of api/**/*.sql against the migrated schema
	@$(MAKE) --no-print-directory test STEPS=sql-check

fault: ## what breaks under load and what becomes of it: a table, in about half an hour
	@tools/deps.sh fault $(if $(FAULT),$(filter ha,$(FAULT)),ha)
	$(make_in_parallel) build/gestor
	@exec node tests/fault/run.js $(FAULT)

lint: ## style, static analysis, and who may include whom
	@tools/deps.sh lint
	$(make_in_parallel) build/gestor
	@exec tools/lint.sh

types: ## build/types: the contract's TypeScript types, and a typed client (openapi-typescript)
	@tools/deps.sh contract
	@tools/npm.sh
	@tests/contract/types.sh build >/dev/null
	@mkdir -p build/types
	@cp build/examples/typescript/gestor.d.ts build/examples/typescript/client.ts build/types
	@echo 'build/types/gestor.d.ts, build/types/client.ts'

format: ## clang-format in place; docs/errors.md and the texts of deploy/haproxy.cfg anew
	@tools/deps.sh lint
	@tools/formatter.sh
	@find $(wildcard api tests bench) -name node_modules -prune -o -name '*.[ch]' -exec clang-format -i {} +
	@$(PYTHON) tools/errors.py >docs/errors.md
	@$(PYTHON) tools/haproxy.py
	@$(PYTHON) tools/privacy.py --write

bench: ## load, against what PostgreSQL and civetweb alone allow; its report in build/bench
	@tools/deps.sh bench $(if $(PEERS),peers)
	$(make_in_parallel) build/gestor build/bench/bare build/bench/open_loop
	@exec bench/run.sh

sbom: ## build/sbom.json: what build/gestor is linked with, as CycloneDX
	@tools/deps.sh build
	$(make_in_parallel) build/gestor
	@$(PYTHON) tools/sbom.py build/gestor build/sbom.json

deb: ## build/deb/gestor_VERSION_ARCH.deb, a package for the release of Debian that this is
	@tools/deps.sh deb
	@exec tools/deb.sh

deb-test: deb ## installs, upgrades, removes and purges that package in a bare Debian (needs root and debootstrap)
	@exec tests/deb.sh

container-test: ## builds the Dockerfile and runs docker-compose.yml with podman, under load (Debian 12; needs root and debootstrap)
	@tools/deps.sh containers
	@exec tests/containers.sh

FUZZ_SECONDS ?= 60
fuzz: ## libFuzzer on every target of tests/fuzz
	@tools/deps.sh fuzz
	@test -n '$(FUZZ)' || { echo 'tests/fuzz holds no target' >&2; exit 1; }
	$(make_in_parallel) fuzz-build
	@set -e; for name in $(FUZZ:tests/fuzz/%.c=%); do \
		echo "== $$name, $(FUZZ_SECONDS) s"; \
		mkdir -p build/fuzz/corpus/$$name; \
		seeds=tests/fuzz/corpus/$$name; test -d $$seeds || seeds=; \
		build/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name $$seeds; \
	done

fuzz-build: $(FUZZ:tests/fuzz/%.c=build/fuzz/%)

clean: ## remove build/ (and nothing else)
	rm -rf build

# ---- How it is made

# The list of sources: one that goes away is news too.
build/sources: FORCE
	@mkdir -p build
	@printf '%s\n' $(SRC) $(SQL) $(DBSQL) | cmp -s - $@ || printf '%s\n' $(SRC) $(SQL) $(DBSQL) >$@

build/version.c: FORCE
	@mkdir -p build
	@printf '#include "base/version.h"\nconst char version_commit[] = "%s";\n' '$(COMMIT)' >$@.$$PPID; \
		cmp -s $@.$$PPID $@ || cp $@.$$PPID $@; rm -f $@.$$PPID

build/sql.h build/sql.c &: $(SQL) tools/sql2c.py build/sources
	$(call told,GEN,build/sql.[ch])
	$(Q)$(PYTHON) tools/sql2c.py --out-h build/sql.h --out-c build/sql.c $(SQL)
build/migrations.c: db/grants.sql $(DBSQL) tools/embed.py build/sources
	$(call told,GEN,$@)
	$(Q)$(PYTHON) tools/embed.py migrations $@ db/grants.sql $(DBSQL)
build/openapi.c: openapi.yaml tools/embed.py
	$(call told,GEN,$@)
	$(Q)$(PYTHON) tools/embed.py openapi $@ openapi.yaml
build/docs.c: $(DOCS) tools/embed.py
	$(call told,GEN,$@)
	$(Q)$(PYTHON) tools/embed.py files $@ $(DOCS)

build/release/%.o: CFLAGS += -O2 -Werror $(HARDEN)
# Loops over the bytes of ten million opportunities, which -O2 does not vectorize.
build/release/api/resource/report_day.o build/release/api/resource/report_packed.o build/release/api/resource/report_waits.o: CFLAGS += -O3
build/tsan/%.o: CFLAGS += -O1 -DTHREADS_FROM=100 $(TSAN)
build/asan/%.o: CFLAGS += -O1 -DTHREADS_FROM=100 -Werror -Wno-error=maybe-uninitialized $(SANITIZE)
build/fuzz/%.o: CFLAGS += -O1 -fsanitize=fuzzer-no-link $(SANITIZE)
build/fuzz/%: CC = clang
# A target may play the part of interpose.c, or of db/: nothing but what it wants comes out of
# the archive, so the C library is asked first for what the sanitizers want.
build/fuzz/%: LDFLAGS = -pthread -Wl,--as-needed

define compile
$(call told,CC,$@)
@mkdir -p $(@D)
$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
endef
define rules_for
build/$(1)/%.o: %.c Makefile | build/sql.h
	$$(compile)
build/$(1)/%.o: build/%.c Makefile | build/sql.h
	$$(compile)
endef
$(foreach kind,release asan tsan fuzz,$(eval $(call rules_for,$(kind))))

build/gestor: $(call objects_under,release) build/sources
	$(call told,LINK,$@)
	$(Q)$(CC) $(HARDLINK) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)
build/gestor-asan: $(call objects_under,asan) build/sources
	$(call told,LINK,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)
build/gestor-tsan: $(call objects_under,tsan) build/tsan/tests/tsan.o build/sources
	$(call told,LINK,$@)
	$(Q)$(CC) -pie $(TSAN) $(LDFLAGS) -Wl,--wrap=sem_clockwait,--wrap=pthread_clockjoin_np -o $@ $(filter %.o,$^) $(LDLIBS)

build/bench/%: bench/%.c Makefile
	$(call told,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -O2 -Werror $(WARNINGS) -pthread -o $@ $< -Wl,--as-needed -lcivetweb

# What tests link against. An archive gives only what is asked for, so that a test
# may bring statements or migrations of its own.
build/%/libgestor.a: build/sources
	$(call told,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)
build/asan/libgestor.a: $(filter-out %/main.o,$(call objects_under,asan))
build/fuzz/libgestor.a: $(filter-out %/main.o,$(call objects_under,fuzz))

# Statements of the unit tests' own, all of them in one header, test_sql.h.
build/test_sql.h build/test_sql.c &: $(UNITSQL) tools/sql2c.py
	$(call told,GEN,build/test_sql.[ch])
	$(Q)$(PYTHON) tools/sql2c.py --out-h build/test_sql.h --out-c build/test_sql.c $(UNITSQL)
$(UNIT:%.c=build/asan/%.o): | $(if $(UNITSQL),build/test_sql.h)

unit: $(UNIT:tests/unit/%.c=build/unit/%)
build/unit/%: build/asan/tests/unit/%.o build/asan/libgestor.a $(if $(UNITSQL),build/asan/test_sql.o)
	$(call told,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $< $(if $(wildcard tests/unit/$*.sql),build/asan/test_sql.o) \
		build/asan/libgestor.a -lcmocka $(LDLIBS)
build/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libgestor.a
	$(call told,LINK,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(SANITIZE) $(LDFLAGS) -o $@ $< -lc build/fuzz/libgestor.a $(LDLIBS)

# Objects are kept: they are what the next build is spared.
.SECONDARY:

-include $(wildcard $(foreach kind,release asan tsan fuzz bench,$(addprefix build/$(kind)/,*.d */*.d */*/*.d)))
