#include "tests/storage/rocksdb_check_template.h"

#include <filesystem>
#include <utility>

#include <gtest/gtest.h>

#include "tests/testing/tiny_database.h"

namespace dashi::storage {

namespace {

// Made once, and copied for each test.
class Template {
 public:
  Template() {
    const auto store = testing::OpenStore(path());
    testing::AddRows(*store, {{"l1", "running shoes"}, {"l2", "warm hats"}},
                     {{"d1", "shoes for a marathon", "train", {"l1"}},
                      {"d2", "a hat against the cold", "test", {"l1", "l2"}}});
    testing::ReleaseShape shape;
    shape.hnsw = true;
    EXPECT_EQ(testing::AddRelease(*store, "m", shape), 1U);
    auto transaction = std::move(store->Begin()).value();
    EntityRow anchor;
    anchor.id = "a1";
    EXPECT_OK(transaction->InsertRow(EntityKind::kAnchor, anchor));
    JobRecord job;
    job.id = 1;
    job.state = JobState::kSucceeded;
    EXPECT_OK(transaction->PutJob(job));
    EvaluationRecord evaluation;
    evaluation.id = 1;
    EXPECT_OK(transaction->PutEvaluations({&evaluation, 1}));
    ModelRecord model = *transaction->GetModel("m").value();
    model.published = {1};
    EXPECT_OK(transaction->PutModel(model));
    EXPECT_OK(transaction->PutSetting("s", "v"));
    SchemaRecord schema;
    schema.next_column = kPrice + 1;
    schema.columns = {
        {kPrice, "price", ColumnType::kInteger, Value::Integer(kDefaultPrice), false}};
    schema.indexes = {{kPriceIndex, "by_price", kPrice, IndexState::kBuilding}};
    EXPECT_OK(transaction->PutSchema(EntityKind::kDocument, schema));
    EXPECT_OK(transaction->Commit());
    while (store->StepIndexWork().value()) {
    }
  }
  std::string path() const { return folder_.path() + "/db"; }

 private:
  testing::TemporaryDirectory folder_;
};

const Template& TheTemplate() {
  static const Template* made = new Template();
  return *made;
}

}  // namespace

void CopyTemplate(const std::string& directory) {
  std::filesystem::copy(TheTemplate().path(), directory, std::filesystem::copy_options::recursive);
}

std::unique_ptr<RocksdbEngine> OpenEngine(const std::string& directory) {
  EngineOptions options;
  options.memory_bytes_max = 64 << 20;
  auto engine = RocksdbEngine::Open(directory + "/data", options);
  EXPECT_OK(engine);
  return std::move(engine).value();
}

CheckReport Check(const std::string& directory) {
  SilentMonitor monitor;
  auto report = CheckDirectory(directory, monitor);
  EXPECT_OK(report);
  return report.ok() ? std::move(report).value() : CheckReport();
}

std::string Shown(const CheckReport& report) {
  std::string text;
  for (const CheckProblem& problem : report.problems) {
    text += problem.object + " | " + problem.problem + " | " + problem.detail + "\n";
  }
  for (const std::string& note : report.notes) {
    text += "note: " + note + "\n";
  }
  return text;
}

}  // namespace dashi::storage
