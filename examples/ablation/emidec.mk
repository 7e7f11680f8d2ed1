# The same question on real LGE pictures (EMIDEC, 70 patients): real images, and ECGs that are SIMULATED from the true scar
# of each mask, as every table must say. Whatever such an ECG tells comes from our physics, not from a patient.
#
#   make -f emidec.mk data            pictures, masks, simulated ECGs, beats, manifest, data set, encoder
#   make -f emidec.mk all             every arm, control and ceiling that R asks for, two seeds; stopped and started at will
#   make -f emidec.mk segment.1       one task, as in Makefile
#   make -f emidec.mk turned.1        what an angle that is 30 degrees wrong costs the arms of seed 1
#   make -f emidec.mk table
#
# The frame of the sectors is assumed: the pictures have no RV and no orientation, so the septum is taken to be on the left
# (--anchor image-left), some 26 degrees off on a true oblique stack; pixels were stretched and are made round again by the
# LV's own width over height. The ECGs are simulated in that same frame, so an error of it is shared by image and ECG:
# `turned` predicts with a septum 30 degrees away from where the networks and the ECGs have it.
# 60 % of the patients to learn from, 10 % to choose by, 30 % (22) to test on, drawn by import_emidec.py with seed 1.
BIN      ?= $(abspath ../../.venv/bin)
OUT      ?= $(abspath out-emidec)
DATA     ?= $(or $(SCARTOOLS_DATA),$(abspath ../../../shared/data))
SEEDS    ?= 1 2
FUSIONS  ?= segment
ARMS     ?= image prior segment segment-shuffled segment-oracle segment-painted segment-painted-shuffled \
             segment-painted-oracle given-prior given-segment given-segment-shuffled given-segment-oracle
THREADS  ?= 1
TURN     ?= 30
ECG_SEED ?= 7
TRAIN    ?= --around-heart --regions
ENCODER  ?= $(OUT)/encoder

scartools := $(BIN)/scartools
python    := $(BIN)/python
pairs     := $(OUT)/pairs.tsv
main      := $(MAKE) --no-print-directory -f Makefile BIN='$(BIN)' OUT='$(OUT)' PAIRS='$(pairs)' SEEDS='$(SEEDS)' \
             FUSIONS='$(FUSIONS)' ARMS='$(ARMS)' THREADS='$(THREADS)' ENCODER='$(ENCODER)' TRAIN='$(TRAIN) --anchor image-left' PREPROCESS='--labels emidec' \
             PREDICT='--fractions-only --labels emidec' EVALUATE='--fractions-only --labels emidec' READERS='--labels emidec' \
             SECOND='--angle 190' NOTE='Real LGE (EMIDEC); every ECG is SIMULATED from the true scar.'
arms      := image prior segment segment-shuffled

.DELETE_ON_ERROR:
.PHONY: pairs $(addprefix turned.,$(SEEDS))
.DEFAULT_GOAL := all

# every other goal is one of Makefile, once the manifest is there
%: $(pairs)
	+@$(main) $@

$(OUT)/emidec/pairs.tsv: ../real/import_emidec.py
	@mkdir -p $(@D)
	$(python) $< $(DATA)/cmr/emidec $(@D)

# two masks whose ventricle has no cavity in the middle are refused (status 5): they stay, without an ECG
$(OUT)/ecgs/ecg.prov.json: $(OUT)/emidec/pairs.tsv
	$(scartools) simulate ecg $(OUT)/emidec/labels/*.nii.gz --labels emidec --anchor image-left --spacing-from affine \
	  --seed $(ECG_SEED) --force -q -o $(@D) || [ $$? -eq 5 ]

$(OUT)/ecg-beats/beats.prov.json: $(OUT)/ecgs/ecg.prov.json
	$(scartools) median-beat $(OUT)/ecgs --threads $(THREADS) --force -q -o $(@D) || [ $$? -eq 5 ]

$(pairs): $(OUT)/ecg-beats/beats.prov.json emidec_beats.py
	$(python) emidec_beats.py $(OUT)/emidec/pairs.tsv $(OUT)/ecg-beats $@

$(addprefix turned.,$(SEEDS)): turned.%: $(pairs)
	@mkdir -p $(OUT)/turned
	@for arm in $(arms); do \
	  $(scartools) predict $(OUT)/models/$$arm.$* $(pairs) --split test --fractions-only --labels emidec --no-bullseye \
	    --angle $$((180 + $(TURN))) --threads $(THREADS) --force -q -o $(OUT)/turned/$$arm-turned.$* || exit 1; \
	done
	$(scartools) evaluate $(foreach a,$(arms),$(OUT)/predictions/$(a).$* --name $(a) $(OUT)/turned/$(a)-turned.$* \
	  --name $(a)-turned) --truth $(pairs) --split test --fractions-only --labels emidec --force -q -o $(OUT)/turned/evaluation.$*
	@cat $(OUT)/turned/evaluation.$*/report.md

emidec.mk Makefile ../real/import_emidec.py emidec_beats.py: ;
