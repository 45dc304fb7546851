#pragma once

#include <string>
#include <vector>

namespace dashi::testing {

/// Runs this program again with other words, the name first, in place of a process that was just
/// forked. It dies when its parent does, and uses one thread where it could use many, as fits tiny
/// models.
[[noreturn]] void ExecSelf(std::vector<std::string> words);

}  // namespace dashi::testing
