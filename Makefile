# All tasks of this repository. `make` alone lists them.

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0)
LDFLAGS     := -s -w -X hueair2mqtt/internal/cli.version=$(VERSION)
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

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

.PHONY: deb
deb: ## build dist/hueair2mqtt_<version>_<arch>.deb for amd64, arm64 and armhf
	GO="$(GO)" packaging/deb/build.sh

.PHONY: release
release: ## build all that a release publishes: VERSION=1.0.0 SIGNING_KEY=<fingerprint> OWNER=<GitHub account>
	GO="$(GO)" VERSION="$(VERSION)" SIGNING_KEY="$(SIGNING_KEY)" OWNER="$(OWNER)" APT_URL="$(APT_URL)" packaging/release.sh

.PHONY: test-deb
test-deb: ## as root: build the package and install it on Debian 12 and 13, each in namespaces of its own
	GO="$(GO)" test/debian/test.sh

.PHONY: test-release
test-release: browser containers ## as root: make a release, install it on Debian 12 and 13, run its image and its app
	GO="$(GO)" test/debian/test-release.sh

# Containers run by crun, without a daemon.
.PHONY: containers
containers: mosquitto
	@packaging/install.sh crun:crun apparmor_parser:apparmor ip:iproute2 unshare:util-linux

.PHONY: test-image
test-image: containers ## as root: build the container image and run it with crun
	GO="$(GO)" test/container/test.sh ./packaging/image

.PHONY: test-app
test-app: browser containers ## as root: run the Home Assistant app with a Supervisor and Ingress, seen in Chromium
	GO="$(GO)" test/container/test.sh ./packaging/homeassistant

.PHONY: check-fast
check-fast: promtool ## lint the Go code and run the tests that need no broker: under a minute with a warm cache
	$(GO) run $(GOLANGCI) run
	$(GO) test -short ./...

# The race detector gets one processor: on several its own code crashes with
# virtual time now and then (SIGSEGV in 3 of 9 runs of ./bridge with Go 1.26.8, in
# none of 12 on one; golang.org/issue/78156 reports a similar crash). The programs that the
# tests start keep all processors.
.PHONY: test
test: mosquitto promtool ## run all tests (installs Debian's mosquitto and promtool if they are missing)
	$(GO) test $(if $(RACE),$(RACE) -cpu 1) -timeout 15m ./...

# HA is the version of Home Assistant: see test/homeassistant/requirements. UPDATE=1
# rewrites the table of all entities instead of comparing it.
HA ?= 2026.2.3
.PHONY: test-homeassistant
test-homeassistant: mosquitto ## test with the real Home Assistant HA=2026.2.3, which is installed below .cache
	./test/homeassistant/install.sh $(HA)
	$(GO) test -tags homeassistant -count 1 -v -timeout 20m ./test/homeassistant -version $(HA) $(if $(UPDATE),-update)

.PHONY: screenshots
screenshots: mosquitto ## make docs/images/homeassistant.png again
	./test/homeassistant/install.sh $(HA)
	@mkdir -p docs/images
	$(GO) test -tags homeassistant -count 1 -v -timeout 20m ./test/homeassistant -version $(HA) -run '^TestPicture$$' -picture $(CURDIR)/docs/images/homeassistant.png

# In the package's own folder go test prints the figures of a run that passes, too.
.PHONY: test-faults
test-faults: mosquitto ## break everything around the program and check that it recovers (Linux, about 6 minutes; SEED=n repeats a run)
	cd test/faults && $(GO) test -tags faults -count=1 -timeout 10m -parallel 12

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

# Tools that drive the page in a real browser. A machine that has Node.js or Chromium
# from elsewhere keeps it (CHROMIUM names the latter).
.PHONY: browser
browser: mosquitto
	@missing=; \
	command -v node >/dev/null && command -v npm >/dev/null || missing="nodejs npm"; \
	[ -x "$${CHROMIUM:-/usr/bin/chromium}" ] || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then \
		if ! command -v apt-get >/dev/null; then \
			echo "These tests need $$missing: install it with this system's package manager."; exit 1; fi; \
		if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
		$$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing || exit 1; \
	fi
	cd test/browser && npm ci --no-audit --no-fund

.PHONY: test-web
test-web: browser ## test the page in Chromium (installs Debian's chromium and nodejs if they are missing)
	$(GO) test -tags browser -count 1 -timeout 10m -v -run 'InABrowser$$' ./internal/cli

.PHONY: screenshots-web
screenshots-web: browser ## make the pictures of the page in docs/images again
	@mkdir -p docs/images
	SCREENSHOTS=$(CURDIR)/docs/images $(GO) test -tags browser -count 1 -timeout 10m -run '^TestScreenshots$$' ./internal/cli

