#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/database_directory.h"
#include "storage/rocksdb_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};

// Checks the records of `meta` one by one. Keys that it does not know belong to newer minor
// formats, and are passed over.
class MetaCheck {
 public:
  explicit MetaCheck(CheckRun* run) : run_(run) {}

  Status Run() {
    bool complete = false;
    DASHI_RETURN_IF_ERROR(run_->Walk(Family::kMeta, "meta", "", &complete,
                                     [this](std::string_view key, std::string_view value) {
                                       Visit(key, value);
                                       return Status::Ok();
                                     }));
    if (!has_format_) {
      run_->Report("meta", "the format record is missing", FormatKey());
    }
    for (const EntityKind kind : kKinds) {
      run_->findings().rows[static_cast<std::size_t>(kind) - 1] =
          OrdinalSet(next_ordinals_[static_cast<std::size_t>(kind) - 1]);
    }
    CheckReferences();
    return Status::Ok();
  }

 private:
  void Undecodable(std::string_view what) {
    run_->Report("meta", "a record cannot be decoded", std::string(what));
  }

  void Visit(std::string_view key, std::string_view value) {
    if (key == FormatKey()) {
      FormatVersion version;
      has_format_ = true;
      if (!DecodeFormat(value, &version)) {
        Undecodable(key);
      }
    } else if (key == CommitSequenceKey()) {
      VisitCounter(key, value, &run_->findings().commit_sequence);
    } else if (key.starts_with("next_ordinal/")) {
      for (const EntityKind kind : kKinds) {
        if (key == OrdinalCounterKey(kind)) {
          VisitCounter(key, value, &next_ordinals_[static_cast<std::size_t>(kind) - 1]);
        }
      }
    } else if (key.starts_with("schema/")) {
      for (const EntityKind kind : kKinds) {
        SchemaRecord& schema = run_->findings().schemas[static_cast<std::size_t>(kind) - 1];
        if (key == SchemaKey(kind) && !DecodeSchema(value, &schema)) {
          Undecodable(key);
        }
      }
    } else if (key.starts_with(CounterKey(""))) {
      std::uint64_t counter = 0;
      VisitCounter(key, value, &counter);
    } else if (key.starts_with(ModelPrefix())) {
      VisitModel(key, value);
    } else if (key.starts_with(ReleasePrefix())) {
      VisitRelease(key, value);
    } else if (key.starts_with(WeightsIntentPrefix())) {
      VisitIntent(key, value);
    } else if (key.starts_with(WeightsRecordPrefix())) {
      VisitWeights(key, value);
    } else if (key.starts_with(EmbeddingRecordPrefix())) {
      VisitEmbedding(key, value);
    } else if (key.starts_with(SettingKey(""))) {
      std::string setting;
      if (!DecodeSetting(value, &setting)) {
        Undecodable(key);
      }
    } else if (key == PendingLoadKey() && run_->state().options.read_only) {
      run_->Report("meta", "a load is not finished", "open the database for writing once");
    }
  }

  void VisitCounter(std::string_view key, std::string_view value, std::uint64_t* counter) {
    if (!DecodeCounter(value, counter)) {
      Undecodable(key);
    }
  }

  void VisitModel(std::string_view key, std::string_view value) {
    ModelRecord model;
    if (!DecodeModel(value, &model) || key != ModelKey(model.name)) {
      Undecodable(key);
      unreadable_models_ = true;
      return;
    }
    models_.push_back(std::move(model));
  }

  void VisitRelease(std::string_view key, std::string_view value) {
    ReleaseRecord release;
    if (!DecodeRelease(value, &release) || key != ReleaseKey(release.model, release.number)) {
      Undecodable(
          fmt::format("release of {}",
                      key.substr(ReleasePrefix().size(), key.find('\0') - ReleasePrefix().size())));
      return;
    }
    run_->findings().releases.push_back(std::move(release));
  }

  void VisitIntent(std::string_view key, std::string_view value) {
    std::uint64_t generation = 0;
    std::uint64_t size = 0;
    if (!ParseWeightsIntentKey(key, &generation) || !DecodeCounter(value, &size)) {
      Undecodable("weights intent");
      return;
    }
    run_->findings().weights_intents[generation] = size;
  }

  void VisitWeights(std::string_view key, std::string_view value) {
    WeightsRecord record;
    if (!DecodeWeightsRecord(value, &record)) {
      Undecodable(key);
      return;
    }
    run_->findings().weights[std::string(key.substr(WeightsRecordPrefix().size()))] = record;
  }

  void VisitEmbedding(std::string_view key, std::string_view value) {
    EmbeddingRecord record;
    if (!DecodeEmbeddingRecord(value, &record) || key != EmbeddingRecordKey(record.version)) {
      Undecodable("embedding version");
      return;
    }
    run_->findings().embeddings[record.version] = record;
  }

  void CheckReferences() {
    CheckFindings& findings = run_->findings();
    for (const ReleaseRecord& release : findings.releases) {
      const std::string name = fmt::format("{}@{}", release.model, release.number);
      findings.used_weights.insert(release.weights.begin(), release.weights.end());
      for (const std::string& weights : release.weights) {
        if (!findings.weights.contains(weights)) {
          run_->Report("releases", "the weights of a release are missing",
                       fmt::format("{}: {}", name, weights));
        }
      }
      for (const std::uint64_t version : release.EmbeddingVersions()) {
        if (!findings.embeddings.contains(version)) {
          run_->Report("releases", "the embeddings of a release are missing",
                       fmt::format("{}: version {}", name, version));
        }
      }
      if (!unreadable_models_ && !HasModel(release.model)) {
        run_->Report("releases", "the model of a release is missing", name);
      }
    }
    for (const ModelRecord& model : models_) {
      findings.used_weights.insert(model.start_weights);
      if (!model.start_weights.empty() && !findings.weights.contains(model.start_weights)) {
        run_->Report("models", "the weights that a model starts from are missing",
                     fmt::format("{}: {}", model.name, model.start_weights));
      }
      // Those that are missing are made anew by the next training.
      findings.used_weights.insert(model.tokens.begin(), model.tokens.end());
    }
    for (const ModelRecord& model : models_) {
      CheckPublished(model);
    }
  }

  bool HasModel(const std::string& name) const {
    return std::any_of(models_.begin(), models_.end(),
                       [&](const ModelRecord& model) { return model.name == name; });
  }

  void CheckPublished(const ModelRecord& model) {
    for (const std::uint32_t number : model.published) {
      const auto& releases = run_->findings().releases;
      const bool exists =
          std::any_of(releases.begin(), releases.end(), [&](const ReleaseRecord& release) {
            return release.model == model.name && release.number == number;
          });
      if (!exists) {
        run_->Report("models", "a published release is missing",
                     fmt::format("{}@{}", model.name, number));
      }
    }
  }

  CheckRun* run_;
  bool has_format_ = false;
  bool unreadable_models_ = false;
  std::array<std::uint64_t, 3> next_ordinals_{};
  std::vector<ModelRecord> models_;
};

}  // namespace

Status CheckMeta(CheckRun* run) { return MetaCheck(run).Run(); }

}  // namespace dashi::storage
