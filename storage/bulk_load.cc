#include "storage/bulk_load.h"

#include "base/status.h"

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

Status BulkLoad::AddEdges(std::span<const NamedEdge> edges, std::size_t* num_added) {
  for (*num_added = 0; *num_added < edges.size(); ++*num_added) {
    const NamedEdge& edge = edges[*num_added];
    DASHI_RETURN_IF_ERROR(AddEdge(edge.source, edge.target, edge.values));
  }
  return Status::Ok();
}

Status BulkLoad::AddClick(std::string_view /*source*/, std::string_view /*target*/,
                          const Click& /*click*/) {
  return OtherTable();
}

}  // namespace dashi::storage
