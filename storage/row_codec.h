#pragma once

#include <string>
#include <string_view>

#include "storage/entity.h"

namespace dashi::storage {

/// Appends the stored form of a row: a format byte, the id, small fields, the user columns by
/// column number, and the text last. Columns that a reader does not know are kept by number, so
/// that adding, dropping and renaming user columns never rewrites rows.
void AppendRow(std::string* out, const EntityRow& row);
std::string EncodeRow(const EntityRow& row);

/// Reads what AppendRow wrote. Returns false, with *row unspecified, for anything else.
bool DecodeRow(std::string_view bytes, EntityRow* row);

/// Reads the id alone; it points into `bytes`.
bool DecodeRowId(std::string_view bytes, std::string_view* id);

/// The value of an `ids` key.
std::string EncodeOrdinal(Ordinal ordinal);
bool DecodeOrdinal(std::string_view bytes, Ordinal* ordinal);

/// A counter in `meta`.
std::string EncodeCounter(std::uint64_t value);
bool DecodeCounter(std::string_view bytes, std::uint64_t* value);

}  // namespace dashi::storage
