#include "storage/entity.h"

namespace dashi::storage {

static_assert(static_cast<int>(EntityKind::kDocument) == 1);
static_assert(static_cast<int>(EntityKind::kLabel) == 2);
static_assert(static_cast<int>(EntityKind::kAnchor) == 3);

std::string_view EntityTableName(EntityKind kind) {
  switch (kind) {
    case EntityKind::kDocument:
      return "documents";
    case EntityKind::kLabel:
      return "labels";
    case EntityKind::kAnchor:
      return "anchors";
  }
  return "unknown";
}

}  // namespace dashi::storage
