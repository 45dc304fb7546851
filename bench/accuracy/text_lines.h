#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::trainer {

/// Calls `on_line` for each line of a plain or gzip file.
///
/// Errors: kIoError when it cannot be opened; those of `on_line`.
Status ForEachLine(const std::string& path, const std::function<Status(std::string_view)>& on_line);

/// The fields of a line of a tsv file, in which a backslash is doubled.
std::vector<std::string> TabFields(std::string_view line);

}  // namespace dashi::trainer
