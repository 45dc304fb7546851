#include "trainer/retrieval/voting_documents.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/labelled_documents.h"
#include "trainer/weights_format.h"

namespace dashi::trainer {
namespace {

using storage::Ordinal;

constexpr std::string_view kFormat = "voting-documents-1";

}  // namespace

Result<VotingDocuments> ReadVotingDocuments(const storage::View& view,
                                            const PositiveReading& positives,
                                            std::span<const Ordinal> labels,
                                            const std::function<bool()>& should_stop) {
  DASHI_ASSIGN_OR_RETURN(const PositiveSource source,
                         PositiveSource::Find(view, positives, should_stop));
  VotingDocuments documents;
  const auto add = [&](Ordinal ordinal, const storage::EntityRow& row,
                       const std::vector<storage::RelevanceNeighbour>& relevant) {
    if (!IsTrainingDocument(row)) {
      return Status();
    }
    const std::size_t before = documents.labels.columns.size();
    for (const storage::RelevanceNeighbour& label : relevant) {
      const auto found = std::lower_bound(labels.begin(), labels.end(), label.ordinal);
      if (found != labels.end() && *found == label.ordinal) {
        documents.labels.columns.push_back(static_cast<std::uint32_t>(found - labels.begin()));
      }
    }
    if (documents.labels.columns.size() > before) {
      documents.ordinals.push_back(ordinal);
      documents.labels.offsets.push_back(documents.labels.columns.size());
    }
    return Status();
  };
  DASHI_RETURN_IF_ERROR(source.ForEachDocument(view, should_stop, add));
  return documents;
}

std::string VotesWeightsName(std::uint64_t job) { return fmt::format("job-{}/votes", job); }

std::string SerializeVotingDocuments(const VotingDocuments& documents) {
  SafetensorsWriter writer;
  writer.AddMetadata(std::string(kFormatKey), std::string(kFormat));
  const std::vector<std::uint64_t> offsets = documents.labels.offsets.ToVector();
  const std::vector<std::uint32_t> labels = documents.labels.columns.ToVector();
  writer.Add("ordinals", "U32", {documents.ordinals.size()}, BytesOf(documents.ordinals));
  writer.Add("offsets", "U64", {offsets.size()}, BytesOf(offsets));
  writer.Add("labels", "U32", {labels.size()}, BytesOf(labels));
  return writer.Finish();
}

Result<VotingDocuments> ParseVotingDocuments(std::string_view bytes, std::uint64_t num_labels) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(bytes, kFormat));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_documents, VectorLength(file, "ordinals"));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_pairs, VectorLength(file, "labels"));
  DASHI_ASSIGN_OR_RETURN(const auto ordinal_bytes, file.Get("ordinals", "U32", {num_documents}));
  DASHI_ASSIGN_OR_RETURN(const auto offset_bytes, file.Get("offsets", "U64", {num_documents + 1}));
  DASHI_ASSIGN_OR_RETURN(const auto label_bytes, file.Get("labels", "U32", {num_pairs}));
  auto ordinals = ValuesOf<Ordinal>(ordinal_bytes);
  auto offsets = ValuesOf<std::uint64_t>(offset_bytes);
  auto labels = ValuesOf<std::uint32_t>(label_bytes);
  if (std::adjacent_find(ordinals.begin(), ordinals.end(),
                         [](Ordinal a, Ordinal b) { return !(a < b); }) != ordinals.end()) {
    return Status::Corruption("the documents that vote do not ascend");
  }
  if (offsets.front() != 0 || offsets.back() != num_pairs ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    return Status::Corruption("the offsets of the documents that vote do not fit their labels");
  }
  if (std::any_of(labels.begin(), labels.end(),
                  [&](std::uint32_t label) { return label >= num_labels; })) {
    return Status::Corruption("a label of the documents that vote is out of range");
  }
  VotingDocuments documents;
  documents.ordinals = std::move(ordinals);
  documents.labels.offsets = std::move(offsets);
  documents.labels.columns = std::move(labels);
  return documents;
}

}  // namespace dashi::trainer
