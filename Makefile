# The few verbs of this project; `make help` lists them.
GO ?= go

.PHONY: help build web demo test race lint fuzz bench clean

help: ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: web ## build bin/agata, with the console if npm is there
	CGO_ENABLED=0 $(GO) build -o bin/agata ./cmd/agata

web: ## build the console (web/), if it changed
	tools/web

demo: build ## the main job end to end: a real Flower model learns on two clients
	experiments/demo.sh

test: ## every test, with real brokers and real Flower; installs what is missing
	tools/test

race: ## the Go tests that need nothing installed, with the race detector
	$(GO) test -race ./...

lint: ## vet, formatting and staticcheck
	$(GO) vet ./...
	@test -z "$$(gofmt -s -l cmd experiments internal pkg services)" || { gofmt -s -d cmd experiments internal pkg services; exit 1; }
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

fuzz: ## fuzz every parser, FUZZTIME each (default 30s)
	tools/fuzz $${FUZZTIME:-30s}

bench: ## the benchmarks of hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... ./pkg/... ./services/...

clean: ## remove what the verbs made
	rm -rf bin .venv demo web/dist/app web/node_modules web/test-results
