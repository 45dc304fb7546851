#pragma once

#include <string>

#include "dashi/status.h"
#include "dashi/value.h"
#include "server/wire_encoder.h"

namespace dashi {

/// Appends a value that is not NULL as PostgreSQL's text format has it, whatever its column's type.
void AppendText(std::string* out, const Value& value);

/// Appends a value that is not NULL in the binary format of its column's type. Values may be of
/// another type than their column; one that the type holds exactly is taken to it: a number with
/// another type of number, anything as text.
///
/// Errors: kInvalidArgument (42804) for a value that the column's type cannot hold.
Status AppendBinary(std::string* out, const Value& value, const WireColumn& column);

}  // namespace dashi
