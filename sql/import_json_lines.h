#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/import_lines.h"
#include "sql/import_reader.h"
#include "sql/import_source.h"

namespace dashi::sql {

/// Reads one JSON object per line and skips blank lines.
///
/// Errors:  as ImportReader::Next.
/// Threads: one thread at a time.
class ImportJsonLines {
 public:
  explicit ImportJsonLines(std::unique_ptr<ImportLines> lines) : lines_(std::move(lines)) {}

  /// Reads the next object; false at the end. `*object` holds until the next call.
  Result<bool> Next(simdjson::dom::object* object);

  /// Converts a JSON value: strings, numbers and null to themselves, true and false to 1 and 0,
  /// arrays and objects to their JSON text. `key` is for the message.
  Status ToValue(std::string_view key, const simdjson::dom::element& element, Value* value) const;

  /// Returns the error for the line last read.
  Status BadRow(std::string_view sqlstate, std::string_view reason) const {
    return lines_->BadRow(lines_->line(), sqlstate, reason);
  }
  const ImportLines& lines() const { return *lines_; }

 private:
  Status ParseError(std::string_view line, simdjson::error_code code) const;

  std::unique_ptr<ImportLines> lines_;
  simdjson::dom::parser parser_;
};

/// Opens the reader of FORMAT jsonl.
Result<std::unique_ptr<ImportReader>> OpenJsonLinesReader(const ImportSource& source,
                                                          const ImportFormat& format);

}  // namespace dashi::sql
