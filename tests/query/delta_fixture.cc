#include "tests/query/delta_fixture.h"

#include <algorithm>
#include <ostream>

#include "base/status.h"
#include "tests/query/batch_hits.h"
#include "trainer/label_match.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_steps.h"

namespace dashi::query {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;

namespace {

void Drain(Result<std::unique_ptr<TopKCursor>> cursor, std::size_t k, std::vector<Found>* found) {
  ASSERT_TRUE(cursor.ok()) << cursor.status().ToString();
  TopKHit hit;
  while (found->size() < k) {
    const auto more = cursor.value()->Next(&hit);
    ASSERT_TRUE(more.ok()) << more.status().ToString();
    if (!*more) {
      return;
    }
    found->push_back({hit.row.id, hit.score});
  }
}

/// The labels of the view; those whose text is not the release's are unknown to it.
Result<trainer::LabelMatch> MatchTexts(const storage::View& view, const LabelVectors& of_release) {
  DASHI_ASSIGN_OR_RETURN(trainer::LabelMatch labels,
                         trainer::MatchLabels(view, of_release.ordinals));
  for (std::size_t i = 0; i < labels.ordinals.size(); ++i) {
    DASHI_ASSIGN_OR_RETURN(const auto row, view.GetRow(EntityKind::kLabel, labels.ordinals[i]));
    if (labels.rows[i] != trainer::kNoRankerRow &&
        of_release.text_hashes[labels.rows[i]] != storage::HashText(row->text)) {
      labels.rows[i] = trainer::kNoRankerRow;
    }
  }
  return labels;
}

Result<std::uint32_t> TryMakeTwin(storage::Store& store, ReleaseCache& releases, ThreadPool& pool) {
  DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const auto original, releases.Resolve(*view, "m", 1));
  DASHI_ASSIGN_OR_RETURN(const LabelVectors known, ReadLabelVectors(*view, original->record));
  DASHI_ASSIGN_OR_RETURN(const trainer::LabelMatch labels, MatchTexts(*view, known));
  storage::ReleaseRecord release = original->record;
  release.num_labels = labels.ordinals.size();
  release.index_kind = "exact";
  release.index_file.clear();
  release.sealed_labels = {};
  DASHI_ASSIGN_OR_RETURN(release.snapshot_sequence, view->CommitSequence());
  DASHI_ASSIGN_OR_RETURN(release.job, trainer::NextNumber(store, "job"));
  DASHI_ASSIGN_OR_RETURN(release.embedding_version,
                         trainer::NextNumber(store, "embedding_version"));
  const trainer::TrainingControl control;
  const trainer::ReleaseSteps steps{store, "twin", release.job, pool, control};
  DASHI_ASSIGN_OR_RETURN(const auto embeddings,
                         trainer::WriteEmbeddings(steps, *view, *original->encoder,
                                                  release.embedding_version, labels.ordinals));
  const auto old = original->record.job;
  DASHI_ASSIGN_OR_RETURN(const auto encoder, view->GetWeights(trainer::EncoderWeightsName(old)));
  release.weights = {trainer::EncoderWeightsName(release.job),
                     trainer::ClassifierWeightsName(release.job)};
  DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights[0], encoder));
  DASHI_RETURN_IF_ERROR(store.PutWeights(
      release.weights[1],
      trainer::SerializeClassifier(
          {release.dim, labels.ordinals,
           trainer::MatchedClassifiers(labels, known.classifiers, embeddings.vectors)})));
  if (original->ranker != nullptr) {
    release.weights.push_back(trainer::RankerWeightsName(release.job));
    DASHI_RETURN_IF_ERROR(
        store.PutWeights(release.weights.back(),
                         trainer::SerializeRanker(
                             original->ranker->features(),
                             trainer::SelectRankerRows(original->ranker->weights(), labels.rows))));
  }
  storage::JobRecord job;
  job.id = release.job;
  job.kind = "train";
  job.model = "m";
  DASHI_RETURN_IF_ERROR(trainer::CommitRelease(steps, job, std::nullopt, &release));
  return release.number;
}

}  // namespace

void PrintTo(const Found& found, std::ostream* out) { *out << found.id << '=' << found.score; }

void DeltaFixture::SetUp() { Open(); }

void DeltaFixture::Open(const storage::StoreOptions& options) {
  releases_.reset();
  store_.reset();
  auto store = storage::Store::Open(directory_.path(), options);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  store_ = std::move(store).value();
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
}

