#include "server/portal_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

Status PortalStore::Add(std::shared_ptr<Portal> portal) {
  if (portal->name.empty()) {
    Erase("");
  } else if (portals_.contains(portal->name)) {
    return Status::AlreadyExists(fmt::format("cursor \"{}\" already exists", portal->name))
        .WithSqlState("42P03");
  }
  if (portals_.size() >= kPortalsMax) {
    return Status::ResourceExhausted(
               fmt::format("a connection has too many open portals: {}", portals_.size()))
        .WithSqlState("53200")
        .WithHint("Close portals and cursors that are no longer read.");
  }
  // One alone is bounded by the length of its message.
  if (!portals_.empty() && num_bytes() >= kBytesMax) {
    return Status::ResourceExhausted("the open portals of a connection take too much memory")
        .WithSqlState("53200")
        .WithHint("Close portals and cursors that are no longer read.");
  }
  std::string name = portal->name;
  portals_.emplace(std::move(name), std::move(portal));
  return Status();
}

std::shared_ptr<Portal> PortalStore::Find(std::string_view name) const {
  const auto found = portals_.find(name);
  return found == portals_.end() ? nullptr : found->second;
}

bool PortalStore::Erase(std::string_view name) {
  const auto found = portals_.find(name);
  if (found == portals_.end()) {
    return false;
  }
  portals_.erase(found);
  return true;
}

void PortalStore::CloseAllBut(const Portal* kept) {
  std::erase_if(portals_, [&](const auto& entry) { return entry.second.get() != kept; });
}

void PortalStore::EndTransaction(bool committed) {
  std::erase_if(portals_, [&](const auto& entry) {
    Portal& portal = *entry.second;
    const bool stays = portal.held && (committed || !portal.uncommitted);
    portal.uncommitted = false;
    return !stays;
  });
}

Status PortalStore::KeepRows() {
  for (const auto& [name, portal] : portals_) {
    const std::size_t taken = num_bytes();
    // One that has failed says so when it is read, and not to the statement that comes.
    if (portal->rows != nullptr && !portal->rows->has_failed() && taken < kBytesMax) {
      // Where they do not all fit, the database says at the next row that it was ended.
      const std::size_t room = kBytesMax - taken + portal->rows->num_bytes();
      DASHI_RETURN_IF_ERROR(portal->rows->ReadAll(room).status());
    }
  }
  return Status();
}

std::size_t PortalStore::num_bytes() const {
  std::size_t num_bytes = 0;
  for (const auto& [name, portal] : portals_) {
    num_bytes += portal->rows == nullptr ? 0 : portal->rows->num_bytes();
    for (const Value& value : portal->values) {
      num_bytes += NumBytesOf(value);
    }
  }
  return num_bytes;
}

}  // namespace dashi
