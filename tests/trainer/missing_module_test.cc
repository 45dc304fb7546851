#include <string>

#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/testing/tiny_database.h"
#include "trainer/job_manager.h"

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

}  // namespace
}  // namespace dashi::trainer
