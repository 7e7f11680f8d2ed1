"""The columns of a table of segments: what each one means, and its unit. Nothing here computes, so nothing heavy loads."""

from __future__ import annotations

CLASSES = (("0", "0"), ("1-25", "1_25"), ("26-50", "26_50"), ("51-75", "51_75"), ("76-100", "76_100"))

TRANSMURALITY_COLUMNS: dict[str, tuple[str, str | None]] = {  # column: (description, unit)
    "transmurality_mean_percent": ("scar length over wall length, mean of all chords of the region", "%"),
    "transmurality_infarcted_percent": ("scar length over wall length, mean of the chords that meet scar", "%"),
    "transmurality_max_percent": ("scar length over wall length, largest of all chords", "%"),
    "endocardial_extent_percent": ("share of the chords with scar in the inner third of the wall", "%"),
    "scar_extent_percent": ("share of the chords with scar anywhere in the wall", "%"),
    "transmurality_bin": ("class of the mean transmurality: 0, 1-25, 26-50, 51-75 or 76-100", "%"),
    "chords": ("chords whose middle of the wall lies in the region", None),
}
CLASS_COLUMNS: dict[str, tuple[str, str | None]] = {
    f"chords_{column}_percent": (
        "share of the chords without scar"
        if name == "0"
        else f"share of the chords that are {name} % transmural",
        "%",
    )
    for name, column in CLASSES
}

COLUMNS: dict[str, tuple[str, str | None]] = {  # column: (description, unit)
    "level": ("what the row is about: segment, territory, unassigned or ventricle", None),
    "region": ("AHA segment 1-17, LAD, RCA, LCX, unassigned (myocardium in no segment) or LV", None),
    "name": ("name of the region; territories are those the AHA standard assigns", None),
    "myocardium_ml": ("volume of the myocardium, scar and no-reflow included", "mL"),
    "mass_g": ("mass of the myocardium, scar and no-reflow included", "g"),
    "scar_ml": ("volume of scar, no-reflow included", "mL"),
    "scar_g": ("mass of scar, no-reflow included", "g"),
    "scar_percent": ("scar as a share of the region's own myocardium", "%"),
    "no_reflow_ml": ("volume of no-reflow alone", "mL"),
    "lv_percent": ("scar of the region as a share of the whole left ventricular myocardium", "%"),
    **TRANSMURALITY_COLUMNS,
    **CLASS_COLUMNS,
    "scar_excluding_no_reflow_ml": ("volume of scar without the labelled no-reflow", "mL"),
    "scar_excluding_no_reflow_g": ("mass of scar without the labelled no-reflow", "g"),
    "scar_excluding_no_reflow_percent": ("scar without no-reflow as a share of the region's myocardium", "%"),
    "no_reflow_g": ("mass of no-reflow alone", "g"),
    "no_reflow_percent": ("no-reflow as a share of the region's myocardium", "%"),
    "scar_pieces": ("connected pieces of scar (face, edge or corner) that reach the region", None),
    "scar_entropy": (
        "Shannon entropy of the image inside the scar, 64 bins from wall minimum to maximum",
        "bit",
    ),
    "core_ml": ("volume of the scar core by the rule GreyZoneDefinition, labelled no-reflow included", "mL"),
    "core_g": ("mass of the scar core", "g"),
    "core_percent": ("scar core as a share of the region's myocardium", "%"),
    "grey_zone_ml": ("volume of the grey zone by the rule GreyZoneDefinition, not a part of scar_ml", "mL"),
    "grey_zone_g": ("mass of the grey zone", "g"),
    "grey_zone_percent": ("grey zone as a share of the region's myocardium", "%"),
    "scar_weighted_ml": ("scar with its voxels weighted by partial volume (ewa), no-reflow included", "mL"),
    "scar_weighted_g": ("mass of the weighted scar", "g"),
    "scar_weighted_percent": ("weighted scar as a share of the region's myocardium", "%"),
}
