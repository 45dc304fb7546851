#include "server/statement_store.h"

#include <utility>

#include <fmt/format.h>

namespace dashi {

Status StatementStore::Add(std::string name, std::shared_ptr<NamedStatement> statement) {
  if (name.empty()) {
    Erase("");
  } else if (statements_.contains(name)) {
    return Status::AlreadyExists(fmt::format("prepared statement \"{}\" already exists", name))
        .WithSqlState("42P05");
  }
  // One alone is bounded by the length of its message.
  const bool too_long =
      !statements_.empty() && num_text_bytes_ + statement->text.size() > kTextBytesMax;
  if (too_long || statements_.size() >= kStatementsMax) {
    return Status::ResourceExhausted(
               fmt::format("a connection has too many prepared statements: {} with {} bytes",
                           statements_.size(), num_text_bytes_))
        .WithSqlState("53200")
        .WithHint("DEALLOCATE those that are no longer used.");
  }
  num_text_bytes_ += statement->text.size();
  statements_.emplace(std::move(name), std::move(statement));
  return Status();
}

std::shared_ptr<NamedStatement> StatementStore::Find(std::string_view name) const {
  const auto found = statements_.find(name);
  return found == statements_.end() ? nullptr : found->second;
}

bool StatementStore::Erase(std::string_view name) {
  const auto found = statements_.find(name);
  if (found == statements_.end()) {
    return false;
  }
  num_text_bytes_ -= found->second->text.size();
  statements_.erase(found);
  return true;
}

void StatementStore::Clear() {
  statements_.clear();
  num_text_bytes_ = 0;
}

}  // namespace dashi
