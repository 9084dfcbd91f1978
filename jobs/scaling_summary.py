"""What a scaling study's points come to: a table and a picture. For jobs/scaling.py."""

import csv
import glob
import io
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
from PIL import Image

NOT_DRAWN = {"startup", "other", "write", "one job", "all"}


def read_points(folder):
    """The rows of all points, their numbers as numbers."""
    rows = []
    for name in sorted(glob.glob(os.path.join(folder, "*-ranks*-threads*.csv"))):
        with open(name, newline="") as file:
            for row in csv.DictReader(file):
                for key in ("nodes", "ranks", "ranks_per_node", "threads", "n", "N", "job", "oversubscribed"):
                    row[key] = int(row[key])
                for key in ("seconds", "load"):
                    row[key] = float(row[key])
                row["predicted"] = float(row.get("predicted") or "nan")
                rows.append(row)
    return rows


class Curve:
    """The seconds of one stage over the ranks, in one mode, cold or warm, for one n or N / P."""

    def __init__(self, rows, mode, threads, n, stage, warm):
        self.stage, self.mode, self.warm = stage, mode, warm
        times, predictions = {}, {}
        for row in rows:
            if (row["mode"], row["threads"]) != (mode, threads) or (mode == "strong" and row["n"] != n):
                continue
            if stage == "one job":
                wanted = row["stage"] == stage and not warm
            else:
                wanted = row["repeat"] != "" and (int(row["repeat"]) > 0) == warm
                wanted = wanted and (stage == "all" or row["stage"] == stage)
            if wanted:
                key = (row["ranks"], row["oversubscribed"])
                each = times.setdefault(key, {})
                place = (row["job"], row["repeat"])
                each[place] = each.get(place, 0) + row["seconds"]
                if not np.isnan(row["predicted"]):
                    sums = predictions.setdefault(row["ranks"], {})
                    sums[place] = sums.get(place, 0) + row["predicted"]
        self.points = {ranks: (np.array(list(each.values())), over)
                       for (ranks, over), each in sorted(times.items())}
        self.predicted = {ranks: max(sums.values()) for ranks, sums in sorted(predictions.items())}

    def median(self, ranks):
        return float(np.median(self.points[ranks][0]))

    def text(self, ranks):
        """Median and spread, half of what lies between the quartiles; of one measurement itself."""
        values, over = self.points[ranks]
        text = seconds_text(np.median(values))
        if len(values) > 1:
            low, high = np.percentile(values, (25, 75))
            text += f" ± {100 * (high - low) / 2 / np.median(values):.0f} %"
        if ranks in self.predicted:
            text += f" (predicted {seconds_text(self.predicted[ranks])})"
        return text + (" (oversubscribed)" if over else "")

    def fair(self):
        """The numbers of ranks that had a core each."""
        return [ranks for ranks, (_, over) in self.points.items() if not over]

    def speedups(self):
        """Against the fewest ranks: T_1 / T_P at one size; P T_1 / T_P where the size grows with P."""
        ranks = self.fair()
        if not ranks:
            return [], []
        first = ranks[0]
        grown = [P / first if self.mode == "weak" else 1 for P in ranks]
        return ranks, [g * first * self.median(first) / self.median(P) for g, P in zip(grown, ranks)]