void DeltaFixture::AddFirstRelease(const testing::ReleaseShape& shape) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 0; i < kNumLabels; ++i) {
    labels.emplace_back("L" + std::to_string(i),
                        "word" + std::to_string(i) + " group" + std::to_string(i % 7));
  }
  std::vector<testing::TinyDocument> documents;
  for (int i = 0; i < 20; ++i) {
    documents.push_back({"D" + std::to_string(i),
                         "word" + std::to_string(3 * i) + " word" + std::to_string(2 * i + 1),
                         "train",
                         {"L" + std::to_string(i)}});
  }
  testing::AddRows(*store_, labels, documents);
  ASSERT_EQ(testing::AddRelease(*store_, "m", shape), 1U);
}

void DeltaFixture::Insert(storage::Transaction& transaction, EntityKind kind, const std::string& id,
                          const std::string& text) {
  EntityRow row;
  row.id = id;
  row.text = text;
  const auto inserted = transaction.InsertRow(kind, row);
  ASSERT_TRUE(inserted.ok()) << inserted.status().ToString();
}

void DeltaFixture::Update(storage::Transaction& transaction, EntityKind kind, const std::string& id,
                          const std::string& text) {
  const auto ordinal = transaction.FindOrdinal(kind, id).value();
  ASSERT_TRUE(ordinal.has_value()) << id;
  EntityRow row = *transaction.GetRow(kind, *ordinal).value();
  row.text = text;
  ASSERT_TRUE(transaction.UpdateRow(kind, *ordinal, row).ok());
}

void DeltaFixture::Delete(storage::Transaction& transaction, EntityKind kind,
                          const std::string& id) {
  const auto ordinal = transaction.FindOrdinal(kind, id).value();
  ASSERT_TRUE(ordinal.has_value()) << id;
  ASSERT_TRUE(transaction.DeleteRow(kind, *ordinal).ok());
}

void DeltaFixture::InsertLabel(const std::string& id, const std::string& text) {
  const auto transaction = Begin();
  Insert(*transaction, EntityKind::kLabel, id, text);
  ASSERT_TRUE(transaction->Commit().ok());
}

void DeltaFixture::UpdateLabel(const std::string& id, const std::string& text) {
  const auto transaction = Begin();
  Update(*transaction, EntityKind::kLabel, id, text);
  ASSERT_TRUE(transaction->Commit().ok());
}

std::vector<Found> DeltaFixture::TopK(const std::shared_ptr<const storage::View>& view,
                                      std::string_view text, std::size_t k, std::uint32_t release,
                                      bool ranker) {
  TopKOptions options{"m", release, 0, true};
  options.ranker = ranker;
  std::vector<Found> found;
  Drain(OpenTopK(view, *releases_, text, k, options), k, &found);
  return found;
}

std::vector<Found> DeltaFixture::Nearest(const std::shared_ptr<const storage::View>& view,
                                         std::string_view table, std::string_view text,
                                         std::uint32_t release) {
  constexpr std::size_t kAll = 1000;
  std::vector<Found> found;
  Drain(OpenNearest(view, *releases_, table, text, kAll, {"m", release, 0, true}), kAll, &found);
  return found;
}

std::vector<std::vector<Found>> DeltaFixture::Everything(
    const std::shared_ptr<const storage::View>& view, std::uint32_t release) {
  constexpr std::size_t kAll = 1000;
  std::vector<std::vector<Found>> all;
  for (const std::string_view query : kQueries) {
    all.push_back(TopK(view, query, kAll, release));
    all.push_back(TopK(view, query, 5, release, /*ranker=*/false));
    all.push_back(Nearest(view, "labels", query, release));
    all.push_back(Nearest(view, "documents", query, release));
  }
  const auto batch = BatchHits(view, *releases_, kQueries, 30, {"m", release, 0, true});
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  for (std::size_t i = 0; batch.ok() && i < batch->size(); ++i) {
    std::vector<Found>& found = all.emplace_back();
    for (const TopKHit& hit : (*batch)[i]) {
      found.push_back({hit.row.id, hit.score});
    }
  }
  return all;
}

std::uint32_t DeltaFixture::MakeTwin() {
  const auto twin = TryMakeTwin(*store_, *releases_, pool_);
  EXPECT_TRUE(twin.ok()) << twin.status().ToString();
  return twin.ok() ? *twin : 0;
}

}  // namespace dashi::query
