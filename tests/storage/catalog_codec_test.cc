#include "storage/catalog_codec.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

TEST(CatalogCodecTest, ModelsComeBack) {
  const ModelRecord model{"ads \xC3\xA9",
                          "ngame",
                          {{"dim", "300"}, {"encoder", "bag"}},
                          17,
                          4,
                          {1, 3},
                          "start-1/encoder",
                          {"tokens-1/labels"},
                          7,
                          {2, 4},
                          true};
  ModelRecord read;
  ASSERT_TRUE(DecodeModel(EncodeModel(model), &read));
  EXPECT_EQ(read.name, model.name);
  EXPECT_EQ(read.algorithm, model.algorithm);
  EXPECT_EQ(read.options, model.options);
  EXPECT_EQ(read.created_at_micros, model.created_at_micros);
  EXPECT_EQ(read.next_release, model.next_release);
  EXPECT_EQ(read.published, model.published);
  EXPECT_EQ(read.start_weights, model.start_weights);
  EXPECT_EQ(read.tokens, model.tokens);
  EXPECT_EQ(read.retain_releases, 7U);
  EXPECT_EQ(read.reverted, model.reverted);
  EXPECT_TRUE(read.has_garbage);
}

TEST(CatalogCodecTest, MembersThatOlderProgramsLackAreWrittenWhereTheySaySomething) {
  ModelRecord model;
  ReleaseRecord release;
  for (const char* member : {"retain_releases", "reverted", "has_garbage"}) {
    EXPECT_EQ(EncodeModel(model).find(member), std::string::npos) << member;
  }
  for (const char* member : {"pinned", "publications"}) {
    EXPECT_EQ(EncodeRelease(release).find(member), std::string::npos) << member;
  }
  ASSERT_TRUE(DecodeModel(std::string("\1{\"name\":\"m\",\"published\":[1]}"), &model));
  EXPECT_EQ(model.retain_releases, 2U);
  EXPECT_TRUE(model.reverted.empty());
  EXPECT_FALSE(model.has_garbage);
  model.retain_releases = 0;
  ASSERT_TRUE(DecodeModel(EncodeModel(model), &model));
  EXPECT_EQ(model.retain_releases, 0U);
  ASSERT_TRUE(DecodeRelease(std::string("\1{\"model\":\"m\"}"), &release));
  EXPECT_FALSE(release.pinned);
  EXPECT_TRUE(release.publications.empty());
}

