# tender: build, try, test. `make help` lists the targets.
SHELL       := /bin/bash
GO          ?= go
BIN         := bin/tender
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X github.com/tender-scheduler/tender/internal/cli.Version=$(VERSION)
LINT        := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BUF         := github.com/bufbuild/buf/cmd/buf@v1.75.0
TESTFLAGS   ?=
# NVIDIA's library is reached through cgo, which needs a C compiler; without one,
# or with CGO=0, the program is built all the same and knows of no GPUs (ADR 21).
CGO         ?= $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo 1 || echo 0)
export CGO_CFLAGS ?= -g -O2 -Wno-deprecated-declarations
SEEDS       ?= 200

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/tender, with NVML where there is a C compiler (CGO=0: without)
	CGO_ENABLED=$(CGO) $(GO) build -trimpath -tags netgo,osusergo -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/tender

.PHONY: demo
demo: build ## run a word count on a cluster of one, in a temporary directory
	@scripts/demo $(BIN)

.PHONY: test
test: build ## all tests, with the built binary; says what the machine lacks
	@scripts/test $(TESTFLAGS)

.PHONY: test-race
test-race: ## unit tests under the race detector
	$(GO) test -race -short ./...

.PHONY: test-cgroup2
test-cgroup2: ## the isolation tests on cgroup v2, in a QEMU virtual machine
	@scripts/test-cgroup2

.PHONY: lint
lint: ## gofmt, go vet and golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt on these'; exit 1; }
	$(GO) vet ./...
	$(GO) run $(LINT) run ./...

.PHONY: sim
sim: ## the simulator: SEEDS=200 seeds of 20 agents and mixed jobs
	$(GO) run ./sim/cmd/simulate -seeds $(SEEDS)

.PHONY: bench
bench: build ## the figures of docs/benchmarks.md, with the peers that are installed
	@scripts/bench

.PHONY: generate
generate: ## generated Go code: protobuf, the task state diagram
	cd api && $(GO) run $(BUF) generate
	$(GO) generate ./...

.PHONY: clean
clean: ## remove what build made
	rm -rf bin out
