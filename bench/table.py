#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns what encoder_bench wrote into the tables of docs/performance.md.

    build/bench/bench/encoder_bench --benchmark_out=encoder_bench.json --benchmark_out_format=json
    bench/table.py encoder_bench.json
"""

import json
import statistics
import sys


def significant(value):
    """Three significant digits, with thousands separated."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.3g}"


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def by_encoder(runs, cell):
    """A row an encoder, a column a size, both in the order of the run."""
    cells = {}
    for name, size, run in runs:
        cells.setdefault(name, {})[size] = cell(run)
    sizes = list(dict.fromkeys(size for _, size, _ in runs))
    sizes.sort(key=lambda size: int(size.split("x")[0]))
    rows = [[f"`{name}`", *(row.get(size, "") for size in sizes)] for name, row in cells.items()]
    return markdown(["", *(size.replace("x", " x ") for size in sizes)], rows)


def main(path):
    with open(path) as file:
        text = file.read()
    if not text:
        return  # no benchmark was asked for
    report = json.loads(text)
    one, two, products = [], [], []
    for run in report["benchmarks"]:
        if run.get("error_occurred") or run["run_type"] != "iteration":
            continue
        parts = run["name"].split("/")
        if parts[0] == "TwoThreads":
            two.append((parts[1], parts[2], run))
        else:
            one.append((parts[0], parts[1], run))
            products.append(run["flops/s"] / run["of_gemm"])
    if one:
        print(f"{report['context']['date'][:10]}, matrix product: "
              f"{statistics.median(products) / 1e9:.0f} GFLOP/s\n")
        print("Signals a second, one thread; GFLOP/s; share of the matrix product's speed\n")
        print(by_encoder(one, lambda run: f"{significant(run['items_per_second'])}; "
                                          f"{run['flops/s'] / 1e9:.3g}; {run['of_gemm']:.0%}"))
    if two:
        print("\nTwo threads over one, by wall time (two threads' signals a second)\n")
        print(by_encoder(two, lambda run: f"{run['speedup']:.2f} ({significant(run['two/s'])})"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    main(sys.argv[1])