TEST(CatalogCodecTest, ReleasesComeBack) {
  ReleaseRecord release;
  release.model = "ads";
  release.number = 7;
  release.created_at_micros = 1;
  release.snapshot_sequence = UINT64_MAX;
  release.seed = 0xFFFFFFFFFFFFFFFE;
  release.options = {{"epochs", "40"}};
  release.environment = {{"threads", "2"}};
  release.embedding_version = 9;
  release.weights = {"ads@7/encoder", "ads@7/classifiers"};
  release.dim = 300;
  release.num_documents = 10;
  release.num_labels = 20;
  release.fusion_encoder = 0.1;
  release.fusion_classifier = -1e-300;
  release.fusion_ranker = 0.3;
  release.fusion_votes = 0.2;
  release.train_seconds = std::numeric_limits<double>::infinity();
  release.metrics = {{"P@1", 1.0 / 3.0}, {"PSP@5", std::nan("")}};
  release.index_kind = "hnsw";
  release.index_file = "index/ads-7.hnsw";
  EXPECT_EQ(release.IndexFiles(), std::vector<std::string>{release.index_file});
  release.votes_index_file = "index/ads-7-votes.hnsw";
  EXPECT_EQ(release.IndexFiles(),
            (std::vector<std::string>{release.index_file, release.votes_index_file}));
  EXPECT_EQ(release.EmbeddingVersions(), std::vector<std::uint64_t>{9});
  EXPECT_EQ(EncodeRelease(release).find("sealed"), std::string::npos);
  release.sealed_labels = {12, "sealed-12.segment", 30'000, 77};
  EXPECT_EQ(release.IndexFiles(),
            (std::vector<std::string>{release.index_file, release.votes_index_file,
                                      release.sealed_labels.index_file}));
  EXPECT_EQ(release.EmbeddingVersions(), (std::vector<std::uint64_t>{9, 12}));
  release.job = 3;
  release.pinned = true;
  release.publications = {
      {1'000'000, 0, "", {}},
      {2'000'000, 6, "valid", {{"p@1", 0.6, 0.5, "p@1 >= current"}, {"ann_recall@10", 0.99}}}};
  ReleaseRecord read;
  ASSERT_TRUE(DecodeRelease(EncodeRelease(release), &read));
  EXPECT_TRUE(read.pinned);
  EXPECT_EQ(read.sealed_labels, release.sealed_labels);
  EXPECT_EQ(read.publications, release.publications);
  EXPECT_EQ(read.model, release.model);
  EXPECT_EQ(read.number, release.number);
  EXPECT_EQ(read.created_at_micros, release.created_at_micros);
  EXPECT_EQ(read.snapshot_sequence, release.snapshot_sequence);
  EXPECT_EQ(read.seed, release.seed);
  EXPECT_EQ(read.options, release.options);
  EXPECT_EQ(read.environment, release.environment);
  EXPECT_EQ(read.embedding_version, release.embedding_version);
  EXPECT_EQ(read.weights, release.weights);
  EXPECT_EQ(read.dim, release.dim);
  EXPECT_EQ(read.num_documents, release.num_documents);
  EXPECT_EQ(read.num_labels, release.num_labels);
  EXPECT_EQ(read.fusion_encoder, release.fusion_encoder);
  EXPECT_EQ(read.fusion_classifier, release.fusion_classifier);
  EXPECT_EQ(read.fusion_ranker, release.fusion_ranker);
  EXPECT_EQ(read.fusion_votes, release.fusion_votes);
  EXPECT_EQ(read.train_seconds, release.train_seconds);
  EXPECT_EQ(read.metrics["P@1"], release.metrics["P@1"]);
  EXPECT_TRUE(std::isnan(read.metrics["PSP@5"]));
  EXPECT_EQ(read.index_kind, release.index_kind);
  EXPECT_EQ(read.index_file, release.index_file);
  EXPECT_EQ(read.votes_index_file, release.votes_index_file);
  EXPECT_EQ(read.job, release.job);
}

TEST(CatalogCodecTest, JobsComeBack) {
  for (int state = 0; state <= 6; ++state) {
    JobRecord job;
    job.id = 12;
    job.kind = "train";
    job.statement = "TRAIN MODEL ads";
    job.model = "ads";
    job.state = static_cast<JobState>(state);
    job.phase = "encoder";
    job.done = 3;
    job.total = 40;
    job.error = "it broke";
    job.result = "ads@3";
    job.created_at_micros = 1;
    job.started_at_micros = 2;
    job.finished_at_micros = 3;
    if (state % 2 == 0) {
      job.loss = 0.125;
      job.metrics = {{"encoder", 1, 2.5, 0.75, {}, {}, {}, 0.25, 0.125, 2.0},
                     {"classifier", 2, 9.0, 1.0 / 3.0, 0.5, 0.25, 0.125, {}, {}, {}}};
      job.options = {{"seed", "7"}};
      job.checkpoint = {"job-12/checkpoint-1/position", "job-12/checkpoint-1/module/w1"};
      job.checkpointed_at_micros = 4;
      job.num_checkpoint_metrics = 1;
      job.error_sqlstate = "53200";
      job.error_hint = "less";
      job.estimated_memory_bytes = 5;
      job.estimated_disk_bytes = 6;
      job.estimated_seconds = 7.5;
    }
    JobRecord read;
    ASSERT_TRUE(DecodeJob(EncodeJob(job), &read));
    EXPECT_EQ(read.id, job.id);
    EXPECT_EQ(read.kind, job.kind);
    EXPECT_EQ(read.statement, job.statement);
    EXPECT_EQ(read.model, job.model);
    EXPECT_EQ(read.state, job.state);
    EXPECT_EQ(read.phase, job.phase);
    EXPECT_EQ(read.done, job.done);
    EXPECT_EQ(read.total, job.total);
    EXPECT_EQ(read.loss, job.loss);
    EXPECT_EQ(read.metrics, job.metrics);
    EXPECT_EQ(read.options, job.options);
    EXPECT_EQ(read.checkpoint, job.checkpoint);
    EXPECT_EQ(read.checkpointed_at_micros, job.checkpointed_at_micros);
    EXPECT_EQ(read.num_checkpoint_metrics, job.num_checkpoint_metrics);
    EXPECT_EQ(read.error_sqlstate, job.error_sqlstate);
    EXPECT_EQ(read.error_hint, job.error_hint);
    EXPECT_EQ(read.estimated_memory_bytes, job.estimated_memory_bytes);
    EXPECT_EQ(read.estimated_disk_bytes, job.estimated_disk_bytes);
    EXPECT_EQ(read.estimated_seconds, job.estimated_seconds);
    EXPECT_EQ(read.error, job.error);
    EXPECT_EQ(read.result, job.result);
    EXPECT_EQ(read.created_at_micros, job.created_at_micros);
    EXPECT_EQ(read.started_at_micros, job.started_at_micros);
    EXPECT_EQ(read.finished_at_micros, job.finished_at_micros);
  }
}

TEST(CatalogCodecTest, AnErrorMessageOfAnyBytesIsKept) {
  JobRecord job;
  job.error = "bad \xFF\xFE bytes";
  JobRecord read;
  ASSERT_TRUE(DecodeJob(EncodeJob(job), &read));
  EXPECT_NE(read.error.find("bytes"), std::string::npos);
}

TEST(CatalogCodecTest, EvaluationsComeBack) {
  const EvaluationRecord record{
      5, "ads", 2, "test", "all", "P", 3, 0.75, 0.7, 0.8, 1000, {{"filter", "reciprocal"}}, 12345};
  EvaluationRecord read;
  ASSERT_TRUE(DecodeEvaluation(EncodeEvaluation(record), &read));
  EXPECT_EQ(read.id, record.id);
  EXPECT_EQ(read.model, record.model);
  EXPECT_EQ(read.release, record.release);
  EXPECT_EQ(read.split, record.split);
  EXPECT_EQ(read.slice, record.slice);
  EXPECT_EQ(read.metric, record.metric);
  EXPECT_EQ(read.k, record.k);
  EXPECT_EQ(read.value, record.value);
  EXPECT_EQ(read.low, record.low);
  EXPECT_EQ(read.high, record.high);
  EXPECT_EQ(read.num_documents, record.num_documents);
  EXPECT_EQ(read.options, record.options);
  EXPECT_EQ(read.at_micros, record.at_micros);
}

TEST(CatalogCodecTest, UnknownMembersAreIgnoredAndAbsentOnesHaveDefaults) {
  ModelRecord read;
  ASSERT_TRUE(DecodeModel("\x01{\"name\":\"m\",\"of_the_future\":[1,2]}", &read));
  EXPECT_EQ(read.name, "m");
  EXPECT_EQ(read.next_release, 1U);
}

TEST(CatalogCodecTest, DamageIsRefusedOrHarmless) {
  const std::string model = EncodeModel({"ads", "ngame", {{"dim", "300"}}, 17, 4, {1, 3}, "", {}});
  ForEachDamage(model, [&](const std::string& damaged) {
    ModelRecord record;
    EXPECT_FALSE(DecodeModel(damaged, &record) && damaged.size() < model.size());
    JobRecord job;
    DecodeJob(damaged, &job);
    WeightsRecord weights;
    EXPECT_FALSE(DecodeWeightsRecord(damaged, &weights));
  });
  JobRecord job;
  EXPECT_FALSE(DecodeJob("\x01{\"state\":7}", &job));
  EXPECT_FALSE(DecodeJob("\x01{\"state\":\"running\"}", &job));
  EXPECT_FALSE(DecodeJob("\x02{}", &job));
  EXPECT_FALSE(DecodeJob("\x01[]", &job));
}

TEST(CatalogCodecTest, InternalRecordsComeBack) {
  WeightsRecord weights;
  ASSERT_TRUE(DecodeWeightsRecord(EncodeWeightsRecord({1, 2, UINT64_MAX, 4}), &weights));
  EXPECT_EQ(weights.hash_low, UINT64_MAX);
  EmbeddingRecord embedding;
  ASSERT_TRUE(DecodeEmbeddingRecord(EncodeEmbeddingRecord({3, 300, 17}), &embedding));
  EXPECT_EQ(embedding.dim, 300U);
  LoadRecord load;
  LoadRecord spooled;
  spooled.spool = "load.spool";
  ASSERT_TRUE(DecodeLoadRecord(EncodeLoadRecord(spooled), &load));
  EXPECT_EQ(load.spool, "load.spool");
  EXPECT_FALSE(load.is_staged());
  LoadRecord staged;
  staged.commit_sequence = 6;
  staged.kind = EntityKind::kLabel;
  staged.row_files = {{"load-1-rows-1.sst", 70, 4'000'000'000}};
  staged.id_files = {{"load-1-ids-1.sst", 80, 1}, {"load-1-ids-2.sst", 90, 2}};
  staged.inserted = {{3, 5}, {9, 1}};
  staged.row_by_row = true;
  ASSERT_TRUE(DecodeLoadRecord(EncodeLoadRecord(staged), &load));
  EXPECT_TRUE(load.is_staged());
  EXPECT_EQ(load.kind, EntityKind::kLabel);
  EXPECT_EQ(load.row_files.at(0).crc32c, 4'000'000'000);
  EXPECT_EQ(load.id_files.at(1).name, "load-1-ids-2.sst");
  EXPECT_EQ(load.id_files.at(1).bytes, 90U);
  EXPECT_EQ(load.inserted, staged.inserted);
  EXPECT_TRUE(load.row_by_row);
  staged.inserted.clear();  // Then nothing would tell whether the files are in the database.
  EXPECT_FALSE(DecodeLoadRecord(EncodeLoadRecord(staged), &load));
  std::string setting;
  ASSERT_TRUE(DecodeSetting(EncodeSetting(""), &setting));
  EXPECT_EQ(setting, "");
}

}  // namespace
}  // namespace dashi::storage
