#include <string>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/release_cache.h"
#include "storage/store.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/transformer/transformer_folders.h"
#include "trainer/job_manager.h"
#include "trainer/transformer/transformer_artifact.h"

namespace dashi::trainer {
namespace {

// A program of its own: a process loads the module once, and this one must not find it.
TEST(MissingModuleTest, TrainingNamesTheFileAndTheRestGoesOn) {
  const testing::TemporaryDirectory directory;
  const auto store = testing::OpenStore(directory.path());
  ASSERT_NE(store, nullptr);
  testing::AddRows(*store, {{"L", "text"}}, {{"D", "text", "train", {"L"}}});
  const auto transaction = store->Begin().value();
  storage::ModelRecord model;
  model.name = "m";
  model.algorithm = "ngame";
  ASSERT_TRUE(transaction->PutModel(model).ok());
  ASSERT_TRUE(transaction->Commit().ok());

  JobManager jobs(store.get(), {0, directory.path() + "/no_such_module.so"});
  const auto id = jobs.SubmitTraining("m", {}, "TRAIN MODEL m");
  ASSERT_TRUE(id.ok());
  const auto job = jobs.Wait(id.value(), {}, {});
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job.value().state, storage::JobState::kFailed);
  EXPECT_NE(job.value().error.find("no_such_module.so"), std::string::npos) << job.value().error;
  EXPECT_TRUE(store->NewSnapshot().value()->ListReleases().value().empty());
}

TEST(MissingModuleTest, OnlyQueriesOfTransformersNeedIt) {
  const testing::TemporaryDirectory directory;
  const auto store = testing::OpenStore(directory.path());
  ASSERT_NE(store, nullptr);
  testing::AddRows(*store, {{"L", "text"}}, {{"D", "text", "train", {"L"}}});
  ASSERT_EQ(testing::AddRelease(*store, "bag"), 1U);
  ASSERT_EQ(testing::AddRelease(*store, "deep"), 1U);
  const auto model = ReadTransformerDirectory(GoldenFolder("bert"));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const auto view = store->NewSnapshot().value();
  const auto release = view->GetRelease("deep", 1).value();
  ASSERT_TRUE(store->PutWeights(release->weights[0], SerializeTransformer(*model)).ok());

  ThreadPool pool(1);
  query::ReleaseCache releases(store.get(), &pool, directory.path() + "/no_such_module.so");
  const auto fresh = store->NewSnapshot().value();
  const Status missing = releases.Resolve(*fresh, "deep", 1).status();
  EXPECT_EQ(missing.code(), StatusCode::kUnavailable) << missing.ToString();
  EXPECT_NE(missing.message().find("no_such_module.so"), std::string::npos) << missing.ToString();
  EXPECT_TRUE(releases.Resolve(*fresh, "bag", 1).ok());
}

}  // namespace
}  // namespace dashi::trainer
