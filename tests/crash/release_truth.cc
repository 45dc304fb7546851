#include "tests/crash/release_truth.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "base/status.h"
#include "index/segment/mapped_segment.h"
#include "index/vector_kernels.h"
#include "query/release_cache.h"
#include "storage/release_retention.h"
#include "storage/store.h"
#include "trainer/release_artifacts.h"

namespace dashi::crash {

namespace {

using storage::EntityKind;
using storage::ReleaseRecord;

constexpr std::uint64_t kReaderMemoryBytes = std::uint64_t{16} << 20;

float Product(const float* a, const float* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return static_cast<float>(sum);
}

Result<std::unique_ptr<storage::Store>> OpenReader(const std::string& directory) {
  storage::StoreOptions options;
  options.create_if_missing = false;
  options.read_only = true;
  options.memory_bytes_max = kReaderMemoryBytes;
  return storage::Store::Open(directory, options);
}

}  // namespace

Result<std::shared_ptr<const ReleaseTruth>> ReleaseTruth::Load(
    const storage::View& view, const ReleaseRecord& release, std::span<const std::string> queries) {
  auto truth = std::make_shared<ReleaseTruth>();
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(trainer::EncoderWeightsName(release.job)));
  DASHI_ASSIGN_OR_RETURN(truth->encoder_, trainer::ParseBagEncoder(bytes));
  truth->dim_ = release.dim;
  truth->new_label_scale_ = static_cast<float>(release.fusion_encoder + release.fusion_classifier);
  DASHI_ASSIGN_OR_RETURN(query::IndexedRows labels, query::ReadFoldedLabels(view, release));
  DASHI_ASSIGN_OR_RETURN(const auto rows, view.GetRows(EntityKind::kLabel, labels.ordinals));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i]) {
      truth->positions_[rows[i]->id] = i;
    }
  }
  truth->text_hashes_ = std::move(labels.text_hashes);
  truth->labels_.resize(labels.vectors.size());
  index::FromHalf(labels.vectors.data(), truth->labels_.data(), labels.vectors.size());
  truth->queries_.resize(queries.size() * truth->dim_);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    DASHI_RETURN_IF_ERROR(truth->encoder_->Encode(
        queries[i], std::span(truth->queries_).subspan(i * truth->dim_, truth->dim_)));
  }
  return std::shared_ptr<const ReleaseTruth>(std::move(truth));
}

Result<float> ReleaseTruth::Score(std::size_t query, const std::string& label,
                                  std::string_view text) const {
  const float* const asked = queries_.data() + query * dim_;
  const auto found = positions_.find(label);
  if (found != positions_.end() && text_hashes_[found->second] == storage::HashText(text)) {
    return Product(asked, labels_.data() + found->second * dim_, dim_);
  }
  std::vector<float> vector(dim_);
  std::vector<std::uint16_t> half(dim_);
  DASHI_RETURN_IF_ERROR(encoder_->Encode(text, vector));
  index::ToHalf(vector.data(), half.data(), dim_);
  index::FromHalf(half.data(), vector.data(), dim_);
  return new_label_scale_ * Product(asked, vector.data(), dim_);
}

std::optional<float> ReleaseTruth::OwnScore(std::size_t query, const std::string& label) const {
  const auto found = positions_.find(label);
  if (found == positions_.end()) {
    return std::nullopt;
  }
  return Product(queries_.data() + query * dim_, labels_.data() + found->second * dim_, dim_);
}

bool ReleaseTruth::Knows(std::size_t query) const {
  const auto begin = queries_.begin() + static_cast<std::ptrdiff_t>(query * dim_);
  return std::any_of(begin, begin + static_cast<std::ptrdiff_t>(dim_),
                     [](float value) { return value != 0; });
}

Status TruthBook::Refresh() {
  DASHI_ASSIGN_OR_RETURN(const auto reader, OpenReader(directory_));
  DASHI_ASSIGN_OR_RETURN(const auto view, reader->NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, view->ListReleases());
  for (const ReleaseRecord& release : releases) {
    const std::string name = storage::ReleaseName(release.model, release.number);
    if (Find(name) != nullptr) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(auto truth, ReleaseTruth::Load(*view, release, queries_));
    DASHI_ASSIGN_OR_RETURN(
        const auto segment,
        index::MappedSegment::Open(reader->index_directory() + "/" + release.index_file));
    MutexLock lock(mutex_);
    truths_[name] = std::move(truth);
    num_relinked_ += segment->header().generation > 0 ? 1 : 0;
  }
  return Status::Ok();
}

std::uint64_t TruthBook::num_relinked() const {
  MutexLock lock(mutex_);
  return num_relinked_;
}

std::shared_ptr<const ReleaseTruth> TruthBook::Find(const std::string& release) const {
  MutexLock lock(mutex_);
  const auto found = truths_.find(release);
  return found == truths_.end() ? nullptr : found->second;
}

void TextHistory::Note(const std::string& label, std::string text) {
  MutexLock lock(mutex_);
  std::vector<std::string>& texts = texts_[label];
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
    texts.push_back(std::move(text));
  }
}

std::vector<std::string> TextHistory::TextsOf(const std::string& label) const {
  MutexLock lock(mutex_);
  const auto found = texts_.find(label);
  return found == texts_.end() ? std::vector<std::string>() : found->second;
}

Result<std::vector<std::string>> FindGarbage(const std::string& directory) {
  DASHI_ASSIGN_OR_RETURN(const auto reader, OpenReader(directory));
  DASHI_ASSIGN_OR_RETURN(const auto view, reader->NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ModelRecord> models, view->ListModels());
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, view->ListReleases());
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::JobRecord> jobs, view->ListJobs());
  std::vector<std::string> garbage;
  for (const storage::ModelRecord& model : models) {
    for (const std::uint32_t number : storage::GarbageReleases(model, releases)) {
      const std::string name = storage::ReleaseName(model.name, number);
      if (!storage::JobStartingFrom(jobs, name)) {
        garbage.push_back("nobody keeps " + name);
      }
    }
  }
  std::set<std::string> named;
  for (const ReleaseRecord& release : releases) {
    for (const std::string& file : release.IndexFiles()) {
      named.insert(file);
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(reader->index_directory())) {
    if (named.erase(entry.path().filename().string()) == 0) {
      garbage.push_back("no release names the file " + entry.path().filename().string());
    }
  }
  for (const std::string& file : named) {
    garbage.push_back("a file of a release is missing: " + file);
  }
  return garbage;
}

}  // namespace dashi::crash
