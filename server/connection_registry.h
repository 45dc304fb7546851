#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace dashi {

class Connection;

/// The open connections of a server.
///
/// Threads: all methods may be called at once.
class ConnectionRegistry {
 public:
  /// Beside `num_clients_max` clients, admins have so many more places of their own.
  explicit ConnectionRegistry(std::size_t num_clients_max, std::size_t num_reserved = 0)
      : num_clients_max_(num_clients_max), num_reserved_(num_reserved) {}

  void Add(std::uint32_t process_id, std::weak_ptr<Connection> connection) DASHI_EXCLUDES(mutex_);
  enum class Admission : std::uint8_t { kAdmitted, kNoPlace, kTooManyOfUser };

  /// Takes one of the places for clients, of which `user` may have `num_of_user_max`; -1: all.
  Admission Admit(std::uint32_t process_id, const std::string& user, int num_of_user_max,
                  bool is_admin) DASHI_EXCLUDES(mutex_);
  void Remove(std::uint32_t process_id) DASHI_EXCLUDES(mutex_);

  /// Returns the connection with this number; null when there is none.
  std::shared_ptr<Connection> Find(std::uint32_t process_id) const DASHI_EXCLUDES(mutex_);
  std::vector<std::shared_ptr<Connection>> All() const DASHI_EXCLUDES(mutex_);
  std::size_t size() const DASHI_EXCLUDES(mutex_);
  /// Those that have taken no place for clients.
  std::size_t num_unadmitted() const DASHI_EXCLUDES(mutex_);
  /// Removes the one of them that came first and returns it; null when there is none.
  std::shared_ptr<Connection> TakeOldestUnadmitted() DASHI_EXCLUDES(mutex_);
  /// Waits until no connection is left. Returns false when the time ran out.
  bool WaitUntilEmpty(std::chrono::milliseconds timeout) DASHI_EXCLUDES(mutex_);

 private:
  struct Entry {
    std::weak_ptr<Connection> connection;
    bool admitted = false;
    std::string user;  // of an admitted one
  };

  const std::size_t num_clients_max_;
  const std::size_t num_reserved_;
  mutable Mutex mutex_;
  CondVar emptied_;
  std::map<std::uint32_t, Entry> entries_ DASHI_GUARDED_BY(mutex_);
  std::size_t num_clients_ DASHI_GUARDED_BY(mutex_) = 0;
};

}  // namespace dashi
