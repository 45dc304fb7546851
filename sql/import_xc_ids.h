#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/import_json_lines.h"

namespace dashi::sql {

/// Returns whether an xc file holds JSON lines (true) or text (false), by its name.
Result<bool> IsXcJsonFile(const std::string& path);

/// Returns the id in the `uid` of a row of trn.json, tst.json or lbl.json.
Result<std::string> ReadXcUid(const ImportJsonLines& json, const simdjson::dom::object& object);

/// The ids that the line numbers of an xc file stand for.
class XcIds {
 public:
  /// Every number is an id: `prefix` and its digits.
  static XcIds Numbers(std::string prefix) { return XcIds(std::move(prefix)); }

  /// The ids of `path`: each line's `uid` for JSON, `prefix` and the line's number for text.
  ///
  /// Errors:  those of ImportReader; kCorruption (22P04) for a line without a `uid`.
  static Result<XcIds> Load(const std::string& path, std::string prefix, std::size_t row_bytes_max);

  /// Returns the id of a number below size().
  std::string Get(std::uint64_t number) const;
  /// Returns how many numbers have an id.
  std::uint64_t size() const { return size_; }
  /// Fails unless a file with the ids has `want` lines; `what` is for the message.
  Status CheckSize(std::string_view what, std::uint64_t want) const;

 private:
  explicit XcIds(std::string prefix) : prefix_(std::move(prefix)) {}
  Status LoadJson(const std::string& path, std::size_t row_bytes_max);
  Status CountLines(const std::string& path, std::size_t row_bytes_max);

  std::string path_;  // empty: any number
  std::string prefix_;
  std::uint64_t size_ = UINT64_MAX;
  std::string bytes_;                // of all ids, one after the other
  std::vector<std::uint64_t> ends_;  // in bytes_; empty: the ids are numbers
};

}  // namespace dashi::sql
