// SPDX-License-Identifier: MIT
#include <lacuna/lacuna.hpp>

const char* version_seen_elsewhere();

const char* version_seen_elsewhere() { return lacuna::version.data(); }
