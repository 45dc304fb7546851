#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/portal.h"

namespace dashi {

/// The portals and cursors of a connection, which share their names. The portal without a name
/// gives way to the next.
///
/// Threads: one thread at a time.
class PortalStore {
 public:
  static constexpr std::size_t kPortalsMax = 1024;
  /// Of the values of portals, and of the rows that are kept for them.
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  /// Errors: 42P03 when the name is taken; kResourceExhausted (53200) when there are too many, or
  ///         their values are too long together.
  Status Add(std::shared_ptr<Portal> portal);
  /// Null when there is none.
  std::shared_ptr<Portal> Find(std::string_view name) const;
  /// Returns whether there was one.
  bool Erase(std::string_view name);
  void CloseAllBut(const Portal* kept);

  /// Drops what ends with a transaction: all but the held cursors of this or earlier ones.
  void EndTransaction(bool committed);
  /// Reads the rows that open portals have left, which a write would end, as far as the memory for
  /// them goes.
  Status KeepRows();
  /// The bytes of values and kept rows.
  std::size_t num_bytes() const;

 private:
  // Sharers: the one that runs, which may end itself.
  std::map<std::string, std::shared_ptr<Portal>, std::less<>> portals_;
};

}  // namespace dashi
