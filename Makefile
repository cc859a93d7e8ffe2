# The commands of this repository. `make` alone lists them.

CARGO ?= cargo
BIN := target/debug
EDDY := $(BIN)/eddy

# Jepsen's own Maelstrom if it has been unpacked here, else eddy. PATH is not searched: Debian's
# `maelstrom` is a game.
MAELSTROM ?= $(firstword $(wildcard maelstrom/maelstrom) $(EDDY))

# More flags for the test of a challenge: make broadcast-c ARGS='--seed 7'
ARGS ?=

# Number of seeds that `make seeds` tries.
SEEDS ?= 200

TEST = $(MAELSTROM) test
CHECK = $(EDDY) check store/latest --strict --title $@ $(if $(TABLE),--table $(TABLE))

CHALLENGES := echo unique-ids broadcast-a broadcast-b broadcast-c broadcast-d broadcast-e \
	broadcast-e-slow g-set counter pn-counter kafka-a kafka-b kafka-c txn-a txn-b txn-c \
	lin-kv txn-list-append
PARTITIONED := broadcast-d-partition broadcast-e-partition kafka-b-partition kafka-c-partition \
	txn-b-partition
LOSSY := counter-lossy kafka-b-lossy kafka-c-lossy

.DEFAULT_GOAL := help
.PHONY: help build workbench $(CHALLENGES) $(PARTITIONED) $(LOSSY) broadcast-durable idgen \
	challenges serve test seeds recordings docs-test frontier kafka bench verify formatted lints \
	documentation compiled unit-tests integration-tests fix clean

