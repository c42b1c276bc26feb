#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lacuna beside SPAMS, scikit-learn and PyTorch: the same data, the same problem, in turns.

Each comparison is a number of pairs, ours and the peer's in turns, on one thread each; the ratio of a
pair is the peer's seconds over ours, and what is reported is the median over the pairs. Seconds are
CPU seconds of the process, files and set-up apart, after one call that warms up. The codes of both
are then checked, in double, to solve the same problem; where they do not, the program fails.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # libraries read them when they are loaded

import argparse
import csv
import dataclasses
import importlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import typing
import warnings

import numpy as np

LAMBDA = 0.05
TOLERANCE = 1e-4  # relative duality gap: gap / (1/2 ||x||^2)

SIZES = {"8x16": (8, 16, 3), "64x256": (64, 256, 8), "200x1000": (200, 1000, 20),
         "768x4096": (768, 4096, 25)}


class Problem:
    """Rows are things: atoms [atoms, dim], signals [n, dim], codes [n, atoms], as in our .npy files."""

    def __init__(self, size, n, seed):
        self.dim, self.num_atoms, self.k = SIZES[size]
        random = np.random.default_rng([seed, self.dim])
        atoms = random.standard_normal((self.num_atoms, self.dim))
        self.atoms = (atoms / np.linalg.norm(atoms, axis=1, keepdims=True)).astype(np.float32)
        codes = np.zeros((n, self.num_atoms), np.float32)
        for row in codes:
            active = random.choice(self.num_atoms, self.k, replace=False)
            row[active] = np.abs(random.standard_normal(self.k))
        self.signals = codes @ self.atoms

    def gram(self):
        return self.atoms @ self.atoms.T


# ---- the peers: each takes a problem and its first n signals, and gives a function to be timed --------


def spams_greedy(spams, problem, signals):
    dictionary, x = np.asfortranarray(problem.atoms.T), np.asfortranarray(signals.T)
    # All three limits, or the wrapper reads the missing ones from where nothing was written.
    return lambda: spams.omp(x, dictionary, L=problem.k, eps=0.0, lambda1=0.0, numThreads=1).T


def spams_lasso(spams, problem, signals):
    dictionary, x = np.asfortranarray(problem.atoms.T), np.asfortranarray(signals.T)
    # By Cholesky factors, which is the faster one of its two forms here.
    return lambda: spams.lasso(x, dictionary, lambda1=LAMBDA, mode=2, pos=True, cholesky=True,
                               numThreads=1).T


def sklearn_greedy(decomposition, problem, signals):
    gram = problem.gram()
    return lambda: decomposition.sparse_encode(signals, problem.atoms, gram=gram, algorithm="omp",
                                               n_nonzero_coefs=problem.k)


def sklearn_lasso(linear_model, problem, signals):
    dictionary, x = np.asfortranarray(problem.atoms.T), np.asfortranarray(signals.T)
    # Its objective is over dim, and its gap over ||x||^2.
    solver = linear_model.Lasso(alpha=LAMBDA / problem.dim, fit_intercept=False, positive=True,
                                precompute=problem.gram(), tol=TOLERANCE / 2, max_iter=10000)
    return lambda: solver.fit(dictionary, x).coef_


def sklearn_lars(linear_model, problem, signals):
    dictionary, x = np.asfortranarray(problem.atoms.T), np.asfortranarray(signals.T)
    solver = linear_model.LassoLars(alpha=LAMBDA / problem.dim, fit_intercept=False, positive=True,
                                    precompute=problem.gram(), fit_path=False, max_iter=10000)
    return lambda: solver.fit(dictionary, x).coef_


