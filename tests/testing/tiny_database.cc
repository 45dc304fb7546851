#include "tests/testing/tiny_database.h"

#include <filesystem>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "index/label_fusion.h"
#include "index/segment/segment_index.h"
#include "index/vector_kernels.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/labelled_documents.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_index.h"
#include "trainer/release_segment.h"
#include "trainer/release_steps.h"

namespace dashi::testing {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;

std::vector<float> RandomValues(std::size_t size, float scale, Random& random) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = scale * static_cast<float>(random.Normal());
  }
  return values;
}

trainer::BagWeights RandomWeights(std::uint32_t vocabulary_size, const ReleaseShape& shape) {
  Random random(shape.seed);
  trainer::BagWeights weights;
  weights.vocabulary_size = vocabulary_size;
  weights.dim = shape.dim;
  weights.hidden = shape.hidden;
  const std::vector<float> embeddings =
      RandomValues(std::size_t{vocabulary_size} * shape.dim, 1.0F, random);
  weights.embeddings.resize(embeddings.size());
  index::ToHalf(embeddings.data(), weights.embeddings.data(), embeddings.size());
  weights.w1 = RandomValues(std::size_t{shape.hidden} * shape.dim, 0.02F, random);
  weights.b = RandomValues(shape.hidden, 0.02F, random);
  weights.w2 = RandomValues(std::size_t{shape.hidden} * shape.dim, 0.02F, random);
  return weights;
}

/// Encodes every row of a kind into the embedding version; appends ordinals and vectors.
Status EmbedRows(const storage::View& view, EntityKind kind, const trainer::Encoder& encoder,
                 storage::EmbeddingWriter& writer, trainer::ClassifierWeights* rows,
                 std::vector<std::uint64_t>* text_hashes) {
  return trainer::ForEachRow(view, kind, {}, [&](Ordinal ordinal, const EntityRow& row) -> Status {
    std::vector<float> vector(encoder.dim());
    std::vector<std::uint16_t> half(encoder.dim());
    DASHI_RETURN_IF_ERROR(encoder.Encode(row.text, vector));
    index::ToHalf(vector.data(), half.data(), half.size());
    rows->ordinals.push_back(ordinal);
    rows->vectors.insert(rows->vectors.end(), half.begin(), half.end());
    text_hashes->push_back(storage::HashText(row.text));
    return writer.Add(kind, ordinal, text_hashes->back(), half);
  });
}

Status TryAddRows(storage::Store& store,
                  const std::vector<std::pair<std::string, std::string>>& labels,
                  const std::vector<TinyDocument>& documents) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  for (const auto& [id, text] : labels) {
    EntityRow row;
    row.id = id;
    row.text = text;
    DASHI_RETURN_IF_ERROR(transaction->InsertRow(EntityKind::kLabel, row).status());
  }
  for (const TinyDocument& document : documents) {
    EntityRow row;
    row.id = document.id;
    row.text = document.text;
    if (!document.split.empty()) {
      row.split = document.split;
    }
    DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal,
                           transaction->InsertRow(EntityKind::kDocument, row));
    for (const std::string& label : document.labels) {
      DASHI_ASSIGN_OR_RETURN(const auto found, transaction->FindOrdinal(EntityKind::kLabel, label));
      DASHI_CHECK(found.has_value());
      DASHI_RETURN_IF_ERROR(transaction->PutRelevance(ordinal, *found, 1.0F).status());
    }
  }
  return transaction->Commit();
}

/// Every label gives every feature of its own text a random weight.
Result<std::string> RandomRanker(const storage::View& view, const ReleaseShape& shape) {
  trainer::BagTokenizer::Learner words({/*document_frequency_min=*/1});
  trainer::RankerFeatures::Learner pairs;
  std::vector<std::string> texts;
  DASHI_RETURN_IF_ERROR(
      trainer::ForEachRow(view, EntityKind::kLabel, {}, [&](Ordinal, const EntityRow& row) {
        words.AddText(row.text);
        pairs.AddText(row.text);
        texts.push_back(row.text);
        return Status::Ok();
      }));
  if (!shape.ranker_word.empty()) {
    words.AddText(shape.ranker_word);
    texts.at(0) += " " + shape.ranker_word;
  }
  const trainer::RankerFeatures features(words.Build(), pairs.BucketIdf());
  Random random(shape.seed);
  trainer::SparseRankerWeights weights;
  weights.word_candidates = 100;
  for (const std::string& text : texts) {
    for (const std::uint32_t feature : features.Extract(text).ids) {
      const auto value = static_cast<float>(random.Normal());
      weights.features.push_back(feature);
      weights.weights.push_back(0);
      index::ToHalf(&value, &weights.weights.back(), 1);
    }
    weights.offsets.push_back(weights.features.size());
    weights.biases.push_back(static_cast<float>(random.Normal()));
  }
  return trainer::SerializeRanker(features, weights);
}

Status WriteGraph(storage::Store& store, const ReleaseShape& shape,
                  const trainer::ClassifierWeights& labels,
                  std::span<const std::uint64_t> text_hashes,
                  const storage::ReleaseRecord& release) {
  const std::vector<std::uint16_t> vectors =
      index::FoldVectors(labels.vectors, labels.vectors, shape.dim, 0.5F, 0.5F);
  index::HnswOptions options;
  options.ef_search = shape.ef_search;
  return index::BuildSegment(store.index_directory() + "/" + release.index_file,
                             {vectors.data(), labels.ordinals.size(), shape.dim},
                             trainer::SegmentRowsOf(release, labels.ordinals, text_hashes), options,
                             {}, store.file_gate());
}

