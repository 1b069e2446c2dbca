# Everything that can be done with hueair2mqtt's sources. `make` alone lists it.

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0)
LDFLAGS     := -s -w -X main.version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector needs a C compiler. A machine without one runs the same
# tests without it; .ci/run insists on it.
RACE ?= $(shell command -v cc >/dev/null 2>&1 && echo -race)

.PHONY: help
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: build ## show the bridge at work for FOR=12s: needs no device, no broker and no setting
	./bin/hueair2mqtt demo --for $(or $(FOR),12s)

.PHONY: build
build: ## build bin/hueair2mqtt
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/hueair2mqtt ./cmd/hueair2mqtt

.PHONY: test
test: mosquitto ## run all tests (installs Debian's mosquitto if it is missing)
	$(GO) test $(RACE) -timeout 15m ./...

# In the package's own folder go test prints the figures of a run that passes, too.
.PHONY: test-faults
test-faults: mosquitto ## break everything around the program and see what still holds (Linux, about 6 minutes; SEED=n repeats a run)
	cd faults && $(GO) test -tags faults -count=1 -timeout 10m -parallel 12

# Debian keeps the broker in /usr/sbin, which is not on every user's PATH.
.PHONY: mosquitto
mosquitto: ## install Debian's mosquitto, which the tests start on ports of their own
	@if command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "The tests need the broker mosquitto: install it with this system's package manager."; exit 1; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	echo "The tests need the broker mosquitto; installing Debian's package$${sudo:+ with sudo}."; \
	$$sudo apt-get update -q && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends mosquitto

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, go mod tidy
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags faults ./faults
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(STATICCHECK) -tags faults ./faults
	$(GO) mod tidy -diff

# Minimizing is off but for a try: the order of a map makes the coverage of the
# same input vary, and Go's minimizer then never ends.
.PHONY: fuzz
fuzz: ## fuzz every parser for a while (FUZZTIME=30s each)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 1x $$package || exit 1; \
		done; \
	done

.PHONY: bench
bench: mosquitto ## measure: publishing 1,000 devices, resident memory, parsing
	$(GO) test -run '^$$' -bench '^Benchmark[^E]' -benchtime 10x -timeout 30m ./...

.PHONY: bench-events
bench-events: mosquitto ## measure an event's way from the Hue bridge to a subscriber, beside a bare publish (about 4 minutes)
	$(GO) test -run '^$$' -bench '^BenchmarkEvents$$' -benchtime 3000x -timeout 10m ./cmd/hueair2mqtt
	$(GO) test -run '^$$' -bench '^BenchmarkEventsByPolling$$' -benchtime 60x -timeout 10m ./cmd/hueair2mqtt
	$(GO) test -run '^$$' -bench '^BenchmarkEventsLost$$' -benchtime 1x -timeout 10m ./cmd/hueair2mqtt
