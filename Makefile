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

# -race finds what a plain run does not, at ten times the cost. PLAIN are not raced:
# the program, whose rooms are raced by themselves, and where nothing runs beside
# anything. BOTH are raced in short form, without the tests that simulate much or move
# whole files, and run in full as well. The longest packages come first, so that none
# is left alone at the end. Lint has vetted all of it. Tests that need PostgreSQL
# (ADSTEWARD_TEST_POSTGRES) or Chromium say so where there is none.
PLAIN = ./cmd/adsteward ./bidding/watch ./attribution/lift ./bidding ./bidding/allocate ./bidding/guard
BOTH = ./internal/simulate ./bidding/ltv ./feeds ./bidding/response ./internal/sandbox/market ./attribution
RACED = ./internal/nightly $(BOTH) ./store ./internal/web $(filter-out $(PLAIN:.%=adsteward%),$(shell $(GO) list ./...))
TEST = $(GO) test -vet=off -shuffle=on -timeout 10m
test: lint
	$(TEST) -race -short $(RACED)
	$(TEST) $(PLAIN) $(BOTH)

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
