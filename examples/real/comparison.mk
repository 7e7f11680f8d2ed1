# Our segmenter beside nnU-Net v2 on EMIDEC's LGE pictures: the same crops, folds, network, patch, batch, iterations.
#
#   make -f comparison.mk PEER=/path/to/nnunet/bin/python          the queue, in order; stop it and start it as you like
#   make -f comparison.mk ours-0-1                                 one run: fold 0, seed 1 (ours, peer, tuned, plus or begun)
#   make -f comparison.mk table                                 what is there, patients of all folds pooled
#   make -f comparison.mk least-infarct                         who has scar, told by the size of what is predicted
#
# `tuned` is the peer with the rate and momentum of our short presets, without which few iterations teach it little.
# All 70 patients, each predicted by the network that did not see them. `ours` is `train --preset small` for the image
# alone; `plus` has what was found to help, in windows of 96 pixels, 14 an iteration: as many pixels. `peer` is nnU-Net's
# trainer. `begun` is `plus` that begins with a network of its size which has learned from the simulated hearts of
# ../ablation (--pretrained): SIMULATED is their data set, PRETRAIN the iterations on it. Every run takes one thread.
BIN        ?= $(abspath ../../.venv/bin)
OUT        ?= $(abspath out)/comparison
DATA       ?= $(or $(SCARTOOLS_DATA),$(abspath ../../../shared/data))
PEER       ?= /nowhere
FOLDS      ?= 0 1 2
SEEDS      ?= 1 2
ITERATIONS ?= 400
BATCH      ?= 8
PATCH      ?= 128
FEATURES   ?= 16
PLUS       ?= --regions --around-heart --patch 96 --batch 14
SIMULATED  ?= $(OUT)/simulated/dataset
PRETRAIN   ?= 1000

