#include "sql/roles/role_memory.h"

namespace dashi::sql {

RoleMemory::RoleMemory()
    : all_(MemoryAccount::Make(MemoryAccount::Holder::kDatabase, {}, /*limit_bytes=*/0, {})) {}

MemoryAccountRef RoleMemory::Of(const std::string& role) {
  const MutexLock lock(mutex_);
  // Roles without sessions go: references come from this map alone, or from whoever has one.
  std::erase_if(roles_, [](const auto& entry) { return entry.second->is_unshared(); });
  MemoryAccountRef& account = roles_[role];
  if (account.get() == nullptr) {
    account = MemoryAccount::Make(MemoryAccount::Holder::kRole, role, /*limit_bytes=*/0, all_);
  }
  return account;
}

}  // namespace dashi::sql
