#include "trainer/release_export.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status.h"
#include "trainer/model_folder.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/release_artifacts.h"
#include "trainer/transformer/transformer_artifact.h"

namespace dashi::trainer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLabelsAtOnce = 4096;

Status CheckTarget(const fs::path& target, const std::string& database) {
  std::error_code error;
  const fs::path inside_of = fs::weakly_canonical(fs::absolute(database), error);
  for (fs::path place = fs::weakly_canonical(target, error); place != place.parent_path();
       place = place.parent_path()) {
    if (place == inside_of) {
      return Status::InvalidArgument("the folder lies inside the database: " + target.string());
    }
  }
  if (!fs::exists(fs::symlink_status(target, error))) {
    return fs::is_directory(target.parent_path(), error)
               ? Status()
               : Status::NotFound("there is no such folder: " + target.parent_path().string())
                     .WithSqlState("58P01");
  }
  if (!fs::is_directory(target, error) || !fs::is_empty(target, error)) {
    return Status::AlreadyExists("the folder exists and is not empty: " + target.string())
        .WithSqlState("58P02")
        .WithHint("Name a folder that does not exist.");
  }
  return Status();
}

/// Ids of the release's labels that are still there, their classifiers and their rows.
struct LabelPart {
  std::vector<std::string> ids;
  std::vector<std::uint16_t> classifiers;
  std::vector<std::uint32_t> rows;
};

Result<LabelPart> ReadLabels(const storage::View& view, const ClassifierWeights& classifier) {
  LabelPart part;
  const std::span<const storage::Ordinal> ordinals(classifier.ordinals);
  for (std::size_t begin = 0; begin < ordinals.size(); begin += kLabelsAtOnce) {
    const auto chunk = ordinals.subspan(begin, std::min(kLabelsAtOnce, ordinals.size() - begin));
    DASHI_ASSIGN_OR_RETURN(const auto rows, view.GetRows(storage::EntityKind::kLabel, chunk));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!rows[i]) {
        continue;
      }
      const std::size_t row = begin + i;
      const auto vector =
          classifier.vectors.begin() + static_cast<std::ptrdiff_t>(row * classifier.dim);
      part.ids.push_back(rows[i]->id);
      part.classifiers.insert(part.classifiers.end(), vector, vector + classifier.dim);
      part.rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  return part;
}

Result<FolderRelease> ReadRelease(const storage::View& view, const storage::ReleaseRecord& record,
                                  const std::string& algorithm) {
  FolderRelease release;
  release.algorithm = algorithm;
  release.record = record;
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(ClassifierWeightsName(record.job)));
  DASHI_ASSIGN_OR_RETURN(const ClassifierWeights classifier, ParseClassifier(bytes));
  if (classifier.dim != record.dim) {
    return Status::Corruption(
        fmt::format("classifier dim mismatch: got {}, want {}", classifier.dim, record.dim));
  }
  DASHI_ASSIGN_OR_RETURN(LabelPart labels, ReadLabels(view, classifier));
  release.label_ids = std::move(labels.ids);
  release.classifiers = std::move(labels.classifiers);
  if (record.fusion_ranker > 0) {
    DASHI_ASSIGN_OR_RETURN(const std::string ranker_bytes,
                           view.GetWeights(RankerWeightsName(record.job)));
    DASHI_ASSIGN_OR_RETURN(const auto ranker, ParseRanker(ranker_bytes));
    if (ranker->weights().num_labels() != classifier.ordinals.size()) {
      return Status::Corruption("the ranker and the classifiers do not belong together");
    }
    release.ranker =
        SerializeRanker(ranker->features(), SelectRankerRows(ranker->weights(), labels.rows));
  }
  return release;
}

Result<ModelFolder> ReadModel(const storage::View& view, const storage::ReleaseRecord& record,
                              const std::string& algorithm) {
  ModelFolder model;
  DASHI_ASSIGN_OR_RETURN(std::string bytes, view.GetWeights(EncoderWeightsName(record.job)));
  if (IsTransformerArtifact(bytes)) {
    DASHI_ASSIGN_OR_RETURN(model.transformer,
                           ParseTransformer(std::make_shared<const std::string>(std::move(bytes))));
  } else {
    model.bag = std::move(bytes);
  }
  DASHI_ASSIGN_OR_RETURN(model.release, ReadRelease(view, record, algorithm));
  return model;
}

/// Writes under another name, then renames. Folders of the files are synced by then.
Status WriteWhole(const ModelFolder& model, const fs::path& target) {
  const std::string partial = fmt::format("{}.dashi-partial-{}", target.string(), getpid());
  std::error_code error;
  fs::remove_all(partial, error);
  Status written = WriteModelFolder(model, partial);
  if (written.ok()) {
    written = SyncFolder(partial);
  }
  if (written.ok()) {
    written = RenameFile(partial, target.string());
  }
  if (!written.ok()) {
    fs::remove_all(partial, error);
    return written;
  }
  return SyncFolder(target.parent_path().string());
}

}  // namespace

Status ExportRelease(const storage::View& view, const storage::ReleaseRecord& release,
                     const std::string& algorithm, const std::string& path,
                     const std::string& database) {
  if (path.empty()) {
    return Status::InvalidArgument("the name of the folder is empty");
  }
  std::error_code error;
  fs::path target = fs::absolute(path, error).lexically_normal();
  if (!target.has_filename()) {
    target = target.parent_path();  // "dir/" is "dir".
  }
  DASHI_RETURN_IF_ERROR(CheckTarget(target, database));
  DASHI_ASSIGN_OR_RETURN(const ModelFolder model, ReadModel(view, release, algorithm));
  return WriteWhole(model, target);
}

}  // namespace dashi::trainer
