// Releases to folders and back, and folders that are no model. Bags alone: LibTorch is not needed.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/transformer/transformer_folders.h"
#include "trainer/model_folder.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_export.h"
#include "trainer/release_import.h"
#include "trainer/retrieval/voting_documents.h"
#include "trainer/safetensors.h"

namespace dashi::trainer {
namespace {

namespace fs = std::filesystem;

void ReplaceInFile(const std::string& path, const std::string& from, const std::string& to) {
  std::string bytes = ReadBytes(path);
  const std::size_t at = bytes.find(from);
  ASSERT_NE(at, std::string::npos) << path << ": " << from;
  bytes.replace(at, from.size(), to);
  WriteBytes(path, bytes);
}

class ReleaseTransferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path() + "/db");
    ASSERT_NE(store_, nullptr);
    testing::AddRows(*store_, {{"a", "red shoes"}, {"b", "warm red hats"}, {"c", "winter coats"}},
                     {{"d", "red winter hats", "train", {"b"}}});
    testing::ReleaseShape shape;
    shape.hidden = 4;
    shape.ranker = 0.3;
    shape.votes = 0.2;
    ASSERT_EQ(testing::AddRelease(*store_, "m", shape), 1U);
  }

  std::string Folder(const std::string& name) const { return directory_.path() + "/" + name; }

  storage::ReleaseRecord Release(const std::string& model, std::uint32_t number) {
    return *store_->NewSnapshot().value()->GetRelease(model, number).value();
  }

  Status Export(const std::string& path) {
    const auto view = store_->NewSnapshot().value();
    return ExportRelease(*view, Release("m", 1), "ngame", path, directory_.path() + "/db");
  }

  Result<ImportSummary> Import(const std::string& model, const std::string& path) {
    ThreadPool pool(1);
    return ImportRelease(*store_, {model, path, "IMPORT"}, {"no_such_module.so", 1, "cpu"}, pool,
                         {});
  }

  std::string Weights(const std::string& name) {
    const auto bytes = store_->NewSnapshot().value()->GetWeights(name);
    EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
    return bytes.ok() ? *bytes : "";
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
};

TEST_F(ReleaseTransferTest, AnImportIsTheExportedRelease) {
  ASSERT_TRUE(Export(Folder("m")).ok());
  const auto imported = Import("copy", Folder("m"));
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->num_classifiers, 3U);
  EXPECT_EQ(imported->num_unclassified, 0U);
  EXPECT_EQ(imported->num_unknown, 0U);
  const storage::ReleaseRecord from = Release("m", 1);
  const storage::ReleaseRecord to = Release("copy", 1);
  EXPECT_EQ(to.fusion_encoder, from.fusion_encoder);
  EXPECT_EQ(to.fusion_classifier, from.fusion_classifier);
  EXPECT_EQ(to.fusion_ranker, from.fusion_ranker);
  EXPECT_EQ(to.fusion_votes, from.fusion_votes);
  EXPECT_EQ(to.dim, from.dim);
  EXPECT_EQ(to.seed, from.seed);
  EXPECT_EQ(to.metrics, from.metrics);
  EXPECT_EQ(to.num_labels, 3U);
  EXPECT_NE(to.embedding_version, from.embedding_version);
  EXPECT_EQ(to.environment.at("imported_from"), Folder("m"));
  // The same bytes: encoder, classifiers, ranker.
  EXPECT_EQ(Weights(EncoderWeightsName(to.job)), Weights(EncoderWeightsName(from.job)));
  EXPECT_EQ(Weights(ClassifierWeightsName(to.job)), Weights(ClassifierWeightsName(from.job)));
  EXPECT_EQ(Weights(RankerWeightsName(to.job)), Weights(RankerWeightsName(from.job)));
  EXPECT_EQ(Weights(VotesWeightsName(to.job)), Weights(VotesWeightsName(from.job)));
  // They outlive an open, which removes what nobody names.
  store_.reset();
  store_ = testing::OpenStore(directory_.path() + "/db");
  ASSERT_NE(store_, nullptr);
  EXPECT_FALSE(Weights(EncoderWeightsName(to.job)).empty());
}

