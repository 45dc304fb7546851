#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi {

/// One `name = value` of a configuration file.
struct ConfigLine {
  int number = 0;  ///< of the line, from 1
  std::string name;
  std::string value;
};

/// Reads a small text file of the server's, such as its configuration, whole.
///
/// Errors: kNotFound; kIoError; kInvalidArgument when it is longer than 1 MiB or no file.
Result<std::string> ReadConfigText(const std::string& path);

/// Reads lines `name = value`; `#` begins a comment. The value is a word, or a text in single
/// quotes in which '' is a quote. `path` is for messages.
///
/// Errors: kInvalidArgument (22023) naming the file and the line, also for a name that comes twice.
Result<std::vector<ConfigLine>> ParseConfigFile(std::string_view text, const std::string& path);

/// Returns `value` as it may stand in a configuration file.
std::string QuotedConfigValue(std::string_view value);

}  // namespace dashi
