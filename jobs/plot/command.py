"""Arguments, what is drawn how, the picture's file, and messages: never a traceback."""

import argparse
import io
import logging
import os
import sys
import tempfile

import matplotlib

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its caches
matplotlib.rcdefaults()  # the same picture for everybody
matplotlib.use("Agg")

from PIL import Image

from plot import (effects, factors, fields, fits, graphs, posteriors, predictions, reductions, spectra, sweeps)
from plot.result import CannotDraw, Result
from plot.style import plt

WRONG, BROKEN = 2, 1  # exit codes: of what was given, of this program


def read_arguments():
    parser = argparse.ArgumentParser(prog="kronwerk plot", allow_abbrev=False)
    parser.add_argument("result")
    parser.add_argument("--to")
    parser.add_argument("--dataset")
    parser.add_argument("--places")
    parser.add_argument("--labels")
    parser.add_argument("--point", type=int)
    parser.add_argument("--edges", type=int, default=400)
    parser.add_argument("--order", choices=("given", "spectral"), default="given")
    return parser.parse_args()


def choose(result):
    """What draws this result."""
    file = result.file
    if result.arguments.dataset:
        return fields.draw
    if "posterior" in file:
        return posteriors.draw
    if "path" in file or graphs.is_graph(file):
        return graphs.draw
    if result.sweep:
        return sweeps.draw
    if "factor" in file:
        return factors.draw
    if "effects" in file:
        return effects.draw
    if "objective" in file:
        return fits.draw
    if predictions.has(file):
        return predictions.draw
    if reductions.has(file):
        return reductions.draw
    if spectra.has(file):
        return spectra.draw
    return fields.draw


def save(figure, target):
    """256 colours are enough for the eye and a third of the bytes. The picture is whole or not there."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
    folder = os.path.dirname(os.path.abspath(target))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, format="png", optimize=True)
        os.chmod(temporary, 0o666 & ~current_mask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def current_mask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def say(text):
    sys.stderr.write(f"kronwerk: {text}\n")


def draw(arguments):
    target = arguments.to or os.path.splitext(arguments.result)[0] + ".png"
    if os.path.splitext(target)[1].lower() != ".png":
        raise CannotDraw(f"--to {target}: pictures are PNG files, whose names end in .png")
    with Result(arguments) as result:
        try:
            figure = choose(result)(result)
        except (CannotDraw, OSError, MemoryError):
            raise
        except Exception as error:  # no traceback, whatever the file holds
            if "kronwerk_version" in result.file.attrs and "Unable to" not in str(error):
                raise
            raise CannotDraw(f"{arguments.result}: is not what results of kronwerk are like "
                             f"({place_of(error)}: {first_line(error)})") from error
        notes = result.notes
    try:
        save(figure, target)
    except OSError as error:
        raise CannotDraw(f"{target} cannot be written ({error.strerror or error})") from error
    for note in dict.fromkeys(notes):
        say(f"plot: {note}")
    print(target)


def run():
    arguments = read_arguments()
    try:
        draw(arguments)
    except CannotDraw as reason:
        say(f"plot: {reason}")
        return WRONG
    except OSError as error:
        say(f"plot: {arguments.result}: cannot be read, it is damaged or not whole ({first_line(error)})")
        return WRONG
    except MemoryError:
        say(f"plot: {arguments.result}: is too large for this machine's memory")
        return 4
    except Exception as error:
        say(f"plot: {arguments.result}: could not be drawn, {place_of(error)}: {first_line(error)}")
        return BROKEN
    return 0


def first_line(error):
    return (str(error).splitlines() or [""])[0].strip("'\"") or type(error).__name__


def place_of(error):
    """Where it happened, for a report of the fault."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    name = os.path.basename(trace.tb_frame.f_code.co_filename)
    return f"{type(error).__name__} in {name}:{trace.tb_lineno}"
