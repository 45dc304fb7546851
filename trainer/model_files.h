#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "dashi/status.h"

namespace dashi::trainer {

/// Files of folders that hold models. Errors name the file.

bool IsRegularFile(const std::string& path);

/// Errors: kNotFound (58P01) when there is no such file; kResourceExhausted when memory does not
/// hold it.
Result<std::string> ReadModelFile(const std::string& path);

/// Reads a file and parses it; errors of the parser get the file's path in front.
template <typename Parse>
auto ReadAndParse(const std::string& path, Parse&& parse) -> decltype(parse(std::string())) {
  DASHI_ASSIGN_OR_RETURN(std::string bytes, ReadModelFile(path));
  auto parsed = parse(std::move(bytes));
  if (!parsed.ok()) {
    return std::move(parsed).status().WithContext(path);
  }
  return parsed;
}

}  // namespace dashi::trainer
