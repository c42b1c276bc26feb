// SPDX-License-Identifier: MIT
// Stands for all tests when what they include is compiled in advance; see tests/CMakeLists.txt.