help: ## list the targets
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} \
		/^[a-z%-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Building

# Cargo unifies the features of all packages that a command names. All commands here name the whole
# workspace, so commands with the same profile compile nothing twice.
build: ## compile all nodes and eddy
	$(CARGO) build --workspace --bins

build-%: ## compile eddy and one node: make build-echo
	$(CARGO) build --workspace --bin eddy --bin $*

workbench:
	@echo "Testing with $(MAELSTROM). To choose another workbench: make MAELSTROM=path/to/maelstrom …"

##@ Challenges: each target compiles a node, runs it, and compares it with the limits

echo: workbench build-echo ## challenge 1: one node that sends each value back
	$(TEST) -w echo --bin $(BIN)/echo --node-count 1 --time-limit 10 $(ARGS)
	$(CHECK)

unique-ids: workbench build-unique-ids ## challenge 2: unique ids without coordination
	$(TEST) -w unique-ids --bin $(BIN)/unique-ids --time-limit 30 --rate 1000 --node-count 3 \
		--availability total --nemesis partition $(ARGS)
	$(CHECK) --min-ok-fraction 1

idgen: unique-ids ## the same as unique-ids

broadcast-a: workbench build-broadcast-a ## challenge 3a: broadcast on one node
	$(TEST) -w broadcast --bin $(BIN)/broadcast-a --node-count 1 --time-limit 20 --rate 10 $(ARGS)
	$(CHECK)

broadcast-b: workbench build-broadcast-b ## challenge 3b: broadcast by flooding
	$(TEST) -w broadcast --bin $(BIN)/broadcast-b --node-count 5 --time-limit 20 --rate 10 $(ARGS)
	$(CHECK)

broadcast-c: workbench build-broadcast-c ## challenge 3c: broadcast under partitions, without loss
	$(TEST) -w broadcast --bin $(BIN)/broadcast-c --node-count 5 --time-limit 20 --rate 10 \
		--nemesis partition $(ARGS)
	$(CHECK)

# Maelstrom 0.2.4 has no other faults than partitions.
, := ,
IF_EDDY = $(if $(filter $(EDDY),$(MAELSTROM)),$(1),--nemesis partition)
KILLS = $(call IF_EDDY,--nemesis partition$(,)kill --nemesis-interval 5)
LOSSES = $(call IF_EDDY,--nemesis partition$(,)loss$(,)duplicate --nemesis-interval 5)

broadcast-durable: workbench build-broadcast-durable ## challenge 3c with kills: nodes that store before they reply
	$(TEST) -w broadcast --bin $(BIN)/broadcast-durable --node-count 5 --time-limit 20 --rate 10 \
		$(KILLS) $(ARGS)
	$(CHECK)

FAR := --node-count 25 --time-limit 20 --rate 100 --latency 100

broadcast-d: workbench build-broadcast-d ## challenge 3d: 25 nodes with low latency
	$(TEST) -w broadcast --bin $(BIN)/broadcast-d $(FAR) $(ARGS)
	$(CHECK) --max-msgs-per-op 30 --max-median 400 --max-latency 600

broadcast-e: workbench build-broadcast-e ## challenge 3e: 25 nodes with few messages
	$(TEST) -w broadcast --bin $(BIN)/broadcast-e $(FAR) $(ARGS)
	$(CHECK) --max-msgs-per-op 20 --max-median 1000 --max-latency 2000

# 1300ms is an argument of the node, like any word that is no option, in eddy and Maelstrom alike.
broadcast-e-slow: workbench build-broadcast-e ## challenge 3e: as few messages as its latency limits allow
	$(TEST) -w broadcast --bin $(BIN)/broadcast-e $(FAR) $(ARGS) 1300ms
	$(CHECK) --max-msgs-per-op 20 --max-median 1000 --max-latency 2000

lin-kv: workbench build-lin-kv ## a key-value store by Raft, linearizable under partitions
	$(TEST) -w lin-kv --bin $(BIN)/lin-kv --node-count 3 --concurrency 4n --rate 100 \
		--time-limit 30 --nemesis partition $(ARGS)
	$(CHECK)

broadcast-d-partition: workbench build-broadcast-d ## challenge 3d under partitions, without loss
	$(TEST) -w broadcast --bin $(BIN)/broadcast-d $(FAR) --nemesis partition $(ARGS)
	$(CHECK)

broadcast-e-partition: workbench build-broadcast-e ## challenge 3e under partitions, without loss
	$(TEST) -w broadcast --bin $(BIN)/broadcast-e $(FAR) --nemesis partition $(ARGS)
	$(CHECK)

g-set: workbench build-g-set ## the chapter on CRDTs: a set that only grows
	$(TEST) -w g-set --bin $(BIN)/g-set --node-count 5 --time-limit 20 --rate 10 \
		--availability total --nemesis partition $(ARGS)
	$(CHECK) --min-ok-fraction 1

COUNTER := --bin $(BIN)/counter --node-count 3 --rate 100 --time-limit 20

counter: workbench build-counter ## challenge 4: a counter on a store that may return old values
	$(TEST) -w g-counter $(COUNTER) --nemesis partition $(ARGS)
	$(CHECK)

pn-counter: workbench build-counter ## challenge 4 with decrements
	$(TEST) -w pn-counter $(COUNTER) --nemesis partition $(ARGS)
	$(CHECK)

counter-lossy: workbench build-counter ## challenge 4 with message loss between nodes, which send each other none
	$(TEST) -w pn-counter $(COUNTER) $(LOSSES) $(ARGS)
	$(CHECK)

LOGS := -w kafka --concurrency 2n --time-limit 20 --rate 1000

kafka-a: workbench build-kafka-a ## challenge 5a: logs on one node
	$(TEST) $(LOGS) --bin $(BIN)/kafka-a --node-count 1 $(ARGS)
	$(CHECK)

kafka-b: workbench build-kafka-b ## challenge 5b: logs on two nodes, kept in lin-kv
	$(TEST) $(LOGS) --bin $(BIN)/kafka-b --node-count 2 $(ARGS)
	$(CHECK)

kafka-c: workbench build-kafka-c ## challenge 5c: logs on two nodes, each kept by its owner
	$(TEST) $(LOGS) --bin $(BIN)/kafka-c --node-count 2 $(ARGS)
	$(CHECK)

kafka-b-partition: workbench build-kafka-b ## challenge 5b under partitions, which cannot cut off lin-kv
	$(TEST) $(LOGS) --bin $(BIN)/kafka-b --node-count 2 --nemesis partition $(ARGS)
	$(CHECK)

kafka-c-partition: workbench build-kafka-c ## challenge 5c under partitions, without loss
	$(TEST) $(LOGS) --bin $(BIN)/kafka-c --node-count 2 --nemesis partition $(ARGS)
	$(CHECK)

kafka-b-lossy: workbench build-kafka-b ## challenge 5b with message loss between nodes, which send each other none
	$(TEST) $(LOGS) --bin $(BIN)/kafka-b --node-count 2 $(LOSSES) $(ARGS)
	$(CHECK)

kafka-c-lossy: workbench build-kafka-c ## challenge 5c with loss and duplication of messages between nodes
	$(TEST) $(LOGS) --bin $(BIN)/kafka-c --node-count 2 $(LOSSES) $(ARGS)
	$(CHECK)

TXN := -w txn-rw-register --concurrency 2n --time-limit 20 --rate 1000 --availability total

txn-a: workbench build-txn-a ## challenge 6a: transactions on one node
	$(TEST) $(TXN) --bin $(BIN)/txn-a --node-count 1 --consistency-models read-uncommitted $(ARGS)
	$(CHECK) --min-ok-fraction 1

txn-b: workbench build-txn-b ## challenge 6b: transactions on two nodes, read uncommitted
	$(TEST) $(TXN) --bin $(BIN)/txn-b --node-count 2 --consistency-models read-uncommitted $(ARGS)
	$(CHECK) --min-ok-fraction 1

txn-b-partition: workbench build-txn-b ## challenge 6b under partitions, which delay no client
	$(TEST) $(TXN) --bin $(BIN)/txn-b --node-count 2 --consistency-models read-uncommitted \
		--nemesis partition $(ARGS)
	$(CHECK) --min-ok-fraction 1

txn-c: workbench build-txn-c ## challenge 6c: transactions on two nodes, read committed
	$(TEST) $(TXN) --bin $(BIN)/txn-c --node-count 2 --consistency-models read-committed \
		--nemesis partition $(ARGS)
	$(CHECK) --min-ok-fraction 1

txn-list-append: workbench build-txn-list-append ## the chapter on Datomic: strictly serializable, on lin-kv
	$(TEST) -w txn-list-append --bin $(BIN)/txn-list-append --node-count 3 --concurrency 4n \
		--time-limit 30 --rate 100 --nemesis partition $(ARGS)
	$(CHECK)

##@ Results

challenges: workbench build ## run all challenges, for a quarter of an hour, and print a table
	@mkdir -p store && rm -f store/challenges.txt
	@failed=0; for challenge in $(CHALLENGES) $(PARTITIONED) $(LOSSY); do \
		$(MAKE) --no-print-directory $$challenge TABLE=store/challenges.txt > store/$$challenge.log 2>&1 \
			&& echo "$$challenge passed" \
			|| { failed=1; echo "$$challenge FAILED, see store/$$challenge.log"; }; \
	done; echo; cat store/challenges.txt; exit $$failed

serve: build-eddy-serve ## show the results in a browser: make serve ARGS='--port 8081'
	@mkdir -p store
	$(EDDY) serve $(ARGS)

##@ Tests

test: ## run all tests
	$(CARGO) test --workspace --quiet

# The targets with tests that try many seeds, as flags: --lib --bin broadcast-c … --test it
# A file below src/ that belongs to no program belongs to a library.
SEEDED = $(shell grep -rl --include='*.rs' for_any_seed src */src */tests */examples | sed -E \
	's:^src/bin/([^/.]+).*:--bin \1:; s:^([^/]+/)?src/.*:--lib:; s:^.*/tests/.*:--test it:; \
	s:^.*/examples/([^/.]+).*:--example \1:' | sort -u)

seeds: ## try many seeds in each test that takes one, then fuzz nodes with a million lines: make seeds SEEDS=500
	@mkdir -p store
	@echo "compiling (for minutes, the first time), then $(SEEDS) seeds of each:"
	@EDDY_SEEDS=$(SEEDS) $(CARGO) test --workspace --profile seeds --no-fail-fast $(SEEDED) -- \
		for_any_seed --nocapture --test-threads=1 > store/seeds.log \
		|| { echo; sed -n '/to repeat it:$$/,/EDDY_SEED=/p' store/seeds.log; exit 1; }
	@grep -E '^broadcast-.[:,]|^raft, |^  [0-9]\.|^[0-9] nodes, |^[0-9]+ (of [0-9]+ )?seeds' store/seeds.log
	@GLOMERS_SEED=$${GLOMERS_SEED:-$$(date +%s)} GLOMERS_CASES=1000000 \
		$(CARGO) test --workspace --profile seeds --test it -- fuzz:: --nocapture

recordings: ## check histories recorded by Jepsen's Maelstrom, and compare the verdicts
	@$(CARGO) test --workspace --test it -- every_verdict_follows --nocapture

docs-test: build ## run every command in the documents, as it is shown
	@$(CARGO) test --workspace --test it -- documents:: --include-ignored

##@ Measurements

frontier: ## measure broadcasts beside the least possible: docs/frontier.md and two pictures
	@$(CARGO) build --workspace --profile seeds --example frontier
	target/seeds/examples/frontier

kafka: ## compare kafka-c with kafka-b in virtual time: docs/challenges.md
	@$(CARGO) test --workspace --test kafka

bench: ## measure costs beside their bounds: docs/performance.md
	$(CARGO) bench --workspace --no-fail-fast --bench cost --bench growth \
		--bench virtual_time --bench scale --bench lin_kv --bench checkers

##@ Working on this repository

verify: lints documentation unit-tests integration-tests ## check everything as CI does: format, lints, docs, tests; writes only build output

# Make passes the name of its jobserver to cargo, but not the jobserver itself.
lints documentation compiled unit-tests integration-tests: export MAKEFLAGS =

formatted:
	$(CARGO) fmt --all --check

lints: formatted
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

documentation: lints
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet

compiled: documentation
	$(CARGO) test --workspace --quiet --no-run --lib --bins --examples --tests

# Integration tests wait for processes and clocks half of the time, which unit tests can use:
# make -j2 --output-sync verify
unit-tests: compiled
	$(CARGO) test --workspace --quiet --lib --bins --examples
	$(CARGO) test --workspace --quiet --doc

integration-tests: compiled
	$(CARGO) test --workspace --quiet --test '*'

fix: ## apply the suggestions of the lints, and format
	$(CARGO) clippy --workspace --all-targets --fix --allow-dirty --allow-staged --quiet
	$(CARGO) fmt --all

clean: ## remove build output and recorded tests
	$(CARGO) clean
	rm -rf store

# The target with the smallest edit distance (Levenshtein), if that is small.
define NEAREST
function distance(a, b,   i, j, row, corner, above) {
	for (j = 0; j <= length(b); j++) row[j] = j
	for (i = 1; i <= length(a); i++) {
		corner = row[0]; row[0] = i
		for (j = 1; j <= length(b); j++) {
			above = row[j]
			if (substr(a, i, 1) != substr(b, j, 1)) corner++
			row[j] = corner < above + 1 ? corner : above + 1
			if (row[j - 1] + 1 < row[j]) row[j] = row[j - 1] + 1
			corner = above
		}
	}
	return row[length(b)]
}
BEGIN { least = length(wrong) / 3 + 1 }
/^[a-z-]+:.*## / { if ((edits = distance(wrong, $$1)) < least) { least = edits; nearest = $$1 } }
END { if (nearest) printf "did you mean %s? ", nearest }
endef
export NEAREST

.DEFAULT:
	@near=$$(awk -F ':.*## ' -v wrong='$@' "$$NEAREST" $(MAKEFILE_LIST)); \
		echo "make: there is no target $@; $$near\`make\` alone lists all there are" >&2; exit 2
