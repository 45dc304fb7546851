#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace dashi {

/// What became of a release. Append only.
enum class ReleaseChange : std::uint8_t {
  kPublished = 1,  ///< PUBLISH: topk answers from it
  kReverted = 2,   ///< REVERT MODEL: topk answers from it again
  kDropped = 3,    ///< it is gone: DROP RELEASE, DROP MODEL, or nobody kept it any longer
};

/// One change of the releases of a model, after its commit.
struct ReleaseEvent {
  ReleaseChange change = ReleaseChange::kPublished;
  std::string model;          ///< "ads"
  std::uint32_t release = 0;  ///< 3 for ads@3: which serves now or, of kDropped, is gone
  /// The release that served before; 0: none did. Of kDropped: `release` itself when it served
  /// until then, which only DROP MODEL does; else 0.
  std::uint32_t previous = 0;
  /// How many events were left out before this one, because 10,000 waited for callbacks that did
  /// not return.
  std::uint64_t missed = 0;

  friend bool operator==(const ReleaseEvent&, const ReleaseEvent&) = default;
};

/// See Database::SubscribeToReleases.
using ReleaseCallback = std::function<void(const ReleaseEvent&)>;

}  // namespace dashi
