#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/session_impl.h"

namespace dashi::internal {

/// A parsed statement and, when SQLite runs it, its compiled form. It may outlive its session.
///
/// Threads: the session's.
class PreparedImpl {
 public:
  PreparedImpl(SessionImpl* session, PreparedParts parts, CompiledKeeper keeper);
  ~PreparedImpl();
  PreparedImpl(const PreparedImpl&) = delete;
  PreparedImpl& operator=(const PreparedImpl&) = delete;

  std::size_t num_parameters() const { return parts_.statement->num_parameters; }
  const std::vector<Column>& columns() const { return parts_.columns; }
  const std::vector<SqlType>& parameter_types() const { return parts_.parameter_types; }
  Result<ResultSet> Execute(std::span<const Value> values, const CopyStreams* streams = nullptr);
  /// Says that the session ends.
  void Close();

 private:
  SessionImpl* session_;  // Null when the session is gone.
  PreparedParts parts_;
  CompiledKeeper keeper_;
};

}  // namespace dashi::internal
