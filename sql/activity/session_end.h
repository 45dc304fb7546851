#pragma once

#include <cstdint>

#include "dashi/status.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// Ends what a session runs, or the session, for another one.
///
/// Errors: 42704 when there is no such session; 42501 when it is another role's and `by` is no
///         admin; 0A000 when it is to be ended and only the program that has it could.
Status EndSession(const SessionState& by, std::uint64_t id, bool terminates);

}  // namespace dashi::sql
