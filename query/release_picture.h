#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dashi/release_event.h"
#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::query {

/// Which releases there are and which serve, as of one view.
struct ReleasePicture {
  struct Published {
    std::int64_t at_micros = 0;
    std::uint32_t release = 0;
    std::uint32_t replaced = 0;

    friend auto operator<=>(const Published&, const Published&) = default;
  };
  struct Model {
    std::int64_t created_at_micros = 0;
    std::uint32_t served = 0;  ///< 0: none
    std::set<std::uint32_t> releases;
    std::set<Published> published;  ///< what the releases remember of it
  };

  std::map<std::string, Model> models;
};

Result<ReleasePicture> TakeReleasePicture(const storage::View& view);

/// What has happened between two pictures, as far as the later one remembers: each publication of a
/// release that is still there, then a revert where another release serves than the last that was
/// published, then what was dropped. What serves at the end is always what the last event of its
/// model that is no drop says.
std::vector<ReleaseEvent> EventsBetween(const ReleasePicture& before, const ReleasePicture& after);

}  // namespace dashi::query
