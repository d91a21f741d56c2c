# respin: every task of the project. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# A toolchain or tool that setup.sh brought comes before the machine's own.
export PATH := $(CURDIR)/.cache/go/bin:$(CURDIR)/.cache/bin:$(PATH):/usr/sbin:/sbin
export CGO_ENABLED ?= 0
setup  := ./internal/setup/setup.sh
pkgs   ?= ./...
fuzztime ?= 20s
runs     ?= 7
# With RESPIN_INTEROP=1 a test that lacks a tool or its data fails instead of
# skipping. The third-party data stand beside the checkout where there are any.
strict  := $(if $(or $(CI),$(wildcard ../shared/data)),RESPIN_INTEROP=1)
# The interop judges that live in virtual environments.
interop := $(strict) RESPIN_CACHE=$(CURDIR)/.cache/demo \
	RESPIN_KSVALIDATOR=$(CURDIR)/.cache/venv/bin/ksvalidator RESPIN_BODHI_PYTHON=$(CURDIR)/.cache/bodhi/bin/python \
	RESPIN_KOJI_PYTHON=$(CURDIR)/.cache/koji/bin/python RESPIN_CREATEREPO=$(CURDIR)/.cache/createrepo \
	RESPIN_KIWI10=$(CURDIR)/.cache/kiwi10/bin/kiwi-ng RESPIN_KIWI11=$(CURDIR)/.cache/kiwi11/bin/kiwi-ng

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## the respin binary, static, into bin/
	@$(setup) build
	go build -trimpath -buildvcs=auto -ldflags=-s -o bin/respin ./daemon/respin

.PHONY: demo
demo: ## the main job, end to end: update -> side repo -> ISO -> URL -> booted machine (KEEP=1 leaves the daemon running)
	@$(setup) demo
	@$(MAKE) --no-print-directory build
	go run ./internal/demo -respin bin/respin -cache .cache/demo $(if $(KEEP),-keep)

.PHONY: run
run: build ## the daemon with its defaults on http://127.0.0.1:8080
	bin/respin serve

# -count=1: the interop tests build and run programs, which the cache of test
# results does not know of.
.PHONY: test
test: ## every test: unit with the race detector, then interop against the real tools
	@$(setup) test
	CGO_ENABLED=1 $(interop) gotestsum --format pkgname-and-test-fails -- -count=1 -race -tags interop -timeout 25m $(pkgs)

.PHONY: unit
unit: ## only the tests that need no other tool
	go test $(pkgs)

.PHONY: race
race: ## the unit tests with the race detector
	CGO_ENABLED=1 go test -race $(pkgs)

.PHONY: interop
interop: ## only the tests against the real tools
	@$(setup) test
	$(interop) go test -count=1 -tags interop -timeout 25m ./internal/interop/...

# No package of Debian's has lorax: this is for a Fedora, as root. RESPIN_LORAX_RELEASE
# and RESPIN_LORAX_REPOS (URLs) choose another release or a mirror.
.PHONY: interop-lorax
interop-lorax: ## compose with the real lorax, where it is installed; says why where it is not
	go test -count=1 -tags interop -timeout 120m -v -run '^TestRealLorax$$' ./internal/interop

.PHONY: cover
cover: ## coverage of the unit tests, by function
	go test -coverprofile=coverage.out $(pkgs)
	go tool cover -func=coverage.out

.PHONY: lint
lint: ## golangci-lint, formatting and the state of go.mod
	@$(setup) lint
	golangci-lint run $(pkgs)
	golangci-lint fmt --diff
	go mod tidy -diff

.PHONY: fmt
fmt: ## format the code
	@$(setup) lint
	golangci-lint fmt

.PHONY: fuzz
fuzz: ## every fuzz target for fuzztime (20s)
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' $$target); do \
			echo "$$name in $$(dirname $$target)"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(fuzztime) -fuzzminimizetime 10x $$(dirname $$target) || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem $(pkgs)

# One run measures both, so that the machine's load hits both alike.
.PHONY: bench-koji
bench-koji: ## a 50 MB answer of a Koji hub, read by us and by kolo/xmlrpc: time and allocation (at least 10x better, or it fails)
	@go test -run '^$$' -bench 'TaggedRPMs' -benchmem -benchtime 3x ./koji | awk -f koji/testdata/ratio.awk

.PHONY: bench-kickstart
bench-kickstart: ## all real kickstarts parsed and validated, against pykickstart in the same run (at most 0.05 of its time, or it fails)
	@$(setup) test
	@$(interop) go test -count=1 -tags interop -v -run '^TestKickstartSpeed$$' ./internal/interop

.PHONY: bench-repo
bench-repo: ## writing and reading repodata against its peers, as the tables of docs/performance.md (runs=7)
	@$(setup) bench
	@$(MAKE) --no-print-directory build
	@mkdir -p .cache/bench
	@go build -o .cache/bench/bench ./internal/bench
	@.cache/bench/bench corpus >/dev/null
	.cache/bench/bench write -runs $(runs)
	.cache/bench/bench read -runs $(runs)

.PHONY: bench-fetch
bench-fetch: ## 2 GB in 500 files downloaded and verified, against curl, as the tables of docs/performance.md (runs=7)
	@$(setup) bench
	@mkdir -p .cache/bench
	@go build -o .cache/bench/bench ./internal/bench
	.cache/bench/bench fetch -packages 500 -mb 2000 -even -runs $(runs)

.PHONY: bench-remaster
bench-remaster: ## an image of 2.5 GB remastered against two copies, medium checksum against isomd5sum, as the tables of docs/performance.md (runs=7)
	@$(setup) test
	@mkdir -p .cache/bench
	@go build -o .cache/bench/bench ./internal/bench
	.cache/bench/bench remaster -mb 2400 -runs $(runs)

.PHONY: e2e
e2e: ## the main job, every kind, every failure, the kills and the boots, on the real binary
	@$(setup) test
	$(interop) go test -count=1 -tags interop -timeout 25m -v -run 'Demo|Kill|Smoke|Every' ./internal/interop

.PHONY: generate
generate: ## the generated code (option tables of kickstart commands)
	go generate ./...

.PHONY: man
man: build ## the manual page, as bin/respin.1
	bin/respin man > bin/respin.1

.PHONY: check
check: lint test ## what must hold before a commit that matters

.PHONY: clean
clean: ## remove what make made; .cache/ keeps downloads and tools
	rm -rf bin demo coverage.out