def seconds_text(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def curves_of(study, rows):
    """By (mode, threads, n): the curves of the stages, of all of them, and of one job."""
    found = {}
    groups = sorted({(row["mode"], row["threads"], row["n"] if row["mode"] == "strong" else study.weak)
                     for row in rows})
    for mode, threads, n in groups:
        names = {row["stage"] for row in rows if row["mode"] == mode and row["repeat"] != ""} - NOT_DRAWN
        curves = [Curve(rows, mode, threads, n, stage, warm)
                  for stage in study.stages or sorted(names) for warm in (False, True)]
        curves = [curve for curve in curves if curve.points]
        curves += [Curve(rows, mode, threads, n, "all", False), Curve(rows, mode, threads, n, "all", True),
                   Curve(rows, mode, threads, n, "one job", False)]
        found[mode, threads, n] = curves
    return found


def label(curve):
    return "one job, all but the write" if curve.stage == "one job" else (
        f"{curve.stage}, {'warm' if curve.warm else 'cold'}")


def title(study, mode, threads, n):
    size = f"n = {n}, N = {n ** study.modes:,}" if mode == "strong" else (
        f"N = {n ** study.modes:,} a rank")
    return f"{mode}: {size}" + (f", {threads} threads" if threads > 1 else "")


def write_table(study, rows, folder):
    """Markdown: median and spread of every stage, and speed-up over the fewest ranks."""
    lines = []
    for (mode, threads, n), curves in curves_of(study, rows).items():
        ranks = sorted({P for curve in curves for P in curve.points})
        lines.append(f"| {title(study, mode, threads, n)} | "
                     + " | ".join(f"{P} rank{'s' if P > 1 else ''}" for P in ranks) + " | speed-up |")
        lines.append("|---" * (len(ranks) + 2) + "|")
        for curve in curves:
            if not curve.points:
                continue
            numbers, speedups = curve.speedups()
            speedup = f"{speedups[-1] / numbers[0]:.2f} on {numbers[-1]}" if len(numbers) > 1 else ""
            cells = [curve.text(P) if P in curve.points else "" for P in ranks]
            lines.append(f"| {label(curve)} | " + " | ".join(cells) + f" | {speedup} |")
        lines.append("")
    first = max(rows, key=lambda row: (1 - row["oversubscribed"], row["ranks"]))
    load = max(row["load"] for row in rows)
    lines.append(f"{first['processor']}, {first['mpi']}, commit {first['commit']}, binding of "
                 f"{first['ranks']} ranks {first['binding']}; the machine's load when jobs began: at most {load:g}.")
    name = os.path.join(folder, f"{study.case}.md")
    with open(name, "w") as file:
        file.write("\n".join(lines) + "\n")
    return name


def draw(study, rows, folder):
    """A row of panels for each mode: seconds per stage, speed-up, efficiency."""
    groups = curves_of(study, rows)
    figure, panels = plt.subplots(len(groups), 3, figsize=(13, 3.4 * len(groups)), dpi=80, squeeze=False,
                                  layout="constrained")
    for (times, speeds, efficiencies), ((mode, threads, n), curves) in zip(panels, groups.items()):
        colours = {}
        for curve in curves:
            if not curve.points:
                continue
            colour = colours.setdefault(curve.stage, f"C{len(colours)}")
            style = {"color": colour, "linestyle": "-" if curve.warm or curve.stage == "one job" else ":"}
            draw_times(times, curve, style)
            ranks, speedups = curve.speedups()
            if len(ranks) > 1 and (curve.warm or curve.stage == "one job"):
                speeds.plot(ranks, speedups, marker="o", markersize=3, **style)
                efficiencies.plot(ranks, [s / P for s, P in zip(speedups, ranks)], marker="o", markersize=3,
                                  **style)
        finish(times, speeds, efficiencies, curves, title(study, mode, threads, n))
    first = rows[0]
    figure.suptitle(f"{study.case}: {first['processor']}, {first['mpi']}, commit {first['commit'][:9]}")
    name = os.path.join(folder, f"{study.case}.png")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    # 64 colours are enough for the eye.
    Image.open(drawn).convert("RGB").quantize(64).save(name, format="png", optimize=True)
    plt.close(figure)
    return name


def draw_times(axes, curve, style):
    """Medians with bars from the least to the largest; crosses by themselves where ranks shared cores."""
    ranks = curve.fair()
    if ranks:
        middle = np.array([curve.median(P) for P in ranks])
        ends = np.array([[curve.median(P) - curve.points[P][0].min() for P in ranks],
                         [curve.points[P][0].max() - curve.median(P) for P in ranks]])
        axes.errorbar(ranks, middle, yerr=ends, marker="o", markersize=3, capsize=2, label=label(curve),
                      **style)
    if curve.predicted:
        axes.plot(list(curve.predicted), list(curve.predicted.values()), marker="D", markersize=6, fillstyle="none",
                  linestyle="none", color=style["color"])
    for P, (values, over) in curve.points.items():
        if over:
            axes.plot([P], [np.median(values)], marker="x", color=style["color"])


def finish(times, speeds, efficiencies, curves, text):
    ranks = sorted({P for curve in curves for P in curve.points})
    fair = sorted({P for curve in curves for P in curve.fair()})
    if any(over for curve in curves for _, over in curve.points.values()):
        times.plot([], [], "x", color="grey", label="oversubscribed")
    if any(curve.predicted for curve in curves):
        times.plot([], [], "D", color="grey", fillstyle="none", label="predicted")
    times.set(xscale="log", yscale="log", xlabel="ranks", ylabel="seconds", title=text)
    handles, labels = times.get_legend_handles_labels()
    efficiencies.legend(handles, labels, fontsize=7, loc="upper left", bbox_to_anchor=(1.02, 1))
    if fair:
        speeds.plot(fair, fair, color="black", linewidth=0.8, linestyle="--", label="ideal")
        speeds.legend(fontsize=7)
    speeds.set(xscale="log", yscale="log", xlabel="ranks",
               title="speed-up" if text.startswith("strong") else "scaled speed-up")
    efficiencies.axhline(1, color="black", linewidth=0.8, linestyle="--")
    efficiencies.set(xscale="log", ylim=(0, None), xlabel="ranks", title="efficiency")
    for axes, marks in ((times, ranks), (speeds, fair), (efficiencies, fair)):
        axes.set_xticks(marks, [str(P) for P in marks])
        axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    speeds.set_yticks(fair, [str(P) for P in fair])
    speeds.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    times.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda t, _: seconds_text(t)))
    times.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
