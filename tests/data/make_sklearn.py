#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes sklearn_vectors.hpp: codes by scikit-learn's solvers, for tests/unit/sklearn_test.cpp.

    python3 make_sklearn.py > sklearn_vectors.hpp

scikit-learn minimises 1/(2 dim) ||x - D s||^2 + alpha ||s||_1: `dim`, the length of x, is what it calls
n_samples. Times dim that is the objective here, so alpha = lambda / dim. No intercept, no scaling.

No answer is stored that does not satisfy the conditions of optimality to 1e-9: the stored codes are the
truth. Every comparison that decides a support is 1e-4 from a tie, so supports can be compared. The
seeds are such that this holds; LassoLars(positive=True) for one misses the optimum of some problems
with a small lambda, as its documentation says.
"""
import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LassoLars, orthogonal_mp

KKT = 1e-9  # largest violation of optimality
MARGIN = 1e-4  # distance of every comparison from a tie
VERSIONS = f"scikit-learn {sklearn.__version__} and numpy {np.__version__}"
LAMBDAS = [0.02, 0.2]
SPARSITIES = [3, 5]


def problem(seed, dim, num_atoms, num_signals, lengths):
    """Atoms of these lengths, and noisy sums of four of them."""
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((dim, num_atoms))
    atoms *= lengths / np.linalg.norm(atoms, axis=0)
    codes = np.zeros((num_atoms, num_signals))
    for j in range(num_signals):
        active = rng.choice(num_atoms, 4, replace=False)
        codes[active, j] = rng.uniform(0.5, 1.5, 4) * rng.choice([-1, 1], 4, p=[0.3, 0.7])
    return atoms, atoms @ codes + 0.05 * rng.standard_normal((dim, num_signals))


def by_column(solve, signals):
    return np.stack([solve(x) for x in signals.T], axis=1)


def check_lasso(atoms, signals, codes, lam, positive):
    c = atoms.T @ (signals - atoms @ codes)
    active = codes != 0
    assert active.any(axis=0).all()
    assert not positive or codes.min() >= 0
    assert np.abs(c - lam * np.sign(codes))[active].max() < KKT
    assert (c if positive else np.abs(c))[~active].max() < lam - MARGIN
    assert np.abs(codes[active]).min() > MARGIN


def lasso(atoms, signals, lam, positive):
    """Coordinate descent; of non-negative codes it is the check on lasso_lars."""
    model = Lasso(
        alpha=lam / atoms.shape[0],
        fit_intercept=False,
        positive=positive,
        tol=1e-20,  # of the duality gap: out of reach, so that it goes on to rounding
        max_iter=20000,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        codes = by_column(lambda x: model.fit(atoms, x).coef_.copy(), signals)
    check_lasso(atoms, signals, codes, lam, positive)
    return codes


def positive_lars(atoms, signals, lam):
    model = LassoLars(alpha=lam / atoms.shape[0], fit_intercept=False, positive=True)
    codes = by_column(lambda x: model.fit(atoms, x).coef_.copy(), signals)
    check_lasso(atoms, signals, codes, lam, True)
    assert np.abs(codes - lasso(atoms, signals, lam, True)).max() < KKT
    return codes


def omp(atoms, signals, k):
    """Unit atoms only: scikit-learn does not divide a correlation by the length of its atom."""
    codes = np.asarray(orthogonal_mp(atoms, signals, n_nonzero_coefs=k))
    for x, s in zip(signals.T, codes.T):
        chosen, residual = [], x
        for _ in range(k):
            c = np.abs(atoms.T @ residual)
            c[chosen] = 0
            second, first = np.sort(c)[-2:]
            assert first - second > MARGIN
            chosen.append(int(np.argmax(c)))
            fit = np.linalg.lstsq(atoms[:, chosen], x, rcond=None)[0]
            residual = x - atoms[:, chosen] @ fit
        assert sorted(chosen) == list(np.flatnonzero(s))
        assert np.abs(s[chosen] - fit).max() < 1e-12
        assert np.abs(fit).min() > MARGIN
    return codes


def number(value):
    return "0" if value == 0 else repr(float(value))


def array(name, matrix):
    """Column-major, a column a paragraph."""
    lines = []
    for column in matrix.T:
        line = "   "
        for value in column:
            text = f" {number(value)},"
            if len(line) + len(text) > 100:
                lines.append(line)
                line = "   "
            line += text
        lines.append(line)
    return f"inline constexpr double {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def write_problem(name, comment, seed, shape, lengths, with_omp):
    atoms, signals = problem(seed, *shape, lengths)
    print(f"// {comment} Seed {seed}.")
    print(f"namespace {name} {{\n")
    print(f"inline constexpr int dim = {atoms.shape[0]};")
    print(f"inline constexpr int num_atoms = {atoms.shape[1]};")
    print(f"inline constexpr int num_signals = {signals.shape[1]};\n")
    print(array("atoms", atoms))
    print(array("signals", signals))
    for which, lam in zip(["small", "large"], LAMBDAS):
        alpha = f"{lam} / {atoms.shape[0]}"
        print(f"// lambda {lam}: Lasso, and LassoLars(positive=True), with alpha = {alpha}.")
        print(f"inline constexpr double {which}_lambda = {lam!r};")
        print(array(f"lasso_{which}_lambda", lasso(atoms, signals, lam, False)))
        print(array(f"positive_{which}_lambda", positive_lars(atoms, signals, lam)))
    for k in SPARSITIES if with_omp else []:
        print(f"// orthogonal_mp(n_nonzero_coefs={k}).")
        print(array(f"omp_{k}", omp(atoms, signals, k)))
    print(f"}}  // namespace {name}\n")


print(f"""// SPDX-License-Identifier: MIT
// Made by make_sklearn.py with {VERSIONS}; not to be edited.
#ifndef LACUNA_TESTS_DATA_SKLEARN_VECTORS_HPP
#define LACUNA_TESTS_DATA_SKLEARN_VECTORS_HPP

// Every array is column-major: atoms dim x num_atoms, signals dim x num_signals, codes num_atoms x
// num_signals. lambda is that of 1/2 ||x - D s||^2 + lambda ||s||_1.
// clang-format off
namespace lacuna::test::sklearn_vectors {{
""")
write_problem("unit", "Atoms of length 1.", 3, (12, 30, 8), 1.0, True)
write_problem(
    "scaled",
    "Atoms of lengths from 0.4 to 1.6.",
    1,
    (10, 16, 6),
    np.linspace(0.4, 1.6, 16),
    False,
)
print("""}  // namespace lacuna::test::sklearn_vectors
// clang-format on

#endif  // LACUNA_TESTS_DATA_SKLEARN_VECTORS_HPP""")
