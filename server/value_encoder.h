#pragma once

#include <optional>
#include <string>

#include "dashi/status.h"
#include "dashi/value.h"
#include "server/type_oid.h"
#include "server/wire_encoder.h"

namespace dashi {

// Values may be of another type than their column was announced as. Nothing is sent that a client
// would read as another value.

/// Appends a value that is not NULL as PostgreSQL's text format has it.
///
/// Errors: kInvalidArgument (42804) for a value in a column of booleans that is none.
Status AppendText(std::string* out, const Value& value, const WireColumn& column);

/// Appends a value that is not NULL in the binary format of its column's type. One that the type
/// holds exactly is taken to it: a number to another type of number, anything to text.
///
/// Errors: kInvalidArgument (42804) for a value that the column's type cannot hold.
Status AppendBinary(std::string* out, const Value& value, const WireColumn& column);

/// The type of the elements of an array or vector; nullopt for other types.
std::optional<TypeOid> ElementOf(TypeOid array);

/// Appends a value that is not NULL as a person reads it.
void AppendPlain(std::string* out, const Value& value);

}  // namespace dashi
