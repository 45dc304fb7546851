// Training transformers as jobs, from scratch and from a folder.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "query/evaluate.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/transformer/transformer_folders.h"
#include "trainer/job_manager.h"
#include "trainer/training_data.h"
#include "trainer/training_data_state.h"
#include "trainer/training_encoder.h"
#include "trainer/transformer/transformer_artifact.h"

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;
using storage::OptionMap;
using storage::Store;
using testing::TinyDocument;

constexpr int kNumLabels = 12;

/// Documents whose only telling word is one that their label's text does not have.
void AddPlantedRows(Store& store, int num_documents) {
  const char* names[] = {"amber", "birch", "cedar", "daisy", "elder", "fern",
                         "grape", "hazel", "iris",  "jute",  "kelp",  "lotus"};
  Random random(5);
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 0; i < kNumLabels; ++i) {
    labels.emplace_back("L" + std::to_string(i), std::string("plant ") + names[i]);
  }
  std::vector<TinyDocument> documents;
  for (int i = 0; i < num_documents; ++i) {
    const auto label = random.Uniform(kNumLabels);
    documents.push_back({"D" + std::to_string(i),
                         std::string("clue") + static_cast<char>('a' + label) + " noise",
                         i % 5 == 0 ? "test" : "train",
                         {"L" + std::to_string(label)}});
  }
  testing::AddRows(store, labels, documents);
}

const OptionMap kScratch{{"encoder", "transformer"},
                         {"layers", "1"},
                         {"hidden_size", "32"},
                         {"heads", "2"},
                         {"vocabulary_size", "200"},
                         {"max_tokens", "12"},
                         {"epochs", "8"},
                         {"learning_rate", "0.003"},
                         {"classifier_epochs", "2"},
                         {"threads", "1"},
                         {"ranker", "off"}};

class TransformerJobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
  }

  void CreateModel(const OptionMap& options, const std::string& start_weights = "") {
    auto transaction = store_->Begin().value();
    storage::ModelRecord model;
    model.name = "m";
    model.algorithm = "ngame";
    model.options = options;
    model.start_weights = start_weights;
    ASSERT_TRUE(transaction->PutModel(model).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  JobRecord Train(const OptionMap& overrides = {}) {
    JobManager jobs(store_.get(), {});
    const auto id = jobs.SubmitTraining("m", overrides, "TRAIN MODEL m");
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return jobs.Wait(id.value(), {}, {}).value();
  }

  storage::ReleaseRecord Release(std::uint32_t number) {
    return *store_->NewSnapshot().value()->GetRelease("m", number).value();
  }

  double TestPrecision(std::uint32_t number, const std::string& scores = "fused") {
    ThreadPool pool(1);
    query::ReleaseCache releases(store_.get(), &pool);
    const auto view = store_->NewSnapshot().value();
    const auto records = query::Evaluate(
        *view, releases, {"m", number, "test", {{"k", "1"}, {"scores", scores}}}, {}, {});
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    return records.ok() ? records.value()[0].value : 0;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(TransformerJobTest, AWarmStartGoesOnFromTheWeightsOfARelease) {
  AddPlantedRows(*store_, 500);
  CreateModel(kScratch);
  ASSERT_EQ(Train().state, JobState::kSucceeded);
  testing::AddRows(*store_, {{"new", "plant maple"}}, {{"late", "cluea maple", "train", {"new"}}});
  for (int i = 0; i < 2; ++i) {
    const JobRecord job = Train({{"warm_start", "m@1"}, {"epochs", "1"}});
    ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  }
  const storage::ReleaseRecord release = Release(2);
  EXPECT_EQ(release.options.at("warm_start"), "m@1");
  EXPECT_EQ(release.num_labels, std::uint64_t{kNumLabels} + 1);
  const auto view = store_->NewSnapshot().value();
  const auto tokenizer = [&](std::uint32_t number) {
    auto bytes = view->GetWeights(Release(number).weights[0]).value();
    return FormatTokenizerJson(
        ParseTransformer(std::make_shared<const std::string>(std::move(bytes)))->tokenizer);
  };
  EXPECT_EQ(tokenizer(1), tokenizer(2));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(view->GetWeights(release.weights[i]).value(),
              view->GetWeights(Release(3).weights[i]).value());
  }
  // The encoder learns little in one epoch from scratch.
  ASSERT_EQ(Train({{"epochs", "1"}, {"classifier_epochs", "1"}}).state, JobState::kSucceeded);
  EXPECT_GT(TestPrecision(2), 0.9);
  EXPECT_GT(TestPrecision(2, "encoder"), TestPrecision(4, "encoder") + 0.1);
  JobManager jobs(store_.get(), {});
  const Status refused =
      jobs.SubmitTraining("m", {{"warm_start", "m@1"}, {"layers", "2"}}, "TRAIN MODEL m").status();
  EXPECT_EQ(refused.message(),
            "warm_start needs the encoder of m@1: layers is 1 there, and 2 here");
}

TEST_F(TransformerJobTest, TrainsFromScratchTwiceToTheSameBits) {
  AddPlantedRows(*store_, 500);
  CreateModel(kScratch);
  for (int i = 0; i < 2; ++i) {
    const JobRecord job = Train();
    ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  }
  // Guessing gives 0.083.
  EXPECT_GT(TestPrecision(1), 0.9);
  const storage::ReleaseRecord release = Release(1);
  EXPECT_EQ(release.dim, 32U);
  EXPECT_EQ(release.options.at("encoder"), "transformer");
  EXPECT_EQ(release.options.at("hidden_size"), "32");
  EXPECT_FALSE(release.options.contains("dim"));
  const auto view = store_->NewSnapshot().value();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(view->GetWeights(release.weights[i]).value(),
              view->GetWeights(Release(2).weights[i]).value())
        << release.weights[i];
  }
}

TEST_F(TransformerJobTest, AReleaseKeepsTokenizerAndLimits) {
  AddPlantedRows(*store_, 200);
  CreateModel(kScratch);
  ASSERT_EQ(Train({{"epochs", "1"}}).state, JobState::kSucceeded);
  const auto bytes = store_->NewSnapshot().value()->GetWeights(Release(1).weights[0]);
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(IsTransformerArtifact(*bytes));
  const auto model = ParseTransformer(std::make_shared<const std::string>(*bytes));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ(model->pooling.num_tokens_max, 12U);
  EXPECT_EQ(model->config.num_positions, 12U);
  EXPECT_EQ(model->config.vocabulary_size, model->tokenizer.num_tokens());
  EXPECT_LE(model->config.vocabulary_size, 200U);
  const std::vector<std::string>& vocabulary = model->tokenizer.vocabulary;
  EXPECT_NE(std::find(vocabulary.begin(), vocabulary.end(), "noise"), vocabulary.end());
}

TEST_F(TransformerJobTest, TrainsFromAFolderThatIsGone) {
  AddPlantedRows(*store_, 200);
  const std::string folder = CopyOfGolden("bert", "start");
  const auto start = StoreStartWeights(*store_, folder);
  ASSERT_TRUE(start.ok()) << start.status().ToString();
  const OptionMap options{{"encoder", "transformer"},
                          {"path", folder},
                          {"epochs", "1"},
                          {"ranker", "off"},
                          {"classifier_epochs", "1"}};
  CreateModel(options, *start);
  std::filesystem::remove_all(folder);
  store_.reset();
  store_ = testing::OpenStore(directory_.path());  // Weights that nothing names would go here.
  ASSERT_NE(store_, nullptr);
  const JobRecord job = Train();
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  const auto golden = ReadTransformerDirectory(GoldenFolder("bert"));
  ASSERT_TRUE(golden.ok());
  const auto bytes = store_->NewSnapshot().value()->GetWeights(Release(1).weights[0]);
  const auto trained = ParseTransformer(std::make_shared<const std::string>(bytes.value()));
  ASSERT_TRUE(trained.ok()) << trained.status().ToString();
  EXPECT_EQ(trained->config, golden->config);
  EXPECT_EQ(trained->pooling, golden->pooling);
  EXPECT_EQ(trained->tokenizer.vocabulary, golden->tokenizer.vocabulary);
  EXPECT_NE(trained->weights.tensors[0].bytes, golden->weights.tensors[0].bytes);
}

/// A checkpoint in memory.
class Parts : public StateWriter, public StateReader {
 public:
  Status Put(const std::string& name, std::string_view bytes) override {
    parts_[name] = bytes;
    return Status();
  }
  Result<std::string> Get(const std::string& name) const override {
    const auto found = parts_.find(name);
    return found == parts_.end() ? Result<std::string>(Status::NotFound(name)) : found->second;
  }

 private:
  std::map<std::string, std::string> parts_;
};

TEST_F(TransformerJobTest, ReadTextsComeBackOutOfACheckpoint) {
  AddPlantedRows(*store_, 60);
  TrainingDataOptions options;
  options.subwords = SubwordReading{nullptr, 200, 12};
  const auto data = ReadTrainingData(*store_->NewSnapshot().value(), options, {});
  ASSERT_TRUE(data.ok()) << data.status().ToString();
  ASSERT_NE(data->subwords, nullptr);
  EXPECT_EQ(data->tokenizer, nullptr);
  // [CLS], the text's pieces in its order, [SEP], and no weights.
  EXPECT_TRUE(data->task.document_tokens.values.empty());
  std::vector<std::uint32_t> first;
  data->subwords->Tokenize(store_->NewSnapshot()
                               .value()
                               ->GetRow(storage::EntityKind::kLabel, data->label_ordinals[0])
                               .value()
                               ->text,
                           12, &first);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), data->task.label_tokens.columns.begin()));
  EXPECT_EQ(data->task.label_tokens.offsets[1], first.size());

  Parts parts;
  ASSERT_TRUE(SaveTrainingData(*data, parts).ok());
  const auto again = LoadTrainingData(parts, /*scratch=*/nullptr);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ASSERT_NE(again->subwords, nullptr);
  EXPECT_EQ(again->subwords->spec().vocabulary, data->subwords->spec().vocabulary);
  EXPECT_EQ(again->subwords->num_template_tokens(), 2U);
  EXPECT_EQ(again->task.document_tokens.columns, data->task.document_tokens.columns);
  EXPECT_EQ(again->task.label_tokens.offsets, data->task.label_tokens.offsets);
  EXPECT_EQ(again->task.vocabulary_size, data->task.vocabulary_size);
}