Result<storage::ReleaseRecord> WriteArtifacts(storage::Store& store, const ReleaseShape& shape) {
  DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
  trainer::BagTokenizer::Learner learner({/*document_frequency_min=*/1});
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    DASHI_RETURN_IF_ERROR(trainer::ForEachRow(*view, kind, {}, [&](Ordinal, const EntityRow& row) {
      learner.AddText(row.text);
      return Status::Ok();
    }));
  }
  const auto tokenizer = learner.Build();
  const std::string encoder_bytes =
      trainer::SerializeBagEncoder(*tokenizer, RandomWeights(tokenizer->vocabulary_size(), shape));
  DASHI_ASSIGN_OR_RETURN(const auto encoder, trainer::ParseBagEncoder(encoder_bytes));

  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  storage::ReleaseRecord release;
  release.dim = shape.dim;
  release.seed = shape.seed;
  DASHI_ASSIGN_OR_RETURN(release.snapshot_sequence, view->CommitSequence());
  release.fusion_encoder = 0.5;
  release.fusion_classifier = 0.5;
  release.index_kind = shape.hnsw ? "hnsw" : "exact";
  DASHI_ASSIGN_OR_RETURN(release.job, transaction->NextId("job"));
  DASHI_ASSIGN_OR_RETURN(release.embedding_version, transaction->NextId("embedding_version"));
  DASHI_RETURN_IF_ERROR(transaction->Commit());

  DASHI_ASSIGN_OR_RETURN(const auto writer,
                         store.NewEmbeddingVersion(release.embedding_version, shape.dim));
  trainer::ClassifierWeights documents{shape.dim, {}, {}};
  trainer::ClassifierWeights labels{shape.dim, {}, {}};
  std::vector<std::uint64_t> document_hashes;
  std::vector<std::uint64_t> label_hashes;
  DASHI_RETURN_IF_ERROR(
      EmbedRows(*view, EntityKind::kDocument, *encoder, *writer, &documents, &document_hashes));
  DASHI_RETURN_IF_ERROR(
      EmbedRows(*view, EntityKind::kLabel, *encoder, *writer, &labels, &label_hashes));
  DASHI_RETURN_IF_ERROR(writer->Finish());
  release.weights = {trainer::EncoderWeightsName(release.job),
                     trainer::ClassifierWeightsName(release.job)};
  DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights[0], encoder_bytes));
  DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights[1], SerializeClassifier(labels)));
  if (shape.ranker > 0) {
    release.fusion_ranker = shape.ranker;
    release.weights.push_back(trainer::RankerWeightsName(release.job));
    DASHI_ASSIGN_OR_RETURN(const std::string ranker, RandomRanker(*view, shape));
    DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights.back(), ranker));
  }
  release.num_labels = labels.ordinals.size();
  if (shape.votes > 0) {
    release.fusion_votes = shape.votes;
    ThreadPool pool(1);
    const trainer::TrainingControl control;
    const trainer::ReleaseSteps steps{store, "test", release.job, pool, control};
    DASHI_RETURN_IF_ERROR(trainer::WriteVotes(steps, {shape.hnsw ? "hnsw" : "exact", shape.seed, 1},
                                              *view, trainer::PositiveReading(), labels.ordinals,
                                              &release));
  }
  if (shape.hnsw) {
    release.index_file = "job-" + std::to_string(release.job) + ".segment";
    DASHI_RETURN_IF_ERROR(WriteGraph(store, shape, labels, label_hashes, release));
  }
  return release;
}

Result<std::uint32_t> TryAddRelease(storage::Store& store, const std::string& name,
                                    const ReleaseShape& shape) {
  DASHI_ASSIGN_OR_RETURN(storage::ReleaseRecord release, WriteArtifacts(store, shape));
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(const auto existing, transaction->GetModel(name));
  storage::ModelRecord model = existing.value_or(storage::ModelRecord());
  model.name = name;
  model.algorithm = "ngame";
  release.model = name;
  release.number = model.next_release++;
  DASHI_RETURN_IF_ERROR(transaction->PutModel(model));
  DASHI_RETURN_IF_ERROR(transaction->PutRelease(release));
  DASHI_RETURN_IF_ERROR(transaction->Commit());
  return release.number;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = ::testing::TempDir() + "/dashi-XXXXXX";
  DASHI_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::unique_ptr<storage::Store> OpenStore(const std::string& directory) {
  auto store = storage::Store::Open(directory, {});
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  return store.ok() ? std::move(store).value() : nullptr;
}

void AddRows(storage::Store& store, const std::vector<std::pair<std::string, std::string>>& labels,
             const std::vector<TinyDocument>& documents) {
  const Status status = TryAddRows(store, labels, documents);
  ASSERT_TRUE(status.ok()) << status.ToString();
}

std::uint32_t AddRelease(storage::Store& store, const std::string& model,
                         const ReleaseShape& shape) {
  const auto number = TryAddRelease(store, model, shape);
  EXPECT_TRUE(number.ok()) << number.status().ToString();
  return number.ok() ? number.value() : 0;
}

}  // namespace dashi::testing
