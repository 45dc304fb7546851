#include "sql/activity/session_directory.h"

#include <utility>

#include "base/clock.h"
#include "sql/postgres/utf8_text.h"

namespace dashi::sql {

namespace {

using State = SessionActivity::State;

constexpr std::size_t kStatementBytesMax = 1024;

}  // namespace

std::string_view SessionStateName(State state) {
  switch (state) {
    case State::kActive:
      return "active";
    case State::kIdle:
      return "idle";
    case State::kInBlock:
      return "idle in transaction";
    case State::kInFailedBlock:
      break;
  }
  return "idle in transaction (aborted)";
}

SessionEntry::SessionEntry(SessionActivity activity, MemoryAccountRef memory, Controls controls)
    : id_(activity.id),
      memory_(std::move(memory)),
      activity_(std::move(activity)),
      controls_(std::move(controls)) {}

void SessionEntry::SetState(State state, std::int64_t now_micros) {
  if (activity_.state != state) {
    activity_.state = state;
    activity_.state_since_micros = now_micros;
  }
  const bool in_block = state == State::kInBlock || state == State::kInFailedBlock;
  if (state == State::kIdle) {
    activity_.block_started_at_micros = 0;
  } else if (in_block && activity_.block_started_at_micros == 0) {
    activity_.block_started_at_micros = activity_.statement_started_at_micros;
  }
}

void SessionEntry::BeginStatement(std::string_view kind, std::string_view statement,
                                  std::int64_t now_micros) {
  const MutexLock lock(mutex_);
  activity_.kind.assign(kind);
  activity_.statement.assign(statement.substr(0, postgres::Utf8Cut(statement, kStatementBytesMax)));
  activity_.statement_started_at_micros = now_micros;
  SetState(State::kActive, now_micros);
}

void SessionEntry::EndStatement(State state, std::string_view application,
                                std::int64_t now_micros) {
  const MutexLock lock(mutex_);
  if (activity_.application != application) {
    activity_.application.assign(application);
  }
  if (!in_request_) {
    SetState(state, now_micros);
  }
}

void SessionEntry::BeginRequest(std::int64_t now_micros) {
  const MutexLock lock(mutex_);
  in_request_ = true;
  SetState(State::kActive, now_micros);
}

void SessionEntry::EndRequest(State state, std::int64_t now_micros) {
  const MutexLock lock(mutex_);
  in_request_ = false;
  SetState(state, now_micros);
}

SessionActivity SessionEntry::Get() const {
  const MutexLock lock(mutex_);
  SessionActivity activity = activity_;
  activity.memory_bytes = memory_->used_bytes();
  return activity;
}

void SessionEntry::Cancel() {
  const MutexLock lock(mutex_);
  if (controls_.cancel != nullptr) {
    controls_.cancel();
  }
}

bool SessionEntry::Terminate() {
  const MutexLock lock(mutex_);
  if (controls_.terminate == nullptr) {
    return false;
  }
  controls_.terminate();
  return true;
}

void SessionEntry::Detach() {
  const MutexLock lock(mutex_);
  controls_ = Controls();
}

std::shared_ptr<SessionEntry> SessionDirectory::Open(SessionActivity activity,
                                                     MemoryAccountRef memory,
                                                     SessionEntry::Controls controls) {
  const std::int64_t now = Clock::System().NowMicros();
  activity.opened_at_micros = now;
  activity.state_since_micros = now;
  const MutexLock lock(mutex_);
  if (activity.id == 0) {
    activity.id = next_own_id_++;
  }
  const std::uint32_t id = activity.id;
  auto entry =
      std::make_shared<SessionEntry>(std::move(activity), std::move(memory), std::move(controls));
  entries_.emplace(id, entry);
  return entry;
}

void SessionDirectory::Close(const std::shared_ptr<SessionEntry>& entry) {
  entry->Detach();
  const MutexLock lock(mutex_);
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->second == entry) {
      entries_.erase(at);
      return;
    }
  }
}

std::vector<SessionActivity> SessionDirectory::All() const {
  const MutexLock lock(mutex_);
  std::vector<SessionActivity> all;
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    all.push_back(entry->Get());
  }
  return all;
}

std::shared_ptr<SessionEntry> SessionDirectory::Find(std::uint32_t id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

}  // namespace dashi::sql
