#include "server/served_databases.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

// The least that memory_limit may be.
constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{16} << 20;

}  // namespace

Result<ServedDatabases> ServedDatabases::Open(const std::vector<std::string>& directories,
                                              const OpenOptions& options) {
  OpenOptions share = options;
  if (directories.size() > 1) {
    share.memory_bytes_max =
        std::max(options.memory_bytes_max / directories.size(), kMemoryBytesMin);
  }
  ServedDatabases served;
  served.databases_.reserve(directories.size());
  for (const std::string& directory : directories) {
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(directory, share));
    for (const auto& other : served.databases_) {
      if (other->name() == database->name()) {
        return Status::InvalidArgument(fmt::format("two databases have the name \"{}\": {} and {}",
                                                   database->name(), other->directory(), directory))
            .WithHint("Clients tell them apart by the names of their folders.");
      }
    }
    served.databases_.push_back(std::move(database));
  }
  return served;
}

Result<Database*> ServedDatabases::Find(std::string_view name) const {
  if (databases_.size() == 1) {
    return databases_.front().get();
  }
  const auto named = std::find_if(databases_.begin(), databases_.end(),
                                  [&](const auto& each) { return each->name() == name; });
  if (named == databases_.end()) {
    return Status::NotFound(fmt::format("database \"{}\" does not exist", name))
        .WithSqlState("3D000");
  }
  return named->get();
}

std::vector<std::string> ServedDatabases::Others(const Database& database) const {
  std::vector<std::string> names;
  names.reserve(databases_.size());
  for (const auto& each : databases_) {
    if (each.get() != &database) {
      names.push_back(each->name());
    }
  }
  return names;
}

std::string ServedDatabases::ToString() const {
  std::vector<std::string> directories;
  directories.reserve(databases_.size());
  for (const auto& each : databases_) {
    directories.push_back(each->directory());
  }
  return fmt::format("{}", fmt::join(directories, ", "));
}

}  // namespace dashi