# Only the checker is taken out of Debian's package prometheus. The package is not
# installed, because it would start a server on this machine.
.PHONY: promtool
promtool: ## fetch promtool, which judges the metrics, out of Debian's package prometheus
	@if command -v promtool >/dev/null || [ -x bin/promtool ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "The tests need promtool: install Prometheus with this system's package manager."; exit 1; fi; \
	echo "The tests need promtool; taking it out of Debian's package prometheus."; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	download() { (cd "$$dir" && apt-get download -q prometheus); } && \
	{ download || { $$sudo apt-get update -q && download; }; } && \
	dpkg-deb -x "$$dir"/prometheus_*.deb "$$dir/package" && \
	mkdir -p bin && cp "$$dir/package/usr/bin/promtool" bin/promtool

# .golangci.yml sets the linters and every build tag. The first run builds golangci-lint, which
# takes about two minutes.
.PHONY: lint
lint: ## golangci-lint (gofmt, go vet, staticcheck, the import table), go mod tidy, actionlint
	$(GO) run $(GOLANGCI) run
	cd packaging/image/oci && $(GO) run $(GOLANGCI) run --config ../../../.golangci.yml
	$(GO) run $(ACTIONLINT)
	$(GO) mod tidy -diff
	cd packaging/image/oci && $(GO) mod tidy -diff

# Only an unreachable database is not a failure: the error then begins with the text that
# govulncheck writes before a request fails. Findings and all other errors are failures.
.PHONY: vulncheck
vulncheck: ## look for known vulnerabilities in what the program uses
	@if output=$$($(GO) run $(GOVULNCHECK) -tags homeassistant,faults ./... 2>&1); then echo "$$output"; \
	elif echo "$$output" | grep -q '^govulncheck: fetching vulnerabilities: Get "'; then \
		echo "$$output" | grep '^govulncheck: fetching vulnerabilities: Get "'; \
		echo "SKIPPED: the database of vulnerabilities cannot be reached, so that known ones were not looked for."; \
	else echo "$$output"; exit 1; fi

# Inputs are counted, not seconds: a worker that is busy when the time is up makes
# Go fail a target that found nothing, with "context deadline exceeded".
# Minimizing is limited to one try: the order of a map makes the coverage of the same
# input vary, and Go's minimizer then never ends.
.PHONY: fuzz
fuzz: ## fuzz every parser for a while (FUZZTIME=50000x inputs each)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(or $(FUZZTIME),50000x) -fuzzminimizetime 1x $$package || exit 1; \
		done; \
	done

# Telegraf with only its Hue bridge input and its MQTT output, for comparison. If it
# can't be built, the benchmarks run without it.
TELEGRAF_VERSION := v1.37.3
TELEGRAF         := $(CURDIR)/.cache/telegraf-$(TELEGRAF_VERSION)/telegraf

.PHONY: telegraf
telegraf:
	@[ -x $(TELEGRAF) ] || GOBIN=$(dir $(TELEGRAF)) CGO_ENABLED=0 $(GO) install -trimpath -ldflags "-s -w" \
		-tags custom,inputs.huebridge,outputs.mqtt,serializers.json github.com/influxdata/telegraf/cmd/telegraf@$(TELEGRAF_VERSION) || \
		echo "Telegraf $(TELEGRAF_VERSION) could not be built; there will be no figures for it."

.PHONY: bench
bench: mosquitto telegraf ## measure: start, polls, memory, throughput, beside Telegraf; a million polls (about 30 minutes)
	TELEGRAF=$$(ls $(TELEGRAF) 2>/dev/null) $(GO) test -run '^$$' -bench . -skip '^Benchmark(Events.*|MillionPolls)$$' -benchtime 20x -timeout 30m $$($(GO) list ./... | grep -v /history$$)
	$(GO) test -run '^$$' -bench . -timeout 10m ./internal/history
	$(GO) test -run '^$$' -bench '^BenchmarkMillionPolls$$' -benchtime 1x -timeout 2h ./bridge

.PHONY: bench-events
bench-events: mosquitto ## measure an event's way from the Hue bridge to a subscriber, beside a bare publish (about 4 minutes)
	$(GO) test -run '^$$' -bench '^BenchmarkEvents$$' -benchtime 3000x -timeout 10m ./internal/cli
	$(GO) test -run '^$$' -bench '^BenchmarkEventsByPolling$$' -benchtime 60x -timeout 10m ./internal/cli
	$(GO) test -run '^$$' -bench '^BenchmarkEventsLost$$' -benchtime 1x -timeout 10m ./internal/cli
