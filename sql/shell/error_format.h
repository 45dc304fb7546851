#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi {

/// Returns an error as a person reads it, one newline at the end:
///
///     ERROR:  column "labl" does not exist
///     LINE 1: SELECT labl FROM topk('x', 5)
///                    ^
///     HINT:  Perhaps you meant "label".
///     SQLSTATE:  42703
///
/// The LINE and caret appear when the status has a position inside `statement`. Long lines are cut
/// to a window around it; the caret is right for wide and combining characters.
std::string FormatError(const Status& status, std::string_view statement);

}  // namespace dashi
