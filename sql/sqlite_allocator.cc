#include "sql/sqlite_allocator.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <sqlite3.h>

#include "base/logging.h"
#include "base/memory_account.h"

namespace dashi::sql {

namespace {

/// Stands before each allocation.
struct alignas(std::max_align_t) Header {
  MemoryAccount* account;  ///< null: nobody counts it
  std::uint64_t size;      ///< what was asked for
};

Header* HeaderOf(void* memory) { return static_cast<Header*>(memory) - 1; }

std::uint64_t BytesOf(int size) { return static_cast<std::uint64_t>(size) + sizeof(Header); }

bool Charge(MemoryAccount* account, std::uint64_t bytes) {
  if (account == nullptr) {
    return true;
  }
  if (MemoryScope::limits_hold()) {
    return account->TryCharge(bytes);
  }
  account->Charge(bytes);
  return true;
}

void Release(MemoryAccount* account, std::uint64_t bytes) {
  if (account != nullptr) {
    account->Release(bytes);
  }
}

void* Allocate(int size) {
  MemoryAccount* const account = MemoryScope::account();
  const std::uint64_t bytes = BytesOf(size);
  if (!Charge(account, bytes)) {
    return nullptr;
  }
  auto* header = static_cast<Header*>(std::malloc(bytes));
  if (header == nullptr) {
    Release(account, bytes);
    return nullptr;
  }
  if (account != nullptr) {
    account->Ref();
  }
  header->account = account;
  header->size = static_cast<std::uint64_t>(size);
  return header + 1;
}

void Free(void* memory) {
  if (memory == nullptr) {
    return;
  }
  Header* const header = HeaderOf(memory);
  MemoryAccount* const account = header->account;
  const std::uint64_t bytes = header->size + sizeof(Header);
  std::free(header);
  if (account != nullptr) {
    account->Release(bytes);
    account->Unref();
  }
}

// Who makes an allocation larger has it counted: it may have been made by an earlier statement.
void* Reallocate(void* memory, int size) {
  Header* header = HeaderOf(memory);
  MemoryAccount* const before = header->account;
  MemoryAccount* const account =
      MemoryScope::account() == nullptr ? before : MemoryScope::account();
  const std::uint64_t old_bytes = header->size + sizeof(Header);
  const std::uint64_t bytes = BytesOf(size);
  const std::uint64_t kept_bytes = account == before ? old_bytes : 0;
  if (bytes > kept_bytes && !Charge(account, bytes - kept_bytes)) {
    return nullptr;
  }
  header = static_cast<Header*>(std::realloc(header, bytes));
  if (header == nullptr) {
    Release(account, bytes > kept_bytes ? bytes - kept_bytes : 0);
    return nullptr;
  }
  if (account == before) {
    Release(account, bytes < old_bytes ? old_bytes - bytes : 0);
  } else {
    account->Ref();
    header->account = account;
    if (before != nullptr) {
      before->Release(old_bytes);
      before->Unref();
    }
  }
  header->size = static_cast<std::uint64_t>(size);
  return header + 1;
}

int SizeOf(void* memory) {
  return memory == nullptr ? 0 : static_cast<int>(HeaderOf(memory)->size);
}

int RoundUp(int size) {
  constexpr int kAlignment = 8;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

int Begin(void* /*data*/) { return SQLITE_OK; }
void End(void* /*data*/) {}

bool Install() {
  static constexpr sqlite3_mem_methods kMethods = {Allocate, Free,  Reallocate, SizeOf,
                                                   RoundUp,  Begin, End,        nullptr};
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &kMethods) == SQLITE_OK) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK;
  }
  LogWarning(
      "SQLite was in use before: statement_memory and MEMORY LIMIT do not count what it allocates");
  return false;
}

}  // namespace

void InstallSqliteAllocator() { [[maybe_unused]] static const bool installed = Install(); }

}  // namespace dashi::sql
