#include "sql/query_rows.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "sql/pg_catalog/object_names.h"
#include "sql/session_use.h"

namespace dashi::internal {

namespace {

/// Rows that take no more are not worth counting.
constexpr std::size_t kSmallRowBytes = std::size_t{64} << 10;

}  // namespace

QueryRows::QueryRows(SessionImpl* session, std::shared_ptr<const sql::ParsedStatement> statement,
                     sql::CompiledStatement compiled,
                     std::unique_ptr<sql::StatementContext> context, CompiledKeeper keeper,
                     std::string tag_word, std::unique_ptr<sql::StatementWatch> watch)
    : session_(session),
      memory_(MemoryScope::account()),
      statement_(std::move(statement)),
      context_(std::move(context)),
      compiled_(std::move(compiled)),
      keeper_(std::move(keeper)),
      tag_word_(std::move(tag_word)),
      watch_(std::move(watch)),
      in_block_(session->state().block.active()),
      deadline_micros_(session->state().interruption.deadline_micros()),
      columns_(compiled_.Columns()),
      has_objects_(std::any_of(columns_.begin(), columns_.end(), sql::pg_catalog::IsObject)) {}

QueryRows::~QueryRows() { Finish(); }

Result<bool> QueryRows::Next(Row* row) {
  if (session_ == nullptr) {
    if (end_.ok()) {
      return false;
    }
    return end_;
  }
  const MemoryScope scope(memory_.get());
  sql::Interruption& interruption = session_->state().interruption;
  interruption.set_deadline_micros(deadline_micros_);
  Status stopped = interruption.ToStatus();
  Result<bool> more = stopped.ok()
                          ? session_->sqlite().Step(compiled_.get(), *statement_, *context_)
                          : Result<bool>(stopped);
  if (more.ok() && *more) {
    const Status read = Read(row);
    if (read.ok()) {
      ++num_rows_;
      return true;
    }
    more = read;
  }
  if (!more.ok()) {
    end_ = std::move(more).status();
    stopped = interruption.ToStatus();
    if (end_.sqlstate() == "57014" && !stopped.ok()) {
      end_ = stopped;  // SQLite does not know why it was interrupted.
    }
    if (in_block_) {
      session_->NoteFailure();
    }
  }
  Finish();
  if (end_.ok()) {
    return false;
  }
  return end_;
}

Status QueryRows::Read(Row* row) {
  DASHI_ASSIGN_OR_RETURN(const std::size_t num_bytes,
                         sql::SqliteConnection::ReadRow(compiled_.get(), row));
  if (num_bytes > kSmallRowBytes || row_memory_.bytes() > 0) {
    DASHI_RETURN_IF_ERROR(row_memory_.Resize(num_bytes > kSmallRowBytes ? num_bytes : 0));
  }
  return has_objects_ ? sql::pg_catalog::ShowObjects(*context_, columns_, row) : Status();
}

Result<bool> QueryRows::Pull(Row* row) {
  if (session_ == nullptr) {
    return Next(row);
  }
  const SessionUse use(session_->in_use());
  DASHI_RETURN_IF_ERROR(use.status());
  return Next(row);
}

std::string QueryRows::command_tag() const {
  return tag_word_ == "SELECT" ? "SELECT " + std::to_string(num_rows_) : tag_word_;
}

void QueryRows::Close(Status reason) {
  end_ = std::move(reason);
  Finish();
}

void QueryRows::Finish() {
  if (session_ == nullptr) {
    return;
  }
  if (watch_ != nullptr) {
    watch_->End(end_, num_rows_, [this] { return session_->PlanOf(*statement_, *context_); });
    watch_.reset();
  }
  SessionImpl::GiveBack(std::move(compiled_), keeper_);
  context_.reset();
  row_memory_ = MemoryCharge();
  memory_->Trim();  // What stays is the session's.
  session_->Forget(this);
  session_ = nullptr;
}

}  // namespace dashi::internal
