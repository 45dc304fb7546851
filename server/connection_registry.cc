#include "server/connection_registry.h"

#include <algorithm>
#include <utility>

namespace dashi {

void ConnectionRegistry::Add(std::uint32_t process_id, std::weak_ptr<Connection> connection) {
  const MutexLock lock(mutex_);
  entries_[process_id].connection = std::move(connection);
}

ConnectionRegistry::Admission ConnectionRegistry::Admit(std::uint32_t process_id,
                                                        const std::string& user,
                                                        int num_of_user_max, bool is_admin) {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(process_id);
  if (entry == entries_.end() ||
      num_clients_ >= num_clients_max_ + (is_admin ? num_reserved_ : 0)) {
    return Admission::kNoPlace;
  }
  if (num_of_user_max >= 0) {
    const auto num_of_user = std::count_if(entries_.begin(), entries_.end(), [&](const auto& each) {
      return each.second.admitted && each.second.user == user;
    });
    if (num_of_user >= num_of_user_max) {
      return Admission::kTooManyOfUser;
    }
  }
  entry->second.admitted = true;
  entry->second.user = user;
  ++num_clients_;
  return Admission::kAdmitted;
}

void ConnectionRegistry::Remove(std::uint32_t process_id) {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(process_id);
  if (entry == entries_.end()) {
    return;
  }
  num_clients_ -= entry->second.admitted ? 1 : 0;
  entries_.erase(entry);
  if (entries_.empty()) {
    emptied_.NotifyAll();
  }
}

std::shared_ptr<Connection> ConnectionRegistry::Find(std::uint32_t process_id) const {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(process_id);
  return entry == entries_.end() ? nullptr : entry->second.connection.lock();
}

std::vector<std::shared_ptr<Connection>> ConnectionRegistry::All() const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Connection>> connections;
  for (const auto& [process_id, entry] : entries_) {
    if (auto connection = entry.connection.lock()) {
      connections.push_back(std::move(connection));
    }
  }
  return connections;
}

std::size_t ConnectionRegistry::size() const {
  const MutexLock lock(mutex_);
  return entries_.size();
}

std::size_t ConnectionRegistry::num_unadmitted() const {
  const MutexLock lock(mutex_);
  return entries_.size() - num_clients_;
}

std::shared_ptr<Connection> ConnectionRegistry::TakeOldestUnadmitted() {
  const MutexLock lock(mutex_);
  const auto oldest = std::find_if(entries_.begin(), entries_.end(),
                                   [](const auto& entry) { return !entry.second.admitted; });
  if (oldest == entries_.end()) {
    return nullptr;
  }
  auto connection = oldest->second.connection.lock();
  entries_.erase(oldest);
  return connection;
}

bool ConnectionRegistry::WaitUntilEmpty(std::chrono::milliseconds timeout) {
  const MutexLock lock(mutex_);
  while (!entries_.empty()) {
    // A wake-up means empty: nothing else notifies.
    if (!emptied_.WaitFor(mutex_, timeout)) {
      return entries_.empty();
    }
  }
  return true;
}

}  // namespace dashi
