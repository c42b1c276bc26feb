#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes npy_files.hpp: files made by numpy, as C++ strings, for tests/unit/io_test.cpp.

    python3 make_npy.py > npy_files.hpp

Every array is [samples, dim] = [3, 2] with the numbers 1, 2, 4, 8, 16, 32 from first to last, unless
its comment says otherwise.
"""
import io
import warnings

import numpy as np

VALUES = np.array([1, 2, 4, 8, 16, 32]).reshape(3, 2)


def saved(array, version=None):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions that old readers do not know
        np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def literal(data):
    lines = []
    for begin in range(0, len(data), 24):
        text = ""
        for byte in data[begin : begin + 24]:
            char = chr(byte)
            # Three octal digits end by themselves; a hexadecimal escape would go on.
            plain = 32 <= byte < 127 and char not in '"\\?'
            text += char if plain else "\\%03o" % byte
        lines.append(f'    "{text}"')
    return "\n".join(lines)


FILES = []


def add(name, data, comment=None):
    if comment:
        FILES.append(f"// {comment}")
    FILES.append(
        f"inline const std::string {name}(\n{literal(data)},\n    {len(data)});\n"
    )


for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    for order, name in [("<", "little"), (">", "big")]:
        if code[1] == "1" and order == ">":
            continue
        add(f"{code}_{name}", saved(VALUES.astype(order + code)))
add("b1", saved(VALUES > 3), "False, False, True, True, True, True.")
add("f8_fortran", saved(np.asfortranarray(VALUES.astype("<f8"))))
add("i2_big_fortran", saved(np.asfortranarray(VALUES.astype(">i2"))))
add("f4_version_2", saved(VALUES.astype("<f4"), (2, 0)))
add("f4_version_3", saved(VALUES.astype("<f4"), (3, 0)))
add("f8_vector", saved(VALUES.astype("<f8").ravel()), "Shape [6].")
add("f4_no_samples", saved(np.zeros((0, 2), "<f4")), "Shape [0, 2].")
add("f4_wide", saved(np.zeros((1234567, 0), "<f4")), "Shape [1234567, 0].")
add("f8_scalar", saved(np.array(1.0)), "Shape [].")
add("f8_cube", saved(np.zeros((1, 2, 1))), "Shape [1, 2, 1].")
add("c8", saved(np.zeros((1, 1), "<c8")), "One complex number.")
add("record", saved(np.zeros(1, [("a", "<f4")])), "One record.")
add("object", saved(np.array([[None]])), "One pickled object.")
HALVES = np.array(
    [0, -0.0, 1, -2, 0.1, 65504, 6.104e-05, 6.0976e-05, 5.9605e-08, np.inf, -np.inf, np.nan],
    "<f2",
)
add(
    "halves",
    saved(HALVES),
    "0, -0, 1, -2, .1, the largest, the smallest normal, the largest and the smallest subnormal, "
    "inf,\n// -inf, NaN.",
)

print(f"""// SPDX-License-Identifier: MIT
// Made by make_npy.py with numpy {np.__version__}; not to be edited.
#ifndef LACUNA_TESTS_DATA_NPY_FILES_HPP
#define LACUNA_TESTS_DATA_NPY_FILES_HPP

#include <string>

// clang-format off
namespace lacuna::test::npy_files {{
""")
print("\n".join(FILES))
print("""}  // namespace lacuna::test::npy_files
// clang-format on

#endif  // LACUNA_TESTS_DATA_NPY_FILES_HPP""")
