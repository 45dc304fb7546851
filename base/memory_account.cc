#include "base/memory_account.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/byte_size.h"

namespace dashi {

namespace {

constexpr std::uint64_t kStepBytes = std::uint64_t{64} << 10;
/// More than this that is granted and not used goes back.
constexpr std::uint64_t kSpareBytesMax = 2 * kStepBytes;

std::uint64_t InSteps(std::uint64_t bytes, std::uint64_t step_bytes) {
  return (bytes + step_bytes - 1) / step_bytes * step_bytes;
}

}  // namespace

constinit thread_local MemoryScope::Current MemoryScope::current_;

MemoryAccountRef::MemoryAccountRef(MemoryAccount* account) : account_(account) {
  if (account_ != nullptr) {
    account_->Ref();
  }
}

MemoryAccountRef::~MemoryAccountRef() {
  if (account_ != nullptr) {
    account_->Unref();
  }
}

MemoryAccountRef MemoryAccount::Make(Holder holder, std::string name, std::uint64_t limit_bytes,
                                     MemoryAccountRef parent) {
  return MemoryAccountRef(
      new MemoryAccount(holder, std::move(name), limit_bytes, std::move(parent)));
}

MemoryAccount::MemoryAccount(Holder holder, std::string name, std::uint64_t limit_bytes,
                             MemoryAccountRef parent)
    : holder_(holder),
      name_(std::move(name)),
      parent_(std::move(parent)),
      limit_bytes_(limit_bytes) {}

MemoryAccount::~MemoryAccount() {
  if (parent_.get() != nullptr) {
    parent_->Release(granted_bytes_);
  }
}

bool MemoryAccount::TryCharge(std::uint64_t bytes) {
  const std::uint64_t used = used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (used <= granted_bytes_.load(std::memory_order_relaxed) || Grow(/*beyond_limits=*/false)) {
    return true;
  }
  used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void MemoryAccount::Charge(std::uint64_t bytes) {
  const std::uint64_t used = used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (used > granted_bytes_.load(std::memory_order_relaxed)) {
    Grow(/*beyond_limits=*/true);
  }
}

void MemoryAccount::Release(std::uint64_t bytes) {
  const std::uint64_t used = used_bytes_.fetch_sub(bytes, std::memory_order_relaxed) - bytes;
  const std::uint64_t granted = granted_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t limit = limit_bytes();
  if (granted > used + kSpareBytesMax) {
    Shrink(kStepBytes);
  } else if (limit > 0 && granted > limit) {
    Trim();  // Nothing beyond a limit is kept in spare.
  }
}

void MemoryAccount::Trim() { Shrink(/*step_bytes=*/1); }

bool MemoryAccount::Grow(bool beyond_limits) {
  const MutexLock lock(mutex_);
  const std::uint64_t used = used_bytes();
  const std::uint64_t granted = granted_bytes_.load(std::memory_order_relaxed);
  if (used <= granted) {
    return true;
  }
  const std::uint64_t limit = limit_bytes();
  if (!beyond_limits && limit > 0 && used > limit) {
    refused_by_.store(this, std::memory_order_relaxed);
    return false;
  }
  std::uint64_t wanted = InSteps(used, kStepBytes);
  if (limit > 0) {
    wanted = std::max(std::min(wanted, limit), used);
  }
  MemoryAccount* const parent = parent_.get();
  if (parent != nullptr && beyond_limits) {
    parent->Charge(wanted - granted);
  } else if (parent != nullptr && !parent->TryCharge(wanted - granted)) {
    wanted = used;  // The last bytes below a limit, too, are there to be used.
    if (!parent->TryCharge(wanted - granted)) {
      refused_by_.store(parent->refused_by_.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
      return false;
    }
  }
  granted_bytes_.store(wanted, std::memory_order_relaxed);
  return true;
}

void MemoryAccount::Shrink(std::uint64_t step_bytes) {
  const MutexLock lock(mutex_);
  const std::uint64_t granted = granted_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t wanted = InSteps(used_bytes(), step_bytes);
  if (wanted >= granted) {
    return;
  }
  granted_bytes_.store(wanted, std::memory_order_relaxed);
  if (parent_.get() != nullptr) {
    parent_->Release(granted - wanted);
  }
}

void MemoryAccount::set_limit_bytes(std::uint64_t limit_bytes) {
  if (limit_bytes_.exchange(limit_bytes, std::memory_order_relaxed) != limit_bytes) {
    Trim();  // What was granted below the old limit would be used without a question.
  }
}

Status MemoryAccount::Refusal() {
  const MemoryAccount* by = refused_by_.exchange(nullptr, std::memory_order_relaxed);
  return by == nullptr ? Status::ResourceExhausted("out of memory").WithSqlState("53200")
                       : by->RefusalText();
}

Status MemoryAccount::RefusalText() const {
  const std::string limit = ByteSizeText(limit_bytes());
  if (holder_ == Holder::kRole) {
    return Status::ResourceExhausted(
               fmt::format("out of memory: the sessions of role {} need more than {} together, the "
                           "role's MEMORY LIMIT",
                           name_, limit))
        .WithSqlState("53200")
        .WithHint(
            "SHOW SESSIONS tells what each holds; ALTER ROLE ... MEMORY LIMIT changes the limit.");
  }
  return Status::ResourceExhausted(
             fmt::format("out of memory: the statement needs more than {}, the limit of the "
                         "setting statement_memory",
                         limit))
      .WithSqlState("53200")
      .WithHint("Ask for fewer rows or shorter values at a time, or SET statement_memory higher.");
}

Status MemoryScope::OutOfMemory() {
  return current_.account != nullptr
             ? current_.account->Refusal()
             : Status::ResourceExhausted("out of memory").WithSqlState("53200");
}

MemoryCharge::~MemoryCharge() {
  if (account_.get() != nullptr && bytes_ > 0) {
    account_->Release(bytes_);
  }
}

bool MemoryCharge::TryResize(std::uint64_t bytes) {
  MemoryAccount* const account = account_.get();
  if (account != nullptr && bytes > bytes_) {
    if (!account->TryCharge(bytes - bytes_)) {
      return false;
    }
  } else if (account != nullptr) {
    account->Release(bytes_ - bytes);
  }
  bytes_ = bytes;
  return true;
}

Status MemoryCharge::Resize(std::uint64_t bytes) {
  return TryResize(bytes) ? Status() : account_->Refusal();
}

}  // namespace dashi
