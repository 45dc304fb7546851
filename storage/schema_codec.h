#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/schema_record.h"

namespace dashi::storage {

/// The value of a table's `schema/` key: a format byte and one JSON object.
std::string EncodeSchema(const SchemaRecord& schema);
/// Reads what EncodeSchema wrote. Returns false, with *schema unspecified, for anything else.
bool DecodeSchema(std::string_view bytes, SchemaRecord* schema);

/// Decodes schemas and keeps each table's last one, because every statement asks for it.
///
/// Threads: all methods may be called at once.
class SchemaCache {
 public:
  /// No bytes stand for a schema without columns.
  ///
  /// Errors: kCorruption naming the table.
  Result<std::shared_ptr<const SchemaRecord>> Decode(EntityKind kind, std::string_view bytes) const
      DASHI_EXCLUDES(mutex_);

 private:
  struct Decoded {
    std::string bytes;
    std::shared_ptr<const SchemaRecord> schema;  // Sharers: whoever asked.
  };

  mutable Mutex mutex_;
  mutable std::array<Decoded, 3> last_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
