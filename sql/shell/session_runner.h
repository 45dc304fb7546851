#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "dashi/session.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// A StatementRunner over a Session of the embedded API, which it owns.
class SessionRunner final : public StatementRunner {
 public:
  explicit SessionRunner(std::unique_ptr<Session> session);

  Result<std::unique_ptr<StatementResult>> Run(std::string_view statement) override;
  Result<std::unique_ptr<StatementResult>> RunWithStreams(std::string_view statement,
                                                          const CopyStreams& streams) override;
  Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement) override;
  void FailTransaction() override;
  void Cancel() override { cancelled_ = true; }
  void ForgetCancel() override { cancelled_ = false; }
  void SetProgressCallback(ProgressCallback callback) override;
  Result<std::string> Setting(std::string_view name) override { return session_->Setting(name); }
  void BeginRequest() override { session_->BeginRequest(); }
  void EndRequest() override { session_->EndRequest(); }
  std::optional<std::chrono::milliseconds> IdleLimit() const override {
    return session_->IdleLimit();
  }
  bool in_transaction() const override;
  bool transaction_failed() const override;

 private:
  std::unique_ptr<Session> session_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace dashi