def torch_fista(torch, problem, signals):
    """FISTA with a restart of each signal's own, as ours; signals that are done leave the batch."""
    torch.set_num_threads(1)
    atoms, x, gram = (torch.from_numpy(a) for a in (problem.atoms, signals, problem.gram()))
    step = 1 / float(torch.linalg.eigvalsh(gram.double())[-1])

    def relative_gap(codes, x):  # as relative_gaps below
        residual = x - codes @ atoms
        energy, along = residual.square().sum(1), (residual * x).sum(1)
        limit = LAMBDA / (residual @ atoms.T).amax(1).clamp(min=1e-30)
        scale = torch.minimum((along / energy.clamp(min=1e-30)).clamp(min=0), limit)
        primal = 0.5 * energy + LAMBDA * codes.sum(1)
        return (primal - scale * along + 0.5 * scale.square() * energy) / (0.5 * x.square().sum(1))

    def encode():
        with torch.no_grad():
            answer = torch.zeros(len(x), len(atoms))
            left, signal, inner = torch.arange(len(x)), x, x @ atoms.T
            codes, point, momentum = answer, answer, torch.ones(len(x), 1)
            for iteration in range(1, 10001):
                moved = (point - step * (point @ gram - inner + LAMBDA)).clamp_(min=0)
                change = moved - codes
                restart = ((point - moved) * change).sum(1, keepdim=True) > 0
                momentum = torch.where(restart, torch.ones(()), momentum)
                following = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
                point = moved + (momentum - 1) / following * change
                codes, momentum = moved, following
                if iteration % 10:
                    continue
                done = relative_gap(codes, signal) <= TOLERANCE
                if done.any():
                    answer[left[done]] = codes[done]
                    left, signal, inner, codes, point, momentum = (
                        values[~done] for values in (left, signal, inner, codes, point, momentum))
                    if len(left) == 0:
                        break
            answer[left] = codes
            return answer.numpy()

    return encode


def torch_linear_relu(torch, problem, signals):
    torch.set_num_threads(1)
    atoms, x = torch.from_numpy(problem.atoms), torch.from_numpy(signals)

    def encode():
        with torch.no_grad():
            return torch.relu_(torch.nn.functional.linear(x, atoms)).numpy()

    return encode


def torch_top_k(torch, problem, signals):
    torch.set_num_threads(1)
    atoms, x = torch.from_numpy(problem.atoms), torch.from_numpy(signals)

    def encode():
        with torch.no_grad():
            values, places = torch.nn.functional.linear(x, atoms).topk(problem.k, dim=1, sorted=False)
            codes = torch.zeros(len(x), len(atoms)).scatter_(1, places, values.clamp_(min=0))
            return codes.numpy()

    return encode


# ---- whether both solved the same problem --------------------------------------------------------------


class Disagreement(Exception):
    pass


def relative_gaps(problem, signals, codes):
    """Of the non-negative lasso, an entry a signal: with the best multiple of the residual that is
    feasible in the dual, over 1/2 ||x||^2."""
    atoms, x, codes = (a.astype(np.float64) for a in (problem.atoms, signals, codes))
    if (codes < 0).any():
        raise Disagreement("a negative code of the non-negative lasso")
    residual = x - codes @ atoms
    energy, along = (residual**2).sum(axis=1), (residual * x).sum(axis=1)
    limit = LAMBDA / np.maximum((residual @ atoms.T).max(axis=1), 1e-300)
    scale = np.clip(along / np.maximum(energy, 1e-300), 0, limit)
    primal = 0.5 * energy + LAMBDA * codes.sum(axis=1)
    return (primal - scale * along + 0.5 * scale**2 * energy) / (0.5 * (x**2).sum(axis=1))


def check_lasso(problem, signals, ours, theirs):
    gaps = [relative_gaps(problem, signals, codes) for codes in (ours, theirs)]
    if gaps[0].max() > 1.01 * TOLERANCE:
        raise Disagreement(f"our relative gap is {gaps[0].max():.2g}")
    # Of a peer's failures the reader is told, as long as they are few.
    failed = np.mean(gaps[1] > 1.01 * TOLERANCE)
    if failed > 0.05:
        raise Disagreement(f"the peer's relative gap is above {TOLERANCE} for {failed:.1%}")
    return (f"largest gap {gaps[0].max():.0e}, {gaps[1].max():.0e}" +
            (f" (not reached for {failed:.2%})" if failed else ""))


