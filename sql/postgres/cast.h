#pragma once

#include <string>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/postgres/types.h"

namespace dashi::sql::postgres {

/// Casts a value as PostgreSQL does; NULL stays NULL. `from` is what the tokens tell of the value's
/// type: numeric rounds halves away from zero and double precision to the even neighbour, and a
/// boolean becomes 'true' where an integer becomes '1'. Booleans are 1 and 0, dates and times texts
/// as ShowMoment writes them.
///
/// Errors: kInvalidArgument: 22P02, 22007 for text that is no such value, 22003 and 22008 out of
///         range, 42846 for types that do not cast; kUnimplemented (0A000) for values that dashi
///         cannot hold, such as NaN.
Result<Value> Cast(const Value& value, CastTarget target, StaticType from);

/// The text of a value as a cast to text has it.
std::string TextOfValue(const Value& value, StaticType from);

}  // namespace dashi::sql::postgres
