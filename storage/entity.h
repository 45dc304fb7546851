#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/value.h"

namespace dashi::storage {

/// The kinds of text-bearing rows. Persisted: append only.
enum class EntityKind : std::uint8_t { kDocument = 1, kLabel = 2, kAnchor = 3 };

/// Returns the kind's table name: "documents", "labels" or "anchors".
std::string_view EntityTableName(EntityKind kind);

/// A row's dense internal number within its kind. Never reused, never shown to users.
enum class Ordinal : std::uint32_t {};

inline std::uint32_t ToInteger(Ordinal ordinal) { return static_cast<std::uint32_t>(ordinal); }

/// A user column's value. `column` is the catalog's column number (user columns start at 16).
struct Attribute {
  std::uint32_t column = 0;
  Value value;
};

/// A document, label or anchor as stored.
struct EntityRow {
  std::string id;                    ///< non-empty UTF-8, at most kIdBytesMax
  std::string text;                  ///< UTF-8, may be empty, at most kTextBytesMax
  std::optional<std::string> split;  ///< documents only: 'train', 'test', 'valid' or absent
  std::int64_t updated_at_micros = 0;
  std::vector<Attribute> attributes;  ///< ascending by column
};

/// Limits checked by every write; exceeding one is kInvalidArgument (54000).
inline constexpr std::size_t kIdBytesMax = 1024;
inline constexpr std::size_t kTextBytesMax = std::size_t{16} << 20;

/// One relevance pair seen from one side.
struct RelevanceNeighbour {
  Ordinal ordinal;
  float weight = 1.0F;
};

}  // namespace dashi::storage
