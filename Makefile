# Two commands do everything on a fresh machine with Go and a C compiler:
# make demo and make test. The first build takes some minutes: the Google Ads
# API is large.

GO ?= go
PKGS = ./...

.PHONY: build demo test lint bench screenshots

build:
	$(GO) build -o adsteward ./cmd/adsteward

demo: build
	./adsteward demo

# -race finds what a plain run does not, at ten times the cost: the packages that
# move whole files, simulate many shops or run the whole program are raced in
# short form only (feeds, ltv, simulate) or not at all (cmd, whose rooms are raced
# by themselves, and lift and watch, where nothing runs beside anything), and then
# run in full. Tests that need PostgreSQL (ADSTEWARD_TEST_POSTGRES) or Chromium say so
# where there is none.
FULL = ./cmd/adsteward ./attribution/lift ./feeds ./bidding/ltv ./bidding/watch ./internal/simulate
test: lint
	$(GO) test -race -shuffle=on -short -timeout 10m $$($(GO) list ./... | grep -v -e /cmd/adsteward -e /attribution/lift$$ -e /bidding/watch$$)
	$(GO) test -shuffle=on -timeout 10m $(FULL)

lint:
	@out=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet $(PKGS)
	$(GO) tool staticcheck $(PKGS)

# Every figure of README comes from here, and all of docs/results.md.
bench:
	ADSTEWARD_RESULTS=$(CURDIR)/docs/results.md $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m $(PKGS) | grep -E '^(Benchmark|ok|FAIL|---)' | grep -v 'no test files'

# The pages as the browser test sees them; README shows one.
screenshots:
	ADSTEWARD_SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test -count=1 -run TestDemoInTheBrowser ./cmd/adsteward
	cd docs/screenshots && mv demo-light.png changes-light.png && rm -f demo-*.png
