#pragma once

#include <string>

#include "dashi/status.h"

namespace dashi {

/// Opens a text, or a file, in the person's editor ($VISUAL, $EDITOR or vi) and returns what it is
/// afterwards, without blanks at the end.
///
/// Errors: kIoError when the editor could not be run or failed, or a file could not be read or
///         written.
Result<std::string> EditText(const std::string& text);
Result<std::string> EditFile(const std::string& path);

}  // namespace dashi