TEST_F(ReleaseTransferTest, LabelsAreMatchedByTheirIds) {
  ASSERT_TRUE(Export(Folder("m")).ok());
  // Another database, with other ordinals, a label more and one less.
  store_ = testing::OpenStore(directory_.path() + "/other");
  ASSERT_NE(store_, nullptr);
  testing::AddRows(*store_, {{"new", "red gloves"}, {"c", "winter coats"}, {"a", "red shoes"}}, {});
  const auto imported = Import("m", Folder("m"));
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->release.fusion_votes, 0.0);  // No document is there that could vote.
  EXPECT_EQ(imported->num_classifiers, 2U);
  EXPECT_EQ(imported->num_unclassified, 1U);
  EXPECT_EQ(imported->num_unknown, 1U);

  const auto folder = ReadModelFolder(Folder("m"));
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  const std::vector<std::string>& ids = folder->release->label_ids;
  ASSERT_EQ(ids, (std::vector<std::string>{"a", "b", "c"}));
  const auto classifier = ParseClassifier(Weights(ClassifierWeightsName(imported->release.job)));
  ASSERT_TRUE(classifier.ok());
  const std::size_t dim = classifier->dim;
  const auto same = [&](std::size_t label, std::size_t row) {
    return std::equal(
        classifier->vectors.begin() + static_cast<std::ptrdiff_t>(label * dim),
        classifier->vectors.begin() + static_cast<std::ptrdiff_t>((label + 1) * dim),
        folder->release->classifiers.begin() + static_cast<std::ptrdiff_t>(row * dim));
  };
  EXPECT_TRUE(same(1, 2));
  EXPECT_TRUE(same(2, 0));
  const auto ranker = ParseRanker(Weights(RankerWeightsName(imported->release.job)));
  ASSERT_TRUE(ranker.ok());
  const auto exported = ParseRanker(folder->release->ranker);
  ASSERT_TRUE(exported.ok());
  ASSERT_EQ((*ranker)->weights().num_labels(), 3U);
  const std::uint32_t labels[] = {0, 1, 2};
  float got[3];
  float want[3];
  (*ranker)->Score("red winter hats", labels, got);
  (*exported)->Score("red winter hats", labels, want);
  EXPECT_EQ(got[0], 0.0F);
  EXPECT_EQ(got[1], want[2]);
  EXPECT_EQ(got[2], want[0]);
}

TEST_F(ReleaseTransferTest, TheIndexIsOfTheKindThatTheReleaseWasToldToHave) {
  ASSERT_TRUE(Export(Folder("m")).ok());
  const auto exact = Import("m", Folder("m"));
  ASSERT_TRUE(exact.ok()) << exact.status().ToString();
  EXPECT_EQ(exact->release.index_kind, "exact");
  ReplaceInFile(Folder("m") + "/dashi/release.json", "\"options\": {",
                "\"options\": {\"index\": \"hnsw\"");
  const auto graph = Import("m", Folder("m"));
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ(graph->release.index_kind, "hnsw");
  EXPECT_TRUE(fs::exists(store_->index_directory() + "/" + graph->release.index_file));
  EXPECT_TRUE(fs::exists(store_->index_directory() + "/" + graph->release.votes_index_file));
}

TEST_F(ReleaseTransferTest, ExportLeavesNothingHalfDone) {
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  fs::create_directories(Folder("full"));
  WriteBytes(Folder("full") + "/mine.txt", "mine");
  EXPECT_EQ(Export(Folder("full")).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Export(Folder("full") + "/mine.txt").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Export(directory_.path() + "/db/m").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Export(Folder("no/parent")).code(), StatusCode::kNotFound);
  EXPECT_EQ(files(), (std::vector<std::string>{"db", "full"}));
  fs::create_directories(Folder("empty"));
  EXPECT_TRUE(Export(Folder("empty") + "/").ok());
  EXPECT_EQ(files(), (std::vector<std::string>{"db", "empty", "full"}));
  EXPECT_EQ(ReadBytes(Folder("full") + "/mine.txt"), "mine");
  EXPECT_TRUE(ReadModelFolder(Folder("empty")).ok());
}

struct Damage {
  const char* what;
  std::function<void(const std::string& folder)> make;
  StatusCode code;
  const char* named;  ///< in the message
  const char* also;
};

std::function<void(const std::string&)> Truncates(const std::string& name) {
  return [name](const std::string& folder) {
    const std::string bytes = ReadBytes(folder + name);
    WriteBytes(folder + name, bytes.substr(0, bytes.size() - 3));
  };
}

std::function<void(const std::string&)> Replaces(const std::string& name, const std::string& from,
                                                 const std::string& to) {
  return [=](const std::string& folder) { ReplaceInFile(folder + name, from, to); };
}

std::function<void(const std::string&)> WritesVectors(std::uint32_t dim, std::size_t num_labels,
                                                      std::uint16_t value) {
  return [=](const std::string& folder) {
    WriteBytes(
        folder + "/dashi/classifiers.safetensors",
        SerializeClassifierVectors(dim, std::vector<std::uint16_t>(dim * num_labels, value)));
  };
}

/// Overwrites the last number of a tensor with NaN.
std::function<void(const std::string&)> Spoils(const std::string& name, const std::string& tensor) {
  return [=](const std::string& folder) {
    std::string bytes = ReadBytes(folder + name);
    const auto file = Safetensors::Parse(bytes);
    ASSERT_TRUE(file.ok());
    const std::string_view view = file->tensors.at(tensor).bytes;
    const auto end = static_cast<std::size_t>(view.data() + view.size() - bytes.data());
    bytes[end - 1] = '\x7F';
    bytes[end - 2] = '\xFF';
    WriteBytes(folder + name, bytes);
  };
}

