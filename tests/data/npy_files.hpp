// SPDX-License-Identifier: MIT
// Made by make_npy.py with numpy 2.4.6; not to be edited.
#ifndef LACUNA_TESTS_DATA_NPY_FILES_HPP
#define LACUNA_TESTS_DATA_NPY_FILES_HPP

#include <string>

// clang-format off
namespace lacuna::test::npy_files {

inline const std::string f2_little(
    "\223NUMPY\001\000v\000{'descr': '<f2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000<\000@\000D\000H\000L\000P",
    140);

inline const std::string f2_big(
    "\223NUMPY\001\000v\000{'descr': '>f2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012<\000@\000D\000H\000L\000P\000",
    140);

inline const std::string f4_little(
    "\223NUMPY\001\000v\000{'descr': '<f4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\200\077\000\000\000@\000\000\200@\000\000\000A"
    "\000\000\200A\000\000\000B",
    152);

inline const std::string f4_big(
    "\223NUMPY\001\000v\000{'descr': '>f4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\077\200\000\000@\000\000\000@\200\000\000A\000\000\000"
    "A\200\000\000B\000\000\000",
    152);

inline const std::string f8_little(
    "\223NUMPY\001\000v\000{'descr': '<f8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\360\077\000\000\000\000\000\000\000@"
    "\000\000\000\000\000\000\020@\000\000\000\000\000\000 @\000\000\000\000\000\0000@"
    "\000\000\000\000\000\000@@",
    176);

inline const std::string f8_big(
    "\223NUMPY\001\000v\000{'descr': '>f8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\077\360\000\000\000\000\000\000@\000\000\000\000\000\000\000"
    "@\020\000\000\000\000\000\000@ \000\000\000\000\000\000@0\000\000\000\000\000\000"
    "@@\000\000\000\000\000\000",
    176);

inline const std::string i1_little(
    "\223NUMPY\001\000v\000{'descr': '|i1"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\002\004\010\020 ",
    134);

inline const std::string i2_little(
    "\223NUMPY\001\000v\000{'descr': '<i2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\002\000\004\000\010\000\020\000 \000",
    140);

inline const std::string i2_big(
    "\223NUMPY\001\000v\000{'descr': '>i2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\001\000\002\000\004\000\010\000\020\000 ",
    140);

inline const std::string i4_little(
    "\223NUMPY\001\000v\000{'descr': '<i4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\000\000\002\000\000\000\004\000\000\000\010\000\000\000"
    "\020\000\000\000 \000\000\000",
    152);

inline const std::string i4_big(
    "\223NUMPY\001\000v\000{'descr': '>i4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\000\001\000\000\000\002\000\000\000\004\000\000\000\010"
    "\000\000\000\020\000\000\000 ",
    152);

inline const std::string i8_little(
    "\223NUMPY\001\000v\000{'descr': '<i8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\000\000\000\000\000\000\002\000\000\000\000\000\000\000"
    "\004\000\000\000\000\000\000\000\010\000\000\000\000\000\000\000\020\000\000\000\000\000\000\000"
    " \000\000\000\000\000\000\000",
    176);

inline const std::string i8_big(
    "\223NUMPY\001\000v\000{'descr': '>i8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\002"
    "\000\000\000\000\000\000\000\004\000\000\000\000\000\000\000\010\000\000\000\000\000\000\000\020"
    "\000\000\000\000\000\000\000 ",
    176);

inline const std::string u1_little(
    "\223NUMPY\001\000v\000{'descr': '|u1"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\002\004\010\020 ",
    134);

inline const std::string u2_little(
    "\223NUMPY\001\000v\000{'descr': '<u2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\002\000\004\000\010\000\020\000 \000",
    140);

inline const std::string u2_big(
    "\223NUMPY\001\000v\000{'descr': '>u2"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\001\000\002\000\004\000\010\000\020\000 ",
    140);

inline const std::string u4_little(
    "\223NUMPY\001\000v\000{'descr': '<u4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\000\000\002\000\000\000\004\000\000\000\010\000\000\000"
    "\020\000\000\000 \000\000\000",
    152);

inline const std::string u4_big(
    "\223NUMPY\001\000v\000{'descr': '>u4"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\000\001\000\000\000\002\000\000\000\004\000\000\000\010"
    "\000\000\000\020\000\000\000 ",
    152);

inline const std::string u8_little(
    "\223NUMPY\001\000v\000{'descr': '<u8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\001\000\000\000\000\000\000\000\002\000\000\000\000\000\000\000"
    "\004\000\000\000\000\000\000\000\010\000\000\000\000\000\000\000\020\000\000\000\000\000\000\000"
    " \000\000\000\000\000\000\000",
    176);

inline const std::string u8_big(
    "\223NUMPY\001\000v\000{'descr': '>u8"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\002"
    "\000\000\000\000\000\000\000\004\000\000\000\000\000\000\000\010\000\000\000\000\000\000\000\020"
    "\000\000\000\000\000\000\000 ",
    176);

// False, False, True, True, True, True.
inline const std::string b1(
    "\223NUMPY\001\000v\000{'descr': '|b1"
    "', 'fortran_order': Fals"
    "e, 'shape': (3, 2), }   "
    "                        "
    "                        "
    "       \012\000\000\001\001\001\001",
    134);

inline const std::string f8_fortran(
    "\223NUMPY\001\000v\000{'descr': '<f8"
    "', 'fortran_order': True"
    ", 'shape': (3, 2), }    "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\360\077\000\000\000\000\000\000\020@"
    "\000\000\000\000\000\0000@\000\000\000\000\000\000\000@\000\000\000\000\000\000 @"
    "\000\000\000\000\000\000@@",
    176);

inline const std::string i2_big_fortran(
    "\223NUMPY\001\000v\000{'descr': '>i2"
    "', 'fortran_order': True"
    ", 'shape': (3, 2), }    "
    "                        "
    "                        "
    "       \012\000\001\000\004\000\020\000\002\000\010\000 ",
    140);

inline const std::string f4_version_2(
    "\223NUMPY\002\000t\000\000\000{'descr': '<"
    "f4', 'fortran_order': Fa"
    "lse, 'shape': (3, 2), } "
    "                        "
    "                        "
    "       \012\000\000\200\077\000\000\000@\000\000\200@\000\000\000A"
    "\000\000\200A\000\000\000B",
    152);

inline const std::string f4_version_3(
    "\223NUMPY\003\000t\000\000\000{'descr': '<"
    "f4', 'fortran_order': Fa"
    "lse, 'shape': (3, 2), } "
    "                        "
    "                        "
    "       \012\000\000\200\077\000\000\000@\000\000\200@\000\000\000A"
    "\000\000\200A\000\000\000B",
    152);

// Shape [6].
inline const std::string f8_vector(
    "\223NUMPY\001\000v\000{'descr': '<f8"
    "', 'fortran_order': Fals"
    "e, 'shape': (6,), }     "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\360\077\000\000\000\000\000\000\000@"
    "\000\000\000\000\000\000\020@\000\000\000\000\000\000 @\000\000\000\000\000\0000@"
    "\000\000\000\000\000\000@@",
    176);

// Shape [0, 2].
inline const std::string f4_no_samples(
    "\223NUMPY\001\000v\000{'descr': '<f4"
    "', 'fortran_order': Fals"
    "e, 'shape': (0, 2), }   "
    "                        "
    "                        "
    "       \012",
    128);

// Shape [1234567, 0].
inline const std::string f4_wide(
    "\223NUMPY\001\000v\000{'descr': '<f4"
    "', 'fortran_order': Fals"
    "e, 'shape': (1234567, 0)"
    ", }                     "
    "                        "
    "       \012",
    128);

// Shape [].
inline const std::string f8_scalar(
    "\223NUMPY\001\000v\000{'descr': '<f8"
    "', 'fortran_order': Fals"
    "e, 'shape': (), }       "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\360\077",
    136);

// Shape [1, 2, 1].
inline const std::string f8_cube(
    "\223NUMPY\001\000v\000{'descr': '<f8"
    "', 'fortran_order': Fals"
    "e, 'shape': (1, 2, 1), }"
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000",
    144);

// One complex number.
inline const std::string c8(
    "\223NUMPY\001\000v\000{'descr': '<c8"
    "', 'fortran_order': Fals"
    "e, 'shape': (1, 1), }   "
    "                        "
    "                        "
    "       \012\000\000\000\000\000\000\000\000",
    136);

// One record.
inline const std::string record(
    "\223NUMPY\001\000v\000{'descr': [('a"
    "', '<f4')], 'fortran_ord"
    "er': False, 'shape': (1,"
    "), }                    "
    "                        "
    "       \012\000\000\000\000",
    132);

// One pickled object.
inline const std::string object(
    "\223NUMPY\001\000v\000{'descr': '|O'"
    ", 'fortran_order': False"
    ", 'shape': (1, 1), }    "
    "                        "
    "                        "
    "       \012\200\004\225\214\000\000\000\000\000\000\000\214\026num"
    "py._core.multiarray\224\214\014_r"
    "econstruct\224\223\224\214\005numpy\224\214\007n"
    "darray\224\223\224K\000\205\224C\001b\224\207\224R\224(K\001"
    "K\001K\001\206\224h\003\214\005dtype\224\223\224\214\002O8\224\211"
    "\210\207\224R\224(K\003\214\001|\224NNNJ\377\377\377\377J\377\377\377"
    "\377K\077t\224b\211]\224Nat\224b.",
    279);

// 0, -0, 1, -2, .1, the largest, the smallest normal, the largest and the smallest subnormal, inf,
// -inf, NaN.
inline const std::string halves(
    "\223NUMPY\001\000v\000{'descr': '<f2"
    "', 'fortran_order': Fals"
    "e, 'shape': (12,), }    "
    "                        "
    "                        "
    "       \012\000\000\000\200\000<\000\300f.\377{\000\004\377\003"
    "\001\000\000|\000\374\000~",
    152);

}  // namespace lacuna::test::npy_files
// clang-format on

#endif  // LACUNA_TESTS_DATA_NPY_FILES_HPP