scartools := OMP_NUM_THREADS=1 $(BIN)/scartools
python    := $(BIN)/python
data_set  := Dataset902_Emidec
nnunet    := nnUNet_raw=$(OUT)/raw nnUNet_preprocessed=$(OUT)/preprocessed nnUNet_compile=f OMP_NUM_THREADS=1
alone      = $(scartools) train $< --preset small --features $(FEATURES) --no-prior --no-ecg --precision float32 --threads 1
train      = $(alone) --patch $(PATCH) --batch $(BATCH) --iterations $(ITERATIONS) --anchor image-left
fold       = $(word 2,$(subst -, ,$(notdir $(@D))))
seed       = $(word 3,$(subst -, ,$(notdir $(@D))))
results    = $(OUT)/results-$(if $(findstring /tuned-,$@),tuned-)$(seed)
runs       = $(foreach seed,$(SEEDS),$(foreach fold,$(FOLDS),$(1)-$(fold)-$(seed)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(foreach arm,ours peer tuned plus begun,$(patsubst %,$(OUT)/predictions-%/prov.json,$(call runs,$(arm))))

$(foreach arm,ours peer tuned plus begun,$(call runs,$(arm))): %: $(OUT)/predictions-%/prov.json

$(OUT)/data/pairs.tsv: import_emidec.py emidec_folds.tsv
	@mkdir -p $(@D)
	$(python) import_emidec.py $(DATA)/cmr/emidec $(@D) --folds emidec_folds.tsv --crop $(PATCH)

# a data set a fold, planned without the patients that are held out; nnU-Net plans with all of them
$(OUT)/dataset-%/prov.json: $(OUT)/data/pairs.tsv
	$(scartools) preprocess $(OUT)/data/pairs-$*.tsv --labels emidec --force -o $(@D)

.SECONDEXPANSION:
$(OUT)/ours-%/prov.json: $(OUT)/dataset-$$(word 1,$$(subst -, ,$$*))/prov.json
	$(subst $<,$(<D),$(train)) --seed $(seed) --force -o $(@D)

$(OUT)/plus-%/prov.json: $(OUT)/dataset-$$(word 1,$$(subst -, ,$$*))/prov.json
	$(subst $<,$(<D),$(train)) $(PLUS) --seed $(seed) --force -o $(@D)

$(OUT)/simulated/dataset/prov.json:
	$(MAKE) --no-print-directory -C ../ablation BIN='$(BIN)' OUT='$(OUT)/simulated' $@

$(OUT)/pretrained/prov.json: $(SIMULATED)/prov.json
	$(subst $<,$(<D),$(alone)) $(PLUS) --iterations $(PRETRAIN) --seed 1 --force -o $(@D)

$(OUT)/begun-%/prov.json: $(OUT)/dataset-$$(word 1,$$(subst -, ,$$*))/prov.json $(OUT)/pretrained/prov.json
	$(subst $<,$(<D),$(train)) $(PLUS) --pretrained $(OUT)/pretrained --seed $(seed) --force -o $(@D)

$(OUT)/raw/$(data_set)/dataset.json: $(OUT)/data/pairs.tsv
	@mkdir -p $(OUT)/raw
	$(scartools) preprocess $< --labels emidec --force -o $(OUT)/dataset-all --export-nnunet $(@D)

$(OUT)/preprocessed/$(data_set)/splits_final.json: $(OUT)/raw/$(data_set)/dataset.json
	$(nnunet) nnUNet_results=$(OUT)/results $(dir $(PEER))nnUNetv2_plan_and_preprocess -d 902 -c 2d -np 1 -npfp 1 >$(OUT)/preprocess.log
	$(python) -c "import csv,json,sys; rows=list(csv.DictReader(open('emidec_folds.tsv'),delimiter='\t')); \
	  json.dump([{'train':[r['case_id'] for r in rows if r['fold']!=k],'val':[r['case_id'] for r in rows if r['fold']==k]} \
	  for k in sorted({r['fold'] for r in rows})],sys.stdout)" > $@

define run_peer
	$(nnunet) nnUNet_n_proc_DA=0 nnUNet_results=$(results) $(PEER) train_nnunet.py $(data_set) $(fold) $(seed) \
	  --features $(FEATURES) --patch $(PATCH) --batch $(BATCH) --iterations $(ITERATIONS) $(1)
	$(scartools) import-nnunet $(results)/$(data_set)/ShortTrainer__nnUNetPlans__2d --fold $(fold) \
	  --trust-pickle --force -o $(@D)
endef

$(OUT)/peer-%/prov.json: $(OUT)/preprocessed/$(data_set)/splits_final.json
	$(call run_peer)

$(OUT)/tuned-%/prov.json: $(OUT)/preprocessed/$(data_set)/splits_final.json
	$(call run_peer,--rate 0.1 --momentum 0.9)

# nnU-Net is predicted with the mirror images it was trained with
$(OUT)/predictions-%/prov.json: $(OUT)/%/prov.json
	$(scartools) predict $(<D) $(OUT)/data/pairs-$(word 2,$(subst -, ,$*)).tsv --split test --fractions-only --no-bullseye \
	  $(if $(filter peer-% tuned-%,$*)$(findstring --mirror,$(if $(filter plus-% begun-%,$*),$(PLUS))),--mirror) --anchor image-left --precision float32 --threads 1 --force -o $(@D)

# what is there of each arm and seed, whole over the folds: patients pooled, seeds averaged by patient
.PHONY: table
table:
	@rm -rf $(OUT)/pooled; given=; \
	for arm in ours peer tuned plus begun; do for seed in $(SEEDS); do \
	  all=; for fold in $(FOLDS); do \
	    test -e $(OUT)/predictions-$$arm-$$fold-$$seed/prov.json || { all=; echo "missing: $$arm-$$fold-$$seed"; break; }; \
	    all="$$all $(OUT)/predictions-$$arm-$$fold-$$seed"; done; \
	  test -n "$$all" || continue; \
	  $(python) pool_folds.py $(OUT)/pooled/$$arm-$$seed $$all || exit 1; \
	  given="$$given $(OUT)/pooled/$$arm-$$seed --name $$arm"; done; done; \
	test -n "$$given" || exit 0; \
	$(python) -c "import csv,sys; rows=list(csv.DictReader(open(sys.argv[1]),delimiter='\t')); keep=sys.argv[3].split(); \
	  out=csv.DictWriter(open(sys.argv[2],'w'),rows[0],delimiter='\t',lineterminator='\n'); out.writeheader(); \
	  [out.writerow({**r,'split':'test'}) for r in rows if r['fold'] in keep]" \
	  $(OUT)/data/pairs.tsv $(OUT)/data/pairs-all.tsv '$(FOLDS)'; \
	$(scartools) evaluate $$given --truth $(OUT)/data/pairs-all.tsv --labels emidec --split test --fractions-only \
	  --anchor image-left --force -o $(OUT)/evaluation; \
	cat $(OUT)/evaluation/report.md

# whether the size of an infarct tells who has one: a line for each arm that is whole over the folds, its seeds together
.PHONY: least-infarct
least-infarct:
	@for arm in ours peer tuned plus begun; do all=; for seed in $(SEEDS); do own=; for fold in $(FOLDS); do \
	    test -e $(OUT)/predictions-$$arm-$$fold-$$seed/prov.json || { own=; break; }; \
	    own="$$own $(OUT)/predictions-$$arm-$$fold-$$seed"; done; all="$$all$$own"; done; \
	  test -z "$$all" || { printf '%s: ' $$arm; $(python) least_infarct.py $(OUT)/data/pairs.tsv $$all || exit 1; }; done
