#include "sql/prepared_impl.h"

#include <utility>

namespace dashi::internal {

PreparedImpl::PreparedImpl(SessionImpl* session, PreparedParts parts, CompiledKeeper keeper)
    : session_(session), parts_(std::move(parts)), keeper_(std::move(keeper)) {
  session_->Remember(this);
}

PreparedImpl::~PreparedImpl() {
  if (session_ != nullptr) {
    session_->Forget(this);
  }
}

Result<ResultSet> PreparedImpl::Execute(std::span<const Value> values, const CopyStreams* streams) {
  if (session_ == nullptr) {
    return Status::FailedPrecondition("the session of this prepared statement is gone")
        .WithSqlState("26000");
  }
  return session_->ExecuteParsed(parts_.statement, values, keeper_, streams);
}

void PreparedImpl::Close() {
  session_ = nullptr;
  keeper_->reset();
}

}  // namespace dashi::internal
