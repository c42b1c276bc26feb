#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lacuna beside SPAMS and scikit-learn: a dictionary learned from the same signals, atoms found
against seconds.

The signals are training signals of the compositional benchmark, as lacuna_learn draws them; the peers
begin at random signals, as ours does. Ours is `DictionaryLearning` by its defaults; the peers are told
lambda, several in turn, of which the truth says which is best, and run for multiples of the time that
ours took. All answers are scored by the same lines below. One thread each, CPU seconds.
"""

import argparse
import csv
import importlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when NumPy's BLAS is loaded

import numpy as np
import scipy.optimize


def recovery(truth, atoms):
    """Mean |cosine| of the best assignment, and the share of the true atoms where it is above .9."""
    unit = lambda a: a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300)
    cosines = np.abs(unit(truth.astype(np.float64)) @ unit(atoms.astype(np.float64)).T)
    rows, columns = scipy.optimize.linear_sum_assignment(-cosines)
    matched = cosines[rows, columns]
    return {"cosine": matched.sum() / len(truth), "share_above": np.mean(matched > 0.9)}


def initial_atoms(signals, num_atoms, seed):
    chosen = np.random.default_rng(seed).choice(len(signals), num_atoms, replace=False)
    return signals[chosen] / np.linalg.norm(signals[chosen], axis=1, keepdims=True)


# ---- the three: each yields (steps, seconds, atoms [num_atoms, dim]) as it goes -----------------------


def lacuna(program, folder, num_atoms, seed, snapshots):
    command = [program, "--signals", folder / "signals.npy", "--out", folder, "--atoms",
               str(num_atoms), "--seed", str(seed), "--snapshots", str(snapshots)]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    for i, seconds in enumerate(answer["seconds"]):
        steps = answer["rounds"] * (i + 1) // len(answer["seconds"])
        yield steps, seconds, np.load(folder / f"atoms_{i}.npy")


def spams_online(signals, num_atoms, seed, penalty, batch, budgets):
    """trainDL cannot be watched: each budget is a run of its own, from the beginning."""
    import spams

    x = np.asfortranarray(signals.T)
    start = np.asfortranarray(initial_atoms(signals, num_atoms, seed).T)

    def train(steps):
        begin = time.process_time()
        atoms = spams.trainDL(x, D=start, K=num_atoms, lambda1=penalty, mode=2, posAlpha=True,
                              batchsize=batch, iter=steps, numThreads=1, verbose=False)
        return time.process_time() - begin, atoms.T

    steps = 50
    seconds, atoms = train(steps)
    for budget in budgets:
        while seconds < 0.95 * budget:  # later steps are sooner done than early ones
            steps = max(steps + 1, round(steps * budget / seconds))
            seconds, atoms = train(steps)
        yield steps, seconds, atoms


def sklearn_online(signals, num_atoms, seed, penalty, batch, budgets):
    from sklearn.decomposition import MiniBatchDictionaryLearning

    class Spent(Exception):
        pass

    seen, left = [], list(budgets)
    begin = time.process_time()

    def watch(state):
        seconds = time.process_time() - begin
        if seconds >= left[0]:
            seen.append((state["i"] + 1, seconds, state["dictionary"].copy()))
            left.pop(0)
        if not left:
            raise Spent

    # Of its two solvers the one that can do non-negative codes. No early stop: time ends it.
    learning = MiniBatchDictionaryLearning(
        num_atoms, alpha=penalty, fit_algorithm="cd", positive_code=True, batch_size=batch,
        max_iter=10**6, tol=0, max_no_improvement=None, random_state=seed, callback=watch,
        dict_init=initial_atoms(signals, num_atoms, seed))
    try:
        learning.fit(signals)
    except Spent:
        pass
    yield from seen


PEERS = {"SPAMS trainDL": ("spams", "spams-bin", spams_online),
         "scikit-learn MiniBatchDictionaryLearning": ("sklearn", "scikit-learn", sklearn_online)}


def print_table(rows):
    print("| method | lambda | CPU seconds | atoms above .9 | cosine |")
    print("|---|---|---|---|---|")
    for row in rows:
        if not row["reported"]:
            continue
        penalty = "by itself" if row["lambda"] is None else f"{row['lambda']:g}"
        print(f"| {row['method']} | {penalty} | {row['seconds']:.1f} | {row['share_above']:.1%} | "
              f"{row['cosine']:.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].replace("\n", " "))
    parser.add_argument("--program", required=True, type=pathlib.Path, help="lacuna_learn, built")
    parser.add_argument("--out", default="build/peers", type=pathlib.Path, help="folder for results")
    parser.add_argument("--atoms", default=1000, type=int)
    parser.add_argument("--active", default=10, type=int)
    parser.add_argument("--rows", default=25000, type=int)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--lambdas", default="0.15,0.2,0.3", help="of the peers, tried in turn")
    parser.add_argument("--batch", default=512, type=int, help="of the peers; 512 is that of SPAMS")
    parser.add_argument("--budgets", default="1,4", help="of the peers, times the seconds of ours")
    arguments = parser.parse_args()
    penalties = [float(penalty) for penalty in arguments.lambdas.split(",")]
    multiples = sorted(float(multiple) for multiple in arguments.budgets.split(","))
    warnings.filterwarnings("ignore")

    rows, versions = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([arguments.program, "--write", folder, "--atoms", str(arguments.atoms),
                        "--active", str(arguments.active), "--rows", str(arguments.rows), "--seed",
                        str(arguments.seed)], check=True, stdout=subprocess.DEVNULL)
        truth, signals = np.load(folder / "dictionary.npy"), np.load(folder / "signals.npy")

        def add(method, penalty, steps, seconds, atoms, reported):
            rows.append({"method": method, "lambda": penalty, "steps": steps, "seconds": seconds,
                         **recovery(truth, atoms), "reported": reported})
            print(f"{method}, {seconds:.1f} s: {rows[-1]['share_above']:.1%} of the atoms, cosine "
                  f"{rows[-1]['cosine']:.4f}", file=sys.stderr)

        for answer in lacuna(arguments.program, folder, arguments.atoms, arguments.seed, 8):
            add("Lacuna DictionaryLearning", None, *answer, False)
        rows[-1]["reported"] = True
        budgets = [multiple * rows[-1]["seconds"] for multiple in multiples]
        for method, (module, package, learn) in PEERS.items():
            try:
                importlib.import_module(module)
            except ImportError as error:
                print(f"peers: no {module} here, left out ({error})", file=sys.stderr)
                continue
            versions[package] = importlib.metadata.version(package)
            for penalty in penalties:
                for answer in learn(signals, arguments.atoms, arguments.seed, penalty,
                                    arguments.batch, budgets):
                    add(method, penalty, *answer, True)

    print_table(rows)
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = {"atoms": arguments.atoms, "active": arguments.active, "rows": arguments.rows,
                "lambdas": penalties, "batch": arguments.batch, "budgets": multiples, **versions}
    with open(arguments.out / "dictionary.json", "w") as file:
        json.dump({"experiment": "dictionary_peers", "seed": arguments.seed, "settings": settings,
                   "rows": rows}, file, indent=1)
    with open(arguments.out / "dictionary.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
