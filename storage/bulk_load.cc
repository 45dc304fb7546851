#include "storage/bulk_load.h"

namespace dashi::storage {

namespace {

Status OtherTable() { return Status::InvalidArgument("the load was begun for another table"); }

}  // namespace

Status BulkLoad::AddRow(const EntityRow& /*row*/) { return OtherTable(); }

Status BulkLoad::AddRelevance(std::string_view /*document*/, std::string_view /*label*/,
                              float /*weight*/) {
  return OtherTable();
}

Status BulkLoad::AddEdge(std::string_view /*source*/, std::string_view /*target*/,
                         const EdgeValues& /*values*/) {
  return OtherTable();
}

Status BulkLoad::AddClick(std::string_view /*source*/, std::string_view /*target*/,
                          const Click& /*click*/) {
  return OtherTable();
}

}  // namespace dashi::storage
