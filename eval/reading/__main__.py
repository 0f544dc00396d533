"""`python -m eval.reading SETS --work FOLDER [--fold N] [--out FILE]`: fit the reader.

`SETS` holds the question sets in SQuAD's format, `NAME-dev.ar.json` (and `.en.json` for questions, or a whole set, in
English), and OMoS-QA's files; the sample articles with the gold set, and the questions that were written over all of
them, are learned from as well. Needs `dalil[train]`. With `--fold` the articles of that fold are left out and judged
on: the product ships what `--fold 0 --out rag/answering/reader.npz` gives, so that it is known how good it is on
articles that it has not seen. Some two hours on two cores: 20 minutes for the examples, which are kept in `FOLDER`, the
rest for training, at 3.8 s for 16 questions. With `--teach` what its teachers say is written instead, which it learns
from as well: `--fold 0 --teach --out eval/reading/taught.npz --device cuda`, a few minutes on an accelerator and eight
hours on two cores. With `--fine-tune --epochs 1` the shipped reader learns the short questions beside some of these,
half an hour on two cores; the mean of such readers is better than each: `--average FILE FILE --out FILE`.
"""

import argparse
import json
import pickle
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.reading.examples import Example, QuestionSet, collect_examples, fold_of
from eval.reading.sets import hash_sets, read_sets, read_short_set
from eval.reading.taught import TAUGHT, read_taught, write_taught
from eval.reading.train import EPOCHS, Training, judge_reader, teach, train_reader
from rag.answering.reader_model import read_fitted
from rag.embedding.build_e5_onnx import read_weights, wheel_file
from rag.embedding.model_files import default_cache
from rag.embedding.word_pieces import WordPieces
from rag.settings import load_settings


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m eval.reading", description="Fit the reader.")
    parser.add_argument("sets", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for what is made on the way")
    parser.add_argument("--fold", type=int, help="leave this fold out, and judge on it")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--device", default="cpu", help="of PyTorch's: cpu, cuda")
    parser.add_argument("--fine-tune", action="store_true", help="the shipped reader, on the short questions")
    parser.add_argument("--teach", action="store_true", help="write what teachers say, in place of the reader")
    parser.add_argument(
        "--average", type=Path, nargs="+", help="write the mean of these fitted files, and train nothing"
    )
    parser.add_argument("--out", type=Path, help="where the fitted file is written")
    options = parser.parse_args()
    if options.average:
        _write_fitted(_average(options.average), hash_sets(options.sets, has_short=True), options.out)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    examples = _read_examples(read_sets(options.sets), options.work / "examples.pickle")
    if options.fine_tune:
        examples += _read_examples([read_short_set()], options.work / "short.pickle")
    weights = read_weights(wheel_file())
    pieces = WordPieces(weights, default_cache())
    judged = [example for example in examples if fold_of(example.group) == options.fold]
    learned = [example for example in examples if fold_of(example.group) != options.fold]
    if options.teach:
        write_taught(teach(weights, learned, examples, pieces, options.device), options.out or TAUGHT)
        return
    training = Training(options.epochs, device=options.device)
    if options.fine_tune:
        training = training._replace(start=read_fitted())
    model = train_reader(weights, learned, pieces, read_taught(), training)
    if options.out:
        _write_fitted(model.fitted_arrays(), hash_sets(options.sets, has_short=options.fine_tune), options.out)
    if judged:
        print(json.dumps(judge_reader(model, judged, pieces), indent=1))


def _average(files: Sequence[Path]) -> dict[str, NDArray[np.floating]]:
    """The mean of each array of fitted files that were trained from one another."""
    fitted = [np.load(file) for file in files]
    arrays = {}
    for name in fitted[0].files:
        values = [one[name] for one in fitted]
        if np.issubdtype(values[0].dtype, np.floating):  # the others name the sets
            arrays[name] = np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype)
    return arrays


def _write_fitted(arrays: Mapping[str, NDArray[np.floating]], hashes: Mapping[str, str], out: Path) -> None:
    np.savez_compressed(out, **arrays, sets=np.array(json.dumps(hashes)))  # type: ignore[arg-type]


def _read_examples(sets: Iterable[QuestionSet], kept: Path) -> list[Example]:
    if not kept.exists():
        examples = list(collect_examples(load_settings(), sets))
        kept.write_bytes(pickle.dumps(examples))
    found: list[Example] = pickle.loads(kept.read_bytes())
    print(f"{len(found)} examples", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
