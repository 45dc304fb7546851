#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::sql {

/// Takes apart what a schedule is to run.
///
/// Errors: those of the parser; 42P02 for a parameter; 0A000 for statements that only a client can
///         run (COPY FROM STDIN, TO STDOUT), that change roles, whose passwords everybody could
///         read, and RUN SCHEDULE; 42601 for none. Positions are those in `script`.
Result<std::vector<std::string>> TakeApart(std::string_view script);

}  // namespace dashi::sql
