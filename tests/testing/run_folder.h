#pragma once

#include <string>
#include <string_view>

namespace dashi::testing {

/// Makes the folder where a harness keeps its databases: `given`, or when that is empty a fresh one
/// below the temporary folder, whose name begins with "dashi-" and `name`. Returns its path.
std::string MakeRunFolder(const std::string& given, std::string_view name);

/// Removes it at the end of a run that found nothing.
void RemoveRunFolder(const std::string& folder);

}  // namespace dashi::testing
