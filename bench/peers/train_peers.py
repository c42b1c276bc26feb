#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lacuna beside PyTorch: steps of a sparse autoencoder's training, on the same batch, in turns.

A step is forward, backward, Adam, and the atoms back to length 1. Each case is a number of pairs, ours
and PyTorch's in turns, from the same weights; the ratio of a pair is PyTorch's seconds a step over
ours, and what is reported is the median over the pairs. Seconds are CPU seconds of the process on one
thread, and seconds on more, which takes a machine with as many cores to itself. The losses of the
first steps are checked to be the same to rounding; where they are not, the program fails.
"""

import argparse
import csv
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

SIGNALS = 1024
LAMBDA = 0.01
LEARNING_RATE = 1e-3
COMPARED = 5  # steps whose losses are compared


@dataclasses.dataclass
class Case:
    dim: int
    num_atoms: int
    threads: int
    group: int  # steps between two looks at the clock
    groups: int
    k: int = 0  # TopK; 0: ReLU
    sparse_decode: bool = False  # PyTorch's TopK decodes by embedding_bag, not by a dense product

    def name(self):
        encoder = f"TopK {self.k}" if self.k else "ReLU"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.dim} x {self.num_atoms}, {encoder}, {threads}"

    def peer(self):
        return "PyTorch, embedding_bag" if self.sparse_decode else "PyTorch"


CASES = [
    Case(8, 16, 1, 1000, 9),  # in the first hundreds a step of ours takes longer than it does later
    Case(200, 1000, 1, 3, 7),
    Case(768, 4096, 1, 1, 5),
    Case(768, 4096, 2, 1, 5),
    Case(768, 4096, 2, 1, 9, k=32),
    Case(768, 4096, 2, 1, 5, k=32, sparse_decode=True),
]


def write_problem(case, seed, folder):
    """Rows are things: atoms and weights [atoms, dim], signals [n, dim], as in our .npy files."""
    random = np.random.default_rng([seed, case.dim])
    atoms = random.standard_normal((case.num_atoms, case.dim))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = np.zeros((SIGNALS, case.num_atoms))
    for row in codes:
        active = random.choice(case.num_atoms, max(3, case.dim // 25), replace=False)
        row[active] = np.abs(random.standard_normal(len(active)))
    start = random.standard_normal((case.num_atoms, case.dim))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    for name, values in (("signals", codes @ atoms), ("dictionary", start), ("weights", start)):
        np.save(folder / f"{name}.npy", values.astype(np.float32))


# ---- PyTorch's side: a process of its own, which reads how many threads it has when it starts --------


def work(case, folder):
    """Answers each line on the standard input with the losses and the seconds of one training."""
    import torch

    torch.set_num_threads(case.threads)
    load = lambda name: torch.from_numpy(np.load(folder / f"{name}.npy"))
    x = load("signals")
    clock = time.process_time if case.threads == 1 else time.perf_counter

    def forward(weights, bias, atoms):
        preactivation = torch.nn.functional.linear(x, weights, bias)
        if case.k == 0:
            codes = torch.relu(preactivation)
            return codes @ atoms, LAMBDA * codes.abs().mean()
        values, places = preactivation.topk(case.k, dim=1, sorted=False)
        values = torch.relu(values)
        if case.sparse_decode:
            return torch.nn.functional.embedding_bag(places, atoms, mode="sum",
                                                     per_sample_weights=values), 0
        return torch.zeros_like(preactivation).scatter(1, places, values) @ atoms, 0

    for _ in sys.stdin:
        weights, atoms = load("weights").requires_grad_(), load("dictionary").requires_grad_()
        bias = torch.zeros(case.num_atoms, requires_grad=True)
        adam = torch.optim.Adam([weights, bias, atoms], lr=LEARNING_RATE)

        def step():
            reconstruction, price = forward(weights, bias, atoms)
            loss = torch.nn.functional.mse_loss(reconstruction, x) + price
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            with torch.no_grad():
                atoms.div_(torch.linalg.vector_norm(atoms, dim=1, keepdim=True))
            return loss.item()

        losses = [step() for _ in range(COMPARED)]
        for _ in range(case.group - COMPARED):
            step()
        seconds = []
        for _ in range(case.groups):
            begin = clock()
            for _ in range(case.group):
                step()
            seconds.append((clock() - begin) / case.group)
        print(json.dumps({"losses": losses, "seconds": statistics.median(seconds),
                          "version": torch.__version__}), flush=True)


# ---- the comparison ------------------------------------------------------------------------------------


class Disagreement(Exception):
    pass


def run_case(case, number, program, pairs, seed, tangent):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_problem(case, seed, folder)
        command = [program, "--signals", folder / "signals.npy", "--dictionary",
                   folder / "dictionary.npy", "--weights", folder / "weights.npy", "--bias",
                   "--k", str(case.k), "--lambda", str(LAMBDA), "--learning-rate",
                   str(LEARNING_RATE), "--group", str(case.group), "--groups", str(case.groups),
                   "--threads", str(case.threads)]
        command += ["--products"] if case.k == 0 else []
        command += ["--tangent"] if tangent else []
        threads = {variable: str(case.threads)
                   for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        worker = subprocess.Popen([sys.executable, __file__, "--work", str(number), str(folder)],
                                  env={**os.environ, **threads}, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        ours, theirs = [], []
        with worker:
            for _ in range(pairs):
                answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                ours.append(json.loads(answer.stdout))
                worker.stdin.write("\n")
                worker.stdin.flush()
                theirs.append(json.loads(worker.stdout.readline()))
            worker.stdin.close()
    apart = max(abs(a / b - 1) for a, b in zip(ours[0]["losses"], theirs[0]["losses"]))
    if apart > 1e-3 and not tangent:
        raise Disagreement(f"losses {ours[0]['losses']}, PyTorch's {theirs[0]['losses']}")
    of = lambda answers, key: statistics.median(answer[key] for answer in answers)
    row = {"case": case.name(), "dim": case.dim, "num_atoms": case.num_atoms, "signals": SIGNALS,
           "k": case.k, "threads": case.threads, "peer": case.peer(),
           "peer_version": theirs[0]["version"], "our_seconds": of(ours, "seconds"),
           "peer_seconds": of(theirs, "seconds"),
           "ratio": statistics.median(t["seconds"] / o["seconds"] for o, t in zip(ours, theirs)),
           "over_products": None, "largest_loss_difference": apart}
    if case.k == 0:
        row["over_products"] = statistics.median(o["seconds"] / o["product_seconds"] for o in ours)
    return row


def milliseconds(seconds):
    return f"{1000 * seconds:.3g} ms"


def print_table(rows):
    print("| step | ours | PyTorch | ratio | over its five products | losses apart by |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        products = "" if row["over_products"] is None else f"{row['over_products']:.3f}"
        detail = row["peer"].removeprefix("PyTorch").removeprefix(", ")
        print(f"| {row['case']} | {milliseconds(row['our_seconds'])} | "
              f"{milliseconds(row['peer_seconds'])}{f' ({detail})' if detail else ''} | "
              f"{row['ratio']:.3g} | {products} | {row['largest_loss_difference']:.0e} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, help="lacuna_train, built")
    parser.add_argument("--out", default="build/peers", type=pathlib.Path, help="folder for results")
    parser.add_argument("--pairs", default=5, type=int, help="of ours and PyTorch's, in turns")
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--cases", default=",".join(map(str, range(len(CASES)))),
                        help="; ".join(f"{i}: {case.name()}" for i, case in enumerate(CASES)))
    parser.add_argument("--tangent", action="store_true",
                        help="ours also keeps the atoms' gradient at a right angle to them, which "
                             "PyTorch's step does not: for the time alone")
    parser.add_argument("--work", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(CASES[int(arguments.work[0])], pathlib.Path(arguments.work[1]))
        return 0
    chosen = [int(number) for number in arguments.cases.split(",")]
    if arguments.program is None or arguments.pairs < 1 or not all(
            0 <= number < len(CASES) for number in chosen):
        parser.error("needs a --program, at least one pair, and cases from the list")

    rows, failures = [], []
    for number in chosen:
        try:
            rows.append(run_case(CASES[number], number, arguments.program, arguments.pairs,
                                 arguments.seed, arguments.tangent))
            print(f"{rows[-1]['case']}: {rows[-1]['ratio']:.3g}", file=sys.stderr)
        except Disagreement as error:
            failures.append(f"{CASES[number].name()}: {error}")
            print(f"train_peers: {failures[-1]}", file=sys.stderr)
    print_table(rows)
    if rows:
        arguments.out.mkdir(parents=True, exist_ok=True)
        settings = {"pairs": arguments.pairs, "lambda": LAMBDA, "learning_rate": LEARNING_RATE,
                    "tangent": arguments.tangent, "torch": rows[0]["peer_version"]}
        with open(arguments.out / "train.json", "w") as file:
            json.dump({"experiment": "train_peers", "seed": arguments.seed, "settings": settings,
                       "rows": rows}, file, indent=1)
        with open(arguments.out / "train.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
