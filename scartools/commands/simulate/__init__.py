"""Simulate patients whose scar is known.

A cohort is drawn, subject by subject, from a parametric heart: a left ventricle that tapers to a rounded
apex, an RV crescent at its septum, and scar: infarcts by coronary territory and its variants that grow from the
endocardium outwards to a transmural depth, one small patch or several, and in one of seven scarred hearts a scar that
is no infarct: a mid-wall stripe of the septum, the epicardial lateral wall, the insertions of the RV. About each
scar lies a border zone in which fibrosis and living muscle mix. The cavity dilates with the size of the scar, an old
transmural scar thins, women and the old have smaller hearts.

Each heart is imaged as a late-enhancement stack: nulled myocardium, blood and scar that overlap in brightness, coil
shading, thick slices with partial volume, with or without gaps, shifted by breathing; magnitude with Rician noise, or
phase-sensitive (--sequence psir: signed, without shading). Some have slow blood along the endocardium, ghosts in the
phase direction, slices in which the heart moved, a poor inversion time. The affines are true and oblique, the order of
slices and the handedness vary, so that a tool that trusts the order of the array fails here first. What the images leave
out: oedema, diffuse fibrosis, devices, arrhythmia, distortion of the field; fat and blood do not depend on flow.

An infarct has a day (event_date). Before it there is no scar, in the first week it is largest, then it shrinks to
0.68 of its mass at 4 months and 0.60 at 14 (means of Pokorney 2012; the final share varies). Each ECG shows the scar
of its own day, in the heart of the image: with the interval grows what ECG and image do not have in common. An ECG may
come before the infarct.

The same heart gives the ECG: its muscle as voxels of 3 mm, early sites as of the Purkinje network, activation that takes
the shortest way (fast along the endocardium, slower along the wall, slowest through it and in the border zone of a
scar), dipoles in a chest that ends at the skin, nine electrodes. Scar is silent but for muscle that survives in it: a transmural
anterior scar leaves Q waves in V2-V4, an inferior one in III and aVF. Hearts differ in speed, early sites, action
potentials, in how they lie when the ECG is taken, and in how much a scar changed the rest. A few have LBBB, RBBB (fainter
in V1 than in patients), LAFB, a pacemaker, fibrillation or ectopic beats; truth/ID/beat.json and the records' JSON say
which. What the ECG leaves out: fibres, lungs and blood (V1 to V6 have measured gains instead), acute injury, drugs. Most
ECGs are taken within 90 days of the MRI, mostly before it; some are farther away, some subjects have none, some have
two. Each is printed on a page, as PDF with vector lines and as PNG.

A subject depends on the seed and its own number alone: the first ten of a thousand are the ten of a cohort
of ten. Images and labels are the same with and without ECGs. Images and ECGs are not those of patients and
prove nothing about patients; they test software.

An ECG can be simulated for any segmentation of the LV, so that a set of LGE masks becomes a set of pairs. Where the
septum is known (an RV label, or --angle, or --prior with a stated septum) the heart is fitted: long axis, septum,
outlines and scar voxels are those of the mask. Where it is only assumed (image-left) a template heart is drawn and the
scar of each AHA segment painted on it. See NOTES.

An LGE image for any segmentation comes from simulate lge: the same contrast, noise and ghosts, on the grid of the
segmentation, in a chest drawn around it. It fits the labels it was made from: no slice moves. Its JSON says Simulated.

validate asks whether the simulated ECGs are like those of patients: it takes the ECG of N subjects, measures it as
median-beat does, and sets each number beside the range in which patients lie, with a bootstrap interval over subjects.
The ranges bound from above too: an ECG that tells the scar exactly proves nothing. It ends with status 0, however
many rows are outside: their count is printed, and the table says which.

A page prints a record as a paper ECG of any layout, speed, gain and look, damages it as scanners, copiers, hands and
cameras do, and says what each pixel is. --style random draws the look from the seed; the options that are given hold.

INPUT FILES

A page takes a 12-lead record of 500 Hz without gaps; an LGE image or an ECG a segmentation with LV pool and wall; a
cohort nothing. --normals of validate is a table with the column beat (beats.tsv of median-beat; rows with n/a are left out), or
with all of q_LEAD, r_LEAD, s_LEAD, t_LEAD of the twelve leads (q_i ... t_v6; amplitudes in mV, 0 where there is no such
wave, n/a where unknown) and qrs_ms.

OUTPUT FILES

The folder holds:

    participants.tsv              one row a subject: the drawn parameters
    mri.tsv                       participant_id, image, mri_date, label
    ecg.tsv                       participant_id, ecg_id, ecg_date, page, picture
    ecg/ECG_ID.pdf, .png          the printed ECG: 3 x 4 leads and II, 25 mm/s, 10 mm/mV, without name or date
    lge/ID.nii.gz                 LGE image, float32
    truth/ID/segmentation.nii.gz  labels of this toolkit, RV pool included
    truth/ID/aha17.nii.gz         the model's own AHA segments, 1-17
    truth/ID/fibrosis.nii.gz      share of fibrosis in the wall, 0 to 1; between them the border zone
    truth/ID/case.json            axes, levels and volumes of the model
    truth/ID/ecg.hea              the record that was printed: 12 leads, 10 s, 500 Hz; ecg2.hea for a second ECG
    truth/ID/beat.hea             the beat of the first ECG's day without noise: 12 x 600, R (longest QRS vector) at sample 200
    truth/beats.tsv               participant_id, ecg_id (the first), beat; pretrain-ecg learns from it
    truth/scars.tsv               one row a subject and segment
    truth/ecg_scars.tsv           one row an ECG and segment: the scar of its day beside that of the MRI
    prov.json                     provenance

A page FILE.png or FILE.pdf (as drawn, without damage) has beside it:

    FILE.json          the layout, speed, gain, damage and grade, and the traces: lead, first sample, samples
    FILE.labels.png    a picture of the page's size: 0 paper, 1 grid, 2 trace, 3 words, 4 pulse or separator, 5 pen,
                       stain or cover; a PDF has none
    FILE.samples.tsv   lead, rhythm, sample, x, y: where each sample lies, in pixels counted from the middle of the
                       first one (points from the upper left corner for a PDF); a sample that cannot be seen is absent

An ECG is a WFDB record of 10 s at 500 Hz. FILE.json says that it is simulated, which heart stands for the mask
(Anatomy: fitted or template, and AnatomyReason), where the directions come from (PoseFrom), the scar of each segment
(Segments: null where not imaged, never 0), what no slice shows (NotImaged: healthy in the simulation), the seed and the
places of the electrodes. A folder has ecg.tsv, which median-beat --table takes:

@columns scartools.files.mask_ecg_batch:COLUMNS

Columns of participants.tsv:

@columns scartools.simulation.cohort:SUBJECT_COLUMNS

Columns of the table of validate (its JSON has the overlap of each feature with the normal ECGs):

@columns scartools.simulation.plausibility:COLUMNS

Columns of truth/scars.tsv:

@columns scartools.simulation.truth:COLUMNS

Columns of truth/ecg_scars.tsv:

@columns scartools.simulation.truth:ECG_COLUMNS

NOTES

With --shard I/N a cohort holds the subjects I+1, I+1+N, I+1+2N ... of -n, each with the bytes it has in the whole. To
join parts, copy their folders lge, ecg and truth/ID together, and of each table the header once and the rows of all.

The fitted heart. Slices are read along rays from their own centre; a smooth ventricle is fitted to their mean radii,
which gives the length where the apex was not imaged, and carries their outlines. Without RV label the RV is typical.
Scar lies where the mask has it, mid-wall too; no-reflow is scar; voxels of 3 mm that are part scar conduct slowly.
An affine that turns the heart as none lies is not believed: the directions are then drawn (PoseFrom).

The template. Of each segment it takes the share of scar and the share of its chords that meet scar; scar is laid from
the endocardium outwards, towards scarred neighbours. Scar away from the endocardium is named in Warnings.

The seed draws chest, electrodes, conduction (or --conduction says it), rhythm and noise: those of subject 1 of a cohort
of that seed. In a folder each segmentation has a seed of its own, from --seed and its name; it stands in ecg.tsv.

EXAMPLES

    scartools simulate cohort -n 2 --seed 1 -o demo-cohort
    scartools simulate lge cohort/truth/sim-0001/segmentation.nii.gz --sequence psir --seed 4 -o psir.nii.gz
    scartools simulate ecg cohort/truth/sim-0001/segmentation.nii.gz -o ecg.hea
    scartools simulate validate -n 4 --seed 1 -o plausibility.tsv
    scartools simulate cohort -n 4 --shard 1/4 --no-ecg -o part-1
    scartools simulate page cohort/truth/sim-0001/ecg.hea --layout 6x2 --dpi 100 --damage photo --grade 2 -o photo.png
    scartools simulate page cohort/truth/sim-0001/ecg.hea --layout 12x1 --cabrera -o cabrera.pdf
    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz --anchor both-insertions -o prior.nii.gz
    scartools simulate ecg cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz --clean --beat clean-beat.hea -o clean.hea
    ls cohort/truth/*/segmentation.nii.gz | scartools simulate ecg --anatomy template --list - -o templates
    scartools simulate ecg cohort/truth/sim-0001/segmentation.nii.gz cohort/truth/sim-0002/segmentation.nii.gz -o ecgs
    cut -f 1,3 demo-cohort/mri.tsv
    scartools simulate cohort -n 3 --no-ecg -o images-only

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Reimer KA, Jennings RB. The wavefront phenomenon of myocardial ischemic cell death. Lab Invest 1979;40:633.
Durrer D et al. Total excitation of the isolated human heart. Circulation 1970;41:899. doi:10.1161/01.CIR.41.6.899
Wallman M, Smith NP, Rodriguez B. A comparative study of graph-based, eikonal, and monodomain simulations for
the estimation of cardiac activation times. IEEE Trans Biomed Eng 2012;59:1739.
Gima K, Rudy Y. Ionic current basis of electrocardiographic waveforms: a model study. Circ Res 2002;90:889.
Brody DA, Terry FH, Ideker RE. Eccentric dipole in a spherical medium: generalized expression for surface
potentials. IEEE Trans Biomed Eng 1973;20:141.
Kors JA et al. Reconstruction of the Frank vectorcardiogram from standard electrocardiographic leads. Eur Heart
J 1990;11:1083.
Thygesen K et al. Fourth universal definition of myocardial infarction. Circulation 2018;138:e618.
Inman HF, Bradley EL. The overlapping coefficient as a measure of agreement between probability distributions.
Commun Stat Theory Methods 1989;18:3851.
Pokorney SD et al. Infarct healing is a dynamic process following acute myocardial infarction. J Cardiovasc Magn Reson
2012;14:62. doi:10.1186/1532-429X-14-62
Ortiz-Perez JT et al. Correspondence between the 17-segment model and coronary arterial anatomy using contrast-enhanced
cardiac magnetic resonance imaging. JACC Cardiovasc Imaging 2008;1:282.
Kellman P et al. Phase-sensitive inversion recovery for detecting myocardial infarction using gadolinium-delayed
hyperenhancement. Magn Reson Med 2002;47:372. doi:10.1002/mrm.10051
Ferreira PF et al. Cardiovascular magnetic resonance artefacts. J Cardiovasc Magn Reson 2013;15:41.
doi:10.1186/1532-429X-15-41
Kellman P, Arai AE. Cardiac imaging techniques for physicians: late enhancement. J Magn Reson Imaging
2012;36:529. doi:10.1002/jmri.23605
"""

from __future__ import annotations

from scartools.cli.contracts import Kind
from scartools.commands.simulate.cohort import cohort
from scartools.commands.simulate.ecg import ecg
from scartools.commands.simulate.lge import lge
from scartools.commands.simulate.page import page
from scartools.commands.simulate.validate import validate

KIND: Kind = "exact"
SUBCOMMANDS = (cohort, ecg, lge, page, validate)
