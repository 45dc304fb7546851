#include "sql/user_schemas.h"

#include "base/status.h"

namespace dashi::sql {

namespace {

using Shared = std::shared_ptr<const storage::SchemaRecord>;

bool Same(const Shared& a, const Shared& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

}  // namespace

Result<UserSchemas> UserSchemas::Read(const storage::View& view) {
  UserSchemas schemas;
  DASHI_ASSIGN_OR_RETURN(schemas.documents, view.GetSchema(storage::EntityKind::kDocument));
  DASHI_ASSIGN_OR_RETURN(schemas.labels, view.GetSchema(storage::EntityKind::kLabel));
  return schemas;
}

const storage::SchemaRecord* UserSchemas::Of(storage::EntityKind kind) const {
  switch (kind) {
    case storage::EntityKind::kDocument:
      return documents.get();
    case storage::EntityKind::kLabel:
      return labels.get();
    case storage::EntityKind::kAnchor:
      break;
  }
  return nullptr;
}

bool UserSchemas::SameAs(const UserSchemas& other) const {
  return Same(documents, other.documents) && Same(labels, other.labels);
}

}  // namespace dashi::sql
