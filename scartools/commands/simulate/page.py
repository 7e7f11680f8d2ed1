"""simulate page: a record printed, worn, and told pixel by pixel."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Reads, Writes
from scartools.cli.options import Force, Output, Seed
from scartools.errors import UsageError

if TYPE_CHECKING:
    from scartools.simulation.page import Page

log = logging.getLogger(__name__)


def page(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="Record to print."), Reads("record")],
    output: Annotated[Output, Writes("page")],
    layout: Annotated[
        str, typer.Option("--layout", metavar="NAME", help="3x4, 3x4+1, 3x4+2, 3x4+3, 6x2, 6x2+1, 12x1 or 6x1.")
    ] = "3x4+1",
    style: Annotated[
        str, typer.Option("--style", metavar="NAME", help="Look of a machine or program, or random.")
    ] = "plain",
    speed: Annotated[
        float, typer.Option("--speed", metavar="MM/S", min=5, max=200, help="Paper speed.")
    ] = 25.0,
    gain: Annotated[float, typer.Option("--gain", metavar="MM/MV", min=1, max=100, help="Gain.")] = 10.0,
    grid: Annotated[
        str | None,
        typer.Option("--grid", metavar="NAME", help="Colour, look (lines, dotted, major, none), or both."),
    ] = None,
    cabrera: Annotated[bool, typer.Option("--cabrera", help="Limb leads as aVL I -aVR II aVF III.")] = False,
    dpi: Annotated[int, typer.Option("--dpi", metavar="DPI", min=50, max=600, help="Pixels an inch.")] = 200,
    damage: Annotated[
        str, typer.Option("--damage", metavar="NAME[+NAME]", help="Such as scan, photo or copy; none for none.")
    ] = "none",
    grade: Annotated[int, typer.Option("--grade", metavar="0-5", min=0, max=5, help="How badly damaged.")] = 3,
    seed: Seed = 1,
    force: Force = False,
) -> dict[str, Any]:
    """Print a record as a paper ECG, damage it, and say what each of its pixels is."""
    import numpy as np

    from scartools.ecg.r_peaks import find_r_peaks
    from scartools.errors import InputError, concerning
    from scartools.files import atomic
    from scartools.files.record import BEAT_RATE_HZ, read_record
    from scartools.simulation.page_styles import draw_style, page_style
    from scartools.simulation.paper import lay_out

    if output.suffix == ".pdf" and damage != "none":
        raise UsageError("--damage asks for pixels, a PDF has none", remedy="Name the output *.png")
    if output.suffix not in (".pdf", ".png"):
        raise UsageError(f"--output {output} is neither *.png nor *.pdf", remedy="Name it *.png or *.pdf")
    atomic.require_place(output, force=force)
    taken = read_record(record)
    if taken.rate != BEAT_RATE_HZ:
        raise InputError(
            f"has {taken.rate:g} Hz, not {BEAT_RATE_HZ}", where=record, remedy="Run preprocess first"
        )
    if taken.signals.shape[1] < 2.5 * BEAT_RATE_HZ:
        raise InputError(
            "is shorter than 2.5 s, one column of a page", where=record, remedy="Give a longer record"
        )
    numbers = np.random.default_rng(seed)
    wanted: dict[str, Any] = {"layout": layout, "speed": speed, "gain": gain, "cabrera": cabrera, "dpi": dpi}
    wanted |= {} if grid is None else {"grid": grid}
    chosen = (
        draw_style(numbers, **wanted)
        if style == "random"
        else page_style(vendor=style, numbers=numbers, **wanted)
    )
    with concerning(record):
        laid = lay_out(taken.signals, chosen)
        # a page without a heart's beats would be truth for nothing
        if len(find_r_peaks(taken.signals, taken.rate).samples) < 2:
            raise InputError("has fewer than two beats", remedy="Give a recording of an ECG")
    files, samples = _page_files(laid, output, damage, grade, numbers)
    traces = [
        {"Lead": t.lead, "Rhythm": t.rhythm, "FirstSample": t.first, "Samples": t.count, "Gain": t.gain}
        for t in laid.traces
    ]
    facts = {"Layout": layout, "Speed": speed, "Gain": gain, "Damage": damage, "Grade": grade, "Dpi": dpi}

    def save(path: Path) -> None:
        for name, content in files.items():
            path.with_name(name).write_bytes(content)

    atomic.publish(output, save, facts={**facts, "Traces": traces}, sources=taken.sources, force=force)
    log.info("%s: %d traces, %d samples can be seen", output, len(traces), samples)
    return {"Output": str(output), **facts, "SamplesSeen": samples}


def _page_files(
    laid: Page, output: Path, damage: str, grade: int, numbers: Any
) -> tuple[dict[str, bytes], int]:
    """The files of a page by name, and how many samples can be seen on it."""
    import cv2
    import numpy as np

    from scartools.simulation.page import sample_points
    from scartools.simulation.page_damage import render_page
    from scartools.simulation.paper import POINTS_PER_MM, to_pdf

    files: dict[str, bytes] = {}
    if output.suffix == ".pdf":
        files[output.name] = to_pdf(laid)
        places = [points * POINTS_PER_MM for points in sample_points(laid)]
    else:
        drawn = render_page(laid, damage, grade, numbers)
        pictures = {output.name: drawn.picture[:, :, ::-1], f"{output.stem}.labels.png": drawn.labels}
        for name, picture in pictures.items():
            done, packed = cv2.imencode(".png", np.ascontiguousarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 3])
            if not done:
                raise RuntimeError("OpenCV could not pack a PNG")
            files[name] = packed.tobytes()
        places = [at for _, _, _, at in drawn.samples]
    lines = ["lead\trhythm\tsample\tx\ty"]
    for trace, at in zip(laid.traces, places, strict=True):
        for k in np.flatnonzero(np.isfinite(at).all(axis=1)).tolist():
            lines.append(
                f"{trace.lead}\t{int(trace.rhythm)}\t{trace.first + k}\t{at[k, 0]:.3f}\t{at[k, 1]:.3f}"
            )
    files[f"{output.stem}.samples.tsv"] = ("\n".join(lines) + "\n").encode()
    return files, len(lines) - 1
