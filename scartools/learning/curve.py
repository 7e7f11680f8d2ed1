"""The training curve, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scartools.heart.nomenclature import LABEL_COLOURS
from scartools.learning.card import LABEL_NAMES


def draw_curve(log: Sequence[Mapping[str, Any]]) -> Any:
    """Draw loss and validation Dice of every network of a training, a column each; returns a matplotlib Figure."""
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(line["Network"] for line in log))
    figure = Figure(figsize=(3.2 * max(1, len(networks)), 4.4), layout="constrained")
    axes = figure.subplots(2, max(1, len(networks)), squeeze=False, sharey="row")
    for column, network in enumerate(networks):
        lines = [line for line in log if line["Network"] == network]
        at = [line["Iteration"] for line in lines]
        loss, dice = axes[0][column], axes[1][column]
        loss.plot(at, [line["Loss"] for line in lines], color="#333333", marker="." if len(at) < 3 else None)
        loss.set_title(network, fontsize=9)
        labels = sorted({int(label) for line in lines for label in line["ValidationDice"]})
        for label in labels:
            values = [line["ValidationDice"].get(str(label)) for line in lines]
            values = [float("nan") if value is None else value for value in values]
            name = "myocardium" if label == 2 and network != "scar" else LABEL_NAMES.get(label, str(label))
            dice.plot(
                at, values, color=LABEL_COLOURS.get(label), label=name, marker="." if len(at) < 3 else None
            )
        if not labels:
            dice.text(0.5, 0.5, "no validation patients", ha="center", transform=dice.transAxes, fontsize=8)
        dice.set_ylim(0, 1)
        dice.set_xlabel("iteration", fontsize=8)
        for axis in (loss, dice):
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
        if labels:
            dice.legend(fontsize=7, frameon=False, loc="lower right")
    axes[0][0].set_ylabel("loss", fontsize=8)
    axes[1][0].set_ylabel("Dice, validation crops", fontsize=8)
    return figure
