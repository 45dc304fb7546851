#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"

namespace dashi {

class MemoryAccount;

/// Shares a MemoryAccount; empty by default.
///
/// Threads: as std::shared_ptr.
class MemoryAccountRef {
 public:
  MemoryAccountRef() = default;
  explicit MemoryAccountRef(MemoryAccount* account);
  MemoryAccountRef(const MemoryAccountRef& other) : MemoryAccountRef(other.account_) {}
  MemoryAccountRef(MemoryAccountRef&& other) noexcept
      : account_(std::exchange(other.account_, nullptr)) {}
  MemoryAccountRef& operator=(MemoryAccountRef other) noexcept {
    std::swap(account_, other.account_);
    return *this;
  }
  ~MemoryAccountRef();

  MemoryAccount* get() const { return account_; }
  MemoryAccount* operator->() const { return account_; }

 private:
  MemoryAccount* account_ = nullptr;
};

/// Counts the bytes that a statement, a session, a role or a database has allocated, up to a limit.
/// What an account counts its parent counts too, in steps of 64 KiB, so that accounts of many
/// threads rarely meet in one.
///
/// Memory may outlive what it was allocated for, and be freed by any thread: it holds a reference
/// to its account, which goes with the last one.
///
/// Threads: all methods may be called at once.
/// Cost:    of a charge or a release one atomic addition, but for one in 64 KiB, which takes locks.
class MemoryAccount {
 public:
  enum class Holder : std::uint8_t { kDatabase, kRole, kSession, kStatement };

  /// `name`: of a role. `limit_bytes`: 0 means none. `parent` may be empty.
  static MemoryAccountRef Make(Holder holder, std::string name, std::uint64_t limit_bytes,
                               MemoryAccountRef parent);
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  /// Counts `bytes`, unless this account or one above it would go beyond its limit. Whoever called
  /// it may ask Refusal then.
  [[nodiscard]] bool TryCharge(std::uint64_t bytes);
  /// Counts `bytes` whatever the limits say.
  void Charge(std::uint64_t bytes);
  /// Takes back what one of them has counted.
  void Release(std::uint64_t bytes);

  /// Gives the parent back all that is not used: nothing much will come.
  void Trim() DASHI_EXCLUDES(mutex_);

  /// Why the last TryCharge failed, once; without one, that there is no memory.
  ///
  /// Errors: never ok; 53200.
  Status Refusal();

  /// 0 means none. What is beyond a lower limit stays.
  void set_limit_bytes(std::uint64_t limit_bytes) DASHI_EXCLUDES(mutex_);
  std::uint64_t limit_bytes() const { return limit_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  const std::string& name() const { return name_; }

  void Ref() { num_references_.fetch_add(1, std::memory_order_relaxed); }
  void Unref() {
    if (num_references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }
  /// Whether nobody but the caller has a reference.
  bool is_unshared() const { return num_references_.load(std::memory_order_acquire) == 1; }

 private:
  MemoryAccount(Holder holder, std::string name, std::uint64_t limit_bytes,
                MemoryAccountRef parent);
  ~MemoryAccount();

  /// Gets from the parent what is used and not granted. Of several that try at once one may be
  /// refused for what another one tries.
  bool Grow(bool beyond_limits) DASHI_EXCLUDES(mutex_);
  /// Gives the parent back what was granted beyond the bytes in use, in whole steps of these.
  void Shrink(std::uint64_t step_bytes) DASHI_EXCLUDES(mutex_);
  Status RefusalText() const;

  const Holder holder_;
  const std::string name_;
  const MemoryAccountRef parent_;
  std::atomic<std::uint64_t> num_references_ = 0;
  std::atomic<std::uint64_t> used_bytes_ = 0;
  std::atomic<std::uint64_t> granted_bytes_ = 0;  // Changes under the lock alone.
  std::atomic<std::uint64_t> limit_bytes_;
  std::atomic<const MemoryAccount*> refused_by_ = nullptr;  // This one or one above it.
  Mutex mutex_;
};

/// Has what this thread allocates counted by an account while it lives; scopes nest.
class MemoryScope {
 public:
  enum class Limits : std::uint8_t { kHold, kDoNotHold };

  explicit MemoryScope(MemoryAccount* account, Limits limits = Limits::kHold)
      : outer_(std::exchange(current_, {account, limits})) {}
  ~MemoryScope() { current_ = outer_; }
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

  /// Null: nobody counts.
  static MemoryAccount* account() { return current_.account; }
  static bool limits_hold() { return current_.limits == Limits::kHold; }
  /// MemoryAccount::Refusal of the current account.
  static Status OutOfMemory();

 private:
  struct Current {
    MemoryAccount* account = nullptr;
    Limits limits = Limits::kHold;
  };
  static constinit thread_local Current current_;  // NOLINT(readability-identifier-naming): member

  const Current outer_;
};

/// Memory of ours that counts for what runs when this is made, until it is destroyed.
///
/// Threads: one thread at a time.
class MemoryCharge {
 public:
  MemoryCharge() : account_(MemoryScope::account()) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(account_, other.account_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryCharge();

  /// Makes it as much as `bytes`.
  ///
  /// Errors: 53200 when a limit does not allow it; it stays as it was.
  Status Resize(std::uint64_t bytes);
  /// The same; false in place of an error, which MemoryAccount::Refusal tells then.
  bool TryResize(std::uint64_t bytes);
  Status Add(std::uint64_t bytes) { return Resize(bytes_ + bytes); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  MemoryAccountRef account_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dashi
