#pragma once

#include <cstddef>
#include <string_view>

#include "dashi/status.h"
#include "dashi/value.h"
#include "server/type_oid.h"

namespace dashi {

/// Returns the value that a client sent for the parameter `$number` of type `type`.
///
/// Booleans become 1 and 0; dates, times and intervals texts as the database shows them; arrays of
/// numbers JSON arrays, and pgvector's vectors bytes (base/vector_codec.h). Text of a type that is
/// not known here stays as it is.
///
/// Errors: 22021 for text that is not UTF-8 or has a zero byte; 22P02, 22007, 22008, 22003 for text
///         that is no value of the type; 22P03 for bytes that are none, 08P01 for too few; 22023
///         for a format that does not exist; 0A000 for a value that dashi cannot hold (NaN, a
///         numeric of more than 15 digits, arrays of several dimensions), and for the binary format
///         of other types.
Result<Value> DecodeParameter(TypeOid type, WireFormat format, std::string_view bytes,
                              std::size_t number);

}  // namespace dashi
