#include "server/connection_registry.h"

#include <utility>

namespace dashi {

void ConnectionRegistry::Add(std::uint32_t process_id, std::weak_ptr<Connection> connection) {
  const MutexLock lock(mutex_);
  entries_[process_id].connection = std::move(connection);
}

bool ConnectionRegistry::Admit(std::uint32_t process_id) {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(process_id);
  if (entry == entries_.end() || num_clients_ >= num_clients_max_) {
    return false;
  }
  entry->second.admitted = true;
  ++num_clients_;
  return true;
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
