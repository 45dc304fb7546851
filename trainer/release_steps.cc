#include "trainer/release_steps.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::View;

constexpr std::size_t kEncodeBatchRows = 256;

/// Encodes rows in batches and writes them to an embedding version in order.
class RowEmbedder {
 public:
  RowEmbedder(const ReleaseSteps& steps, const Encoder& encoder, storage::EmbeddingWriter& writer,
              EntityKind kind)
      : steps_(steps), encoder_(encoder), writer_(writer), kind_(kind) {}

  /// Embeds all rows of the kind. Appends what becomes of `keep` (ascending) to `kept`.
  Status Run(const View& view, std::span<const Ordinal> keep, EmbeddingRows* kept) {
    keep_ = keep;
    kept_ = kept;
    const auto cursor = view.ScanRows(kind_);
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t total, view.EstimateRows(kind_));
    for (std::uint64_t done = 0;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
      if (more) {
        ordinals_.push_back(cursor->ordinal());
        texts_.push_back(cursor->row().text);
        ++done;
      }
      if (texts_.size() == kEncodeBatchRows || !more) {
        DASHI_RETURN_IF_ERROR(steps_.CheckStop());
        DASHI_RETURN_IF_ERROR(Flush());
        steps_.Report("embedding " + std::string(storage::EntityTableName(kind_)), done, total,
                      "rows");
      }
      if (!more) {
        return Status::Ok();
      }
    }
  }

 private:
  Status Flush() {
    const std::size_t dim = encoder_.dim();
    const std::vector<std::string_view> views(texts_.begin(), texts_.end());
    floats_.resize(views.size() * dim);
    halves_.resize(views.size() * dim);
    DASHI_RETURN_IF_ERROR(encoder_.EncodeBatch(views, floats_, steps_.pool));
    index::ToHalf(floats_.data(), halves_.data(), halves_.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const std::span<const std::uint16_t> vector(halves_.data() + i * dim, dim);
      const std::uint64_t text_hash = storage::HashText(texts_[i]);
      DASHI_RETURN_IF_ERROR(writer_.Add(kind_, ordinals_[i], text_hash, vector));
      if (!keep_.empty() && keep_.front() == ordinals_[i]) {
        kept_->ordinals.push_back(ordinals_[i]);
        kept_->text_hashes.push_back(text_hash);
        kept_->vectors.insert(kept_->vectors.end(), vector.begin(), vector.end());
        keep_ = keep_.subspan(1);
      }
    }
    ordinals_.clear();
    texts_.clear();
    return Status::Ok();
  }

  const ReleaseSteps& steps_;
  const Encoder& encoder_;
  storage::EmbeddingWriter& writer_;
  EntityKind kind_;
  std::span<const Ordinal> keep_;
  EmbeddingRows* kept_ = nullptr;
  std::vector<Ordinal> ordinals_;
  std::vector<std::string> texts_;
  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;
};

}  // namespace

Status ReleaseSteps::CheckStop() const {
  if (control.should_stop && control.should_stop()) {
    return Status::Cancelled(operation + " was cancelled");
  }
  return Status::Ok();
}

void ReleaseSteps::Report(std::string_view phase, std::uint64_t done, std::uint64_t total,
                          std::string_view unit) const {
  if (control.on_progress) {
    Progress progress;
    progress.operation = operation;
    progress.phase = phase;
    progress.done = done;
    progress.total = total;
    progress.unit = unit;
    control.on_progress(progress);
  }
}

Result<std::uint64_t> NextNumber(storage::Store& store, std::string_view counter) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t number, transaction->NextId(counter));
  DASHI_RETURN_IF_ERROR(transaction->Commit());
  return number;
}

Result<EmbeddingRows> WriteEmbeddings(const ReleaseSteps& steps, const View& view,
                                      const Encoder& encoder, std::uint64_t embedding_version,
                                      std::span<const Ordinal> labels) {
  DASHI_ASSIGN_OR_RETURN(
      auto writer, steps.store.NewEmbeddingVersion(embedding_version,
                                                   static_cast<std::uint32_t>(encoder.dim())));
  EmbeddingRows kept;
  kept.ordinals.reserve(labels.size());
  kept.text_hashes.reserve(labels.size());
  kept.vectors.reserve(labels.size() * encoder.dim());
  RowEmbedder documents(steps, encoder, *writer, EntityKind::kDocument);
  DASHI_RETURN_IF_ERROR(documents.Run(view, {}, &kept));
  RowEmbedder label_rows(steps, encoder, *writer, EntityKind::kLabel);
  DASHI_RETURN_IF_ERROR(label_rows.Run(view, labels, &kept));
  DASHI_RETURN_IF_ERROR(writer->Finish());
  return kept;
}

Status CommitRelease(const ReleaseSteps& steps, storage::JobRecord finished,
                     const std::optional<storage::ModelRecord>& new_model, ReleaseRecord* release) {
  constexpr int kAttemptsMax = 20;
  for (int attempt = 1;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, steps.store.Begin());
    DASHI_ASSIGN_OR_RETURN(auto model, transaction->GetModel(release->model));
    if (!model && new_model) {
      model = new_model;
    }
    if (!model) {
      return Status::NotFound("the model was dropped meanwhile: " + release->model);
    }
    release->number = model->next_release++;
    release->created_at_micros = Clock::System().NowMicros();
    finished.state = storage::JobState::kSucceeded;
    finished.phase = "done";
    finished.done = finished.total = release->num_documents;
    finished.result = fmt::format("{}@{}", release->model, release->number);
    finished.finished_at_micros = release->created_at_micros;
    DASHI_RETURN_IF_ERROR(transaction->PutModel(*model));
    DASHI_RETURN_IF_ERROR(transaction->PutRelease(*release));
    DASHI_RETURN_IF_ERROR(transaction->PutJob(finished));
    Status committed = transaction->Commit();
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
}

}  // namespace dashi::trainer