TEST_F(ReleaseTransferTest, AFolderThatIsNoModelIsNamedAndLeavesNothing) {
  ASSERT_TRUE(Export(Folder("m")).ok());
  const std::string release = "/dashi/release.json";
  const std::string vectors = "/dashi/classifiers.safetensors";
  const std::string ranker = "/dashi/ranker.safetensors";
  const std::string model = "/model.safetensors";
  const Damage damages[] = {
      {"no config", [](const auto& folder) { fs::remove(folder + "/config.json"); },
       StatusCode::kNotFound, "config.json", ""},
      {"config is no JSON", Replaces("/config.json", "{", ""), StatusCode::kCorruption,
       "config.json", ""},
      {"no weights", [&](const auto& folder) { fs::remove(folder + model); }, StatusCode::kNotFound,
       "model.safetensors", ""},
      {"weights cut", Truncates(model), StatusCode::kCorruption, "model.safetensors", ""},
      {"weights NaN", Spoils(model, "embeddings"), StatusCode::kInvalidArgument,
       "model.safetensors", "embeddings"},
      {"block NaN", Spoils(model, "w2"), StatusCode::kInvalidArgument, "model.safetensors", "w2"},
      {"vocabulary damaged", Spoils(model, "vocabulary"), StatusCode::kCorruption,
       "model.safetensors", ""},
      {"no release", [&](const auto& folder) { fs::remove(folder + release); },
       StatusCode::kNotFound, "release.json", ""},
      {"another format", Replaces(release, "dashi-release-1", "dashi-release-9"),
       StatusCode::kCorruption, "release.json", "dashi-release-9"},
      {"a weight is negative",
       Replaces(release, "\"fusion_classifier\": ", "\"fusion_classifier\": -"),
       StatusCode::kCorruption, "release.json", "fusion"},
      {"a member is missing", Replaces(release, "\"seed\"", "\"sead\""), StatusCode::kCorruption,
       "release.json", "seed"},
      {"a label twice", Replaces(release, "\"b\"", "\"a\""), StatusCode::kCorruption,
       "release.json", "twice: a"},
      {"another dim", Replaces(release, "\"dim\": 16", "\"dim\": 8"), StatusCode::kCorruption,
       "classifiers.safetensors", "vectors"},
      {"fewer vectors", WritesVectors(16, 2, 0), StatusCode::kCorruption, "classifiers.safetensors",
       "vectors"},
      {"vectors NaN", WritesVectors(16, 3, 0x7E00), StatusCode::kCorruption,
       "classifiers.safetensors", "vectors"},
      {"vectors cut", Truncates(vectors), StatusCode::kCorruption, "classifiers.safetensors", ""},
      {"no vectors", [&](const auto& folder) { fs::remove(folder + vectors); },
       StatusCode::kNotFound, "classifiers.safetensors", ""},
      {"ranker cut", Truncates(ranker), StatusCode::kCorruption, "ranker.safetensors", ""},
      {"ranker NaN", Spoils(ranker, "weights"), StatusCode::kCorruption, "ranker.safetensors",
       "weights"},
      {"no ranker", [&](const auto& folder) { fs::remove(folder + ranker); }, StatusCode::kNotFound,
       "ranker.safetensors", ""},
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    const std::string folder = Folder("damaged");
    fs::remove_all(folder);
    fs::copy(Folder("m"), folder, fs::copy_options::recursive);
    damage.make(folder);
    const Status status = Import("new", folder).status();
    EXPECT_EQ(status.code(), damage.code) << status.ToString();
    EXPECT_NE(status.message().find(damage.named), std::string_view::npos) << status.ToString();
    EXPECT_NE(status.message().find(damage.also), std::string_view::npos) << status.ToString();
    const auto view = store_->NewSnapshot().value();
    EXPECT_FALSE(view->GetModel("new").value().has_value());
    EXPECT_EQ(view->ListReleases().value().size(), 1U);
  }
}

TEST_F(ReleaseTransferTest, WhatFailsLateLeavesNothing) {
  // A transformer without LibTorch fails after its weights were stored.
  const Status missing = Import("deep", GoldenFolder("bert")).status();
  EXPECT_EQ(missing.code(), StatusCode::kUnavailable) << missing.ToString();
  ASSERT_TRUE(Export(Folder("m")).ok());
  ThreadPool pool(1);
  TrainingControl control;
  int num_polls = 0;
  control.should_stop = [&] { return ++num_polls > 3; };
  EXPECT_EQ(
      ImportRelease(*store_, {"new", Folder("m"), "IMPORT"}, {}, pool, control).status().code(),
      StatusCode::kCancelled);
  const auto view = store_->NewSnapshot().value();
  EXPECT_FALSE(view->GetModel("new").value().has_value());
  EXPECT_FALSE(view->GetModel("deep").value().has_value());
  for (std::uint64_t job = 2; job < 6; ++job) {
    EXPECT_FALSE(view->GetWeights(EncoderWeightsName(job)).ok());
  }
}

TEST_F(ReleaseTransferTest, NeedsLabels) {
  ASSERT_TRUE(Export(Folder("m")).ok());
  store_ = testing::OpenStore(directory_.path() + "/empty");
  const Status status = Import("m", Folder("m")).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status.ToString();
}

}  // namespace
}  // namespace dashi::trainer
