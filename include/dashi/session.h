#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dashi/progress.h"
#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"

namespace dashi {

namespace internal {
class PreparedImpl;
class SessionImpl;
}  // namespace internal

/// A statement parsed once and run many times with other values.
///
/// Threads: as its Session. It must not outlive the Session.
class PreparedStatement {
 public:
  explicit PreparedStatement(std::unique_ptr<internal::PreparedImpl> impl);
  ~PreparedStatement();
  PreparedStatement(PreparedStatement&&) noexcept;
  PreparedStatement& operator=(PreparedStatement&&) noexcept;

  /// The number of parameters: the highest n of the `$n` in the statement.
  std::size_t num_parameters() const;
  /// Runs it with `values[i]` as `$i+1`.
  ///
  /// Errors: kInvalidArgument when the number of values differs from num_parameters().
  Result<ResultSet> Execute(std::span<const Value> values = {});

 private:
  std::unique_ptr<internal::PreparedImpl> impl_;
};

/// A conversation with a database: one transaction at a time, settings of its own.
///
/// Threads: one thread at a time, except Cancel, which any thread may call.
class Session {
 public:
  explicit Session(std::unique_ptr<internal::SessionImpl> impl);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs one statement. Rows stream from the result; statements without rows have run to their
  /// end when this returns.
  ///
  /// Errors: any; user errors carry a SQLSTATE and, where known, a position.
  Result<ResultSet> Execute(std::string_view sql, std::span<const Value> values = {});
  /// Runs statements separated by semicolons, in order, and hands each result to `on_result`.
  /// Stops at the first error.
  Status ExecuteScript(std::string_view sql, const std::function<Status(ResultSet&)>& on_result);
  Result<PreparedStatement> Prepare(std::string_view sql);

  /// Asks the running statement to stop. It ends with kCancelled (57014) soon after.
  /// A Cancel that comes while nothing runs is forgotten.
  void Cancel();
  /// Has `cancelled` asked again and again while a statement runs; true ends the statement as
  /// Cancel does. Unlike Cancel it cannot come too early, so it suits a caller that may be told to
  /// stop just before a statement begins. nullptr asks nobody.
  ///
  /// Threads: asked on the session's thread.
  void SetCancelCheck(std::function<bool()> cancelled);
  void SetProgressCallback(ProgressCallback callback);
  /// Whether a transaction block is open, and whether it has failed (only ROLLBACK helps).
  bool in_transaction() const;
  bool transaction_failed() const;

 private:
  std::unique_ptr<internal::SessionImpl> impl_;
};

}  // namespace dashi
