#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "dashi/result_set.h"
#include "dashi/status.h"

namespace dashi::sql {

/// Where the bytes of an import come from: a file, or a function that hands them over.
struct ImportSource {
  /// Puts 1 to bytes.size() bytes there and returns how many; 0 at the end. Its errors must not be
  /// kInvalidArgument, which is a row's.
  using ReadBytes = std::function<Result<std::size_t>(std::span<char> bytes)>;

  std::string name;  ///< the path of the file; how errors call what is no file
  ReadBytes read;    ///< nullptr: the file
  /// In its place where the rows come as values: as CopyStreams has it.
  std::function<Result<bool>(Row* row)> read_row = nullptr;
  std::function<void()> stop = nullptr;  ///< ends a `read` that waits; nullptr: none waits long

  static ImportSource OfFile(std::string path) { return {std::move(path), nullptr}; }
  /// "labels.csv, line 3", "line 3 of standard input", "row 3 of standard input".
  std::string PlaceOf(std::uint64_t line) const;
};

}  // namespace dashi::sql