def check_greedy(problem, signals, ours, theirs):
    same = np.mean(((ours != 0) == (theirs != 0)).all(axis=1))
    energies = [np.mean(((signals - codes @ problem.atoms)**2).sum(axis=1) / (signals**2).sum(axis=1))
                for codes in (ours, theirs)]
    # Of two atoms as good as each other, rounding chooses, and what follows may differ.
    if same < 0.95:
        raise Disagreement(f"the same support for {same:.1%} of the signals only")
    return f"same support {same:.1%}, residual {energies[0]:.1e}, {energies[1]:.1e}"


def check_forward(problem, signals, ours, theirs):
    apart = np.abs(ours - theirs).max() / np.abs(theirs).max()
    if apart > 1e-4:
        raise Disagreement(f"codes apart by {apart:.1e}")
    return f"largest difference {apart:.0e}"


@dataclasses.dataclass
class Comparison:
    peer: str
    ours: str  # class name of our encoder
    theirs: str
    module: str
    start: typing.Callable
    check: typing.Callable
    counts: tuple  # signals at each size; 0: not compared
    gram_in_time: bool = False  # the peer makes the Gram matrix in each call, and so do we


COMPARISONS = [
    Comparison("SPAMS", "OrthogonalLeastSquares", "omp", "spams", spams_greedy, check_greedy,
               (16384, 4096, 4096, 4096), gram_in_time=True),
    Comparison("scikit-learn", "OrthogonalMatchingPursuit", "sparse_encode, omp",
               "sklearn.decomposition", sklearn_greedy, check_greedy, (2048, 1024, 512, 32)),
    Comparison("SPAMS", "ActiveSet", "lasso (LARS)", "spams", spams_lasso, check_lasso,
               (16384, 4096, 4096, 1024), gram_in_time=True),
    Comparison("scikit-learn", "ActiveSet", "Lasso (coordinate descent)", "sklearn.linear_model",
               sklearn_lasso, check_lasso, (2048, 1024, 512, 64)),
    Comparison("scikit-learn", "ActiveSet", "LassoLars", "sklearn.linear_model", sklearn_lars,
               check_lasso, (1024, 512, 128, 16)),
    Comparison("PyTorch", "ActiveSet", "FISTA, batched", "torch", torch_fista, check_lasso,
               (16384, 2048, 1024, 128)),
    Comparison("PyTorch", "Fista", "FISTA, batched", "torch", torch_fista, check_lasso,
               (16384, 2048, 1024, 128)),
    Comparison("PyTorch", "LinearReluEncoder", "linear, relu", "torch", torch_linear_relu,
               check_forward, (16384, 4096, 2048, 1024)),
    Comparison("PyTorch", "TopKEncoder", "linear, topk, scatter", "torch", torch_top_k,
               check_forward, (16384, 4096, 2048, 1024)),
]


def dense(codes):
    return np.ascontiguousarray(codes.toarray() if hasattr(codes, "toarray") else codes)