TEST_F(TransformerJobTest, CutsTextsAtTheLimit) {
  testing::AddRows(*store_, {{"L", "one two three four five six seven eight nine ten"}},
                   {{"D", "one two three one two three", "train", {"L"}}});
  TrainingDataOptions options;
  options.subwords = SubwordReading{nullptr, 200, 8};
  const auto data = ReadTrainingData(*store_->NewSnapshot().value(), options, {});
  ASSERT_TRUE(data.ok()) << data.status().ToString();
  EXPECT_EQ(data->task.label_tokens.columns.size(), 8U);
  EXPECT_EQ(data->task.label_tokens.columns.back(), data->task.document_tokens.columns.back());
}

TEST_F(TransformerJobTest, SaysWhatIsMissing) {
  testing::AddRows(*store_, {{"L", ""}}, {{"D", "", "train", {"L"}}});
  CreateModel(kScratch);
  JobRecord job = Train();
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_NE(job.error.find("there is nothing to train on"), std::string::npos) << job.error;

  // The folder's tokenizer needs no words, so that the texts are looked at themselves.
  const auto start = StoreStartWeights(*store_, GoldenFolder("bert"));
  ASSERT_TRUE(start.ok()) << start.status().ToString();
  const OptionMap pretrained{{"encoder", "transformer"}, {"path", "gone"}, {"ranker", "off"}};
  CreateModel(pretrained, *start);
  job = Train();
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_NE(job.error.find("all texts"), std::string::npos) << job.error;

  CreateModel(pretrained);
  job = Train();
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_NE(job.error.find("has no pretrained weights"), std::string::npos) << job.error;
}

}  // namespace
}  // namespace dashi::trainer