def compare(comparison, module, problem, folder, count, program, pairs):
    signals = problem.signals[:count]
    encode = comparison.start(module, problem, signals)
    theirs = dense(encode())
    command = [program, "--dictionary", folder / "dictionary.npy", "--signals", folder / "signals.npy",
               "--codes", folder / "codes.npy", "--encoder", comparison.ours, "--count", str(count),
               "--k", str(problem.k), "--lambda", str(LAMBDA), "--tolerance", str(TOLERANCE),
               "--prepared", str(not comparison.gram_in_time).lower()]
    our_seconds, their_seconds = [], []
    for _ in range(pairs):
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        our_seconds.append(json.loads(answer.stdout)["seconds"])
        begin = time.process_time()
        encode()
        their_seconds.append(time.process_time() - begin)
    checked = comparison.check(problem, signals, np.load(folder / "codes.npy"), theirs)
    return {
        "size": f"{problem.dim}x{problem.num_atoms}", "signals": count,
        "encoder": comparison.ours, "peer": comparison.peer, "peer_function": comparison.theirs,
        "our_signals_per_second": count / statistics.median(our_seconds),
        "peer_signals_per_second": count / statistics.median(their_seconds),
        "ratio": statistics.median(t / o for t, o in zip(their_seconds, our_seconds)),
        "gram_in_time": comparison.gram_in_time, "check": checked,
    }


def significant(value):
    """Three significant digits, with thousands separated."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.3g}"


def print_table(rows):
    print("| size | Lacuna | signals/s | peer | signals/s | ratio | check: ours, theirs |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['size'].replace('x', ' x ')} | `{row['encoder']}` | "
              f"{significant(row['our_signals_per_second'])} | "
              f"{row['peer']} {row['peer_function']} | "
              f"{significant(row['peer_signals_per_second'])} | {row['ratio']:.3g} | {row['check']} |")


def find(modules):
    """The modules that are there; names those that are not."""
    found = {}
    for name in modules:
        try:
            found[name] = importlib.import_module(name)
        except ImportError as error:
            print(f"peers: no {name} here, left out ({error})", file=sys.stderr)
    return found


def versions(modules):
    import importlib.metadata as metadata

    packages = {"spams": "spams-bin", "sklearn.linear_model": "scikit-learn", "torch": "torch"}
    return {package: metadata.version(package)
            for module, package in packages.items() if module in modules}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, type=pathlib.Path, help="lacuna_encode, built")
    parser.add_argument("--out", default="build/peers", type=pathlib.Path, help="folder for results")
    parser.add_argument("--pairs", default=5, type=int, help="of ours and the peer's, in turns")
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--sizes", default=",".join(SIZES), help="some of " + ",".join(SIZES))
    arguments = parser.parse_args()
    sizes = arguments.sizes.split(",")
    if arguments.pairs < 1 or any(size not in SIZES for size in sizes):
        parser.error("pairs are at least 1, and sizes are some of " + ",".join(SIZES))
    warnings.filterwarnings("ignore")  # of scikit-learn, a line a signal

    modules = find(dict.fromkeys(comparison.module for comparison in COMPARISONS))
    rows, failures = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for size in sizes:
            counts = [c.counts[list(SIZES).index(size)] for c in COMPARISONS]
            problem = Problem(size, max(counts), arguments.seed)
            np.save(folder / "dictionary.npy", problem.atoms)
            np.save(folder / "signals.npy", problem.signals)
            for comparison, count in zip(COMPARISONS, counts):
                if count == 0 or comparison.module not in modules:
                    continue
                label = f"{size} {comparison.ours}, {comparison.peer} {comparison.theirs}"
                try:
                    rows.append(compare(comparison, modules[comparison.module], problem, folder, count,
                                        arguments.program, arguments.pairs))
                    print(f"{label}: {rows[-1]['ratio']:.3g}", file=sys.stderr)
                except Disagreement as error:
                    failures.append(f"{label}: {error}")
                    print(f"peers: {failures[-1]}", file=sys.stderr)
    print_table(rows)
    if rows:
        arguments.out.mkdir(parents=True, exist_ok=True)
        settings = {"pairs": arguments.pairs, "lambda": LAMBDA, "tolerance": TOLERANCE,
                    **versions(modules)}
        with open(arguments.out / "results.json", "w") as file:
            json.dump({"experiment": "peers", "seed": arguments.seed, "settings": settings,
                       "rows": rows}, file, indent=1)
        with open(arguments.out / "results.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
