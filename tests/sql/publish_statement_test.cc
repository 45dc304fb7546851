// PUBLISH, DROP RELEASE and what they tell and keep.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/catalog_records.h"
#include "storage/store.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class PublishStatementTest : public SessionFixture {};

TEST_F(PublishStatementTest, AReleaseThatAStoppedJobStartsFromIsNotDropped) {
  session_.reset();
  database_.reset();
  std::string number;
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
    testing::AddRelease(*store, "m");
    testing::AddRelease(*store, "m");
    const auto transaction = store->Begin().value();
    storage::JobRecord job;
    job.id = transaction->NextId("job").value();
    job.kind = "train";
    job.model = "m";
    job.state = storage::JobState::kPaused;
    job.options["warm_start"] = "m@1";
    ASSERT_TRUE(transaction->PutJob(job).ok());
    ASSERT_TRUE(transaction->Commit().ok());
    number = std::to_string(job.id);
  }
  Open({});
  const auto refused = Run(*session_, "DROP RELEASE m@1");
  EXPECT_EQ(refused.status().sqlstate(), "55006");
  EXPECT_NE(refused.status().message().find("job " + number), std::string::npos);
  // Nor does PUBLISH drop it, which has all others dropped, or an open.
  Must("ALTER MODEL m SET (retain_releases = 0)");
  Must("PUBLISH m@2");
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  Open({});
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  ASSERT_TRUE(Run(*session_, "CANCEL JOB " + number).ok());
  const auto dropped = Run(*session_, "DROP RELEASE m@1");
  EXPECT_TRUE(dropped.ok()) << dropped.status().ToString();
}

TEST_F(PublishStatementTest, RefreshTellsHowFarItIs) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
    testing::AddRelease(*store, "m");
  }
  Open({});
  Must(
      "INSERT INTO labels (id, text) SELECT 'N' || i, 'red hat ' || i FROM generate_series(1, "
      "1000) AS g(i)");
  std::vector<Progress> told;
  session_->SetProgressCallback([&told](const Progress& progress) { told.push_back(progress); });
  Must("REFRESH MODEL m@1");
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().operation, "REFRESH MODEL m@1");
  EXPECT_EQ(told.back().phase, "embedding");
  EXPECT_EQ(told.back().unit, "rows");
  EXPECT_EQ(told.back().done, 1000U);
  EXPECT_EQ(told.back().total, 1000U);
  told.clear();
  Must("REFRESH MODEL m@1");  // There is nothing to do.
  EXPECT_TRUE(told.empty());
}

TEST_F(PublishStatementTest, PublishWhenMeasuresRefusesAndRemembers) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}, {"K", "blue hats"}},
                     {{"d", "red shoes", "train", {"L"}}, {"e", "blue hats", "valid", {"K"}}});
    testing::AddRelease(*store, "m", {.seed = 1, .hnsw = true});
    testing::AddRelease(*store, "m", {.seed = 2, .hnsw = true});
    // As if the last graph that was built anew had been better than this one.
    const auto transaction = store->Begin().value();
    storage::ReleaseRecord release = *transaction->GetRelease("m", 2).value();
    release.metrics["ann recall@10 built"] = 1.02;
    ASSERT_TRUE(transaction->PutRelease(release).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  Open({});
  const auto notices = [&](const std::string& sql) {
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    return result.ok() ? result->notices() : std::vector<std::string>();
  };
  const auto publications = [&](const std::string& path) {
    return Run(*session_, "SELECT json_extract(publications, '$" + path +
                              "') FROM releases WHERE name = 'm@2'")
        .value()
        .at(0)
        .ToString();
  };
  EXPECT_TRUE(notices("PUBLISH m@1").empty());
  EXPECT_EQ(State("BEGIN"), "00000");
  EXPECT_EQ(State("PUBLISH m@2 WHEN p@1 >= 0"), "25001");
  EXPECT_EQ(State("ROLLBACK"), "00000");
  const Status refused = Run(*session_, "PUBLISH m@2 WHEN p@1 > current").status();
  EXPECT_EQ(refused.sqlstate(), "55000");
  EXPECT_NE(refused.message().find("must be > 1.0000 (current, current 1.0000): 0.0000 off"),
            std::string_view::npos)
      << refused.message();
  EXPECT_EQ(Run(*session_, "SELECT name FROM releases WHERE published")->at(0).text(), "m@1");
  EXPECT_EQ(publications(""), "NULL");
  // A condition that names no release is one of syntax or of the name, as without conditions.
  EXPECT_EQ(State("PUBLISH m@9 WHEN p@1 >= 0"), "42704");
  EXPECT_EQ(State("PUBLISH nothing WHEN p@1 >= 0"), "42704");
  const auto lines = notices("PUBLISH m WHEN p@1 >= current - 0.002 AND latency_p50 <= '1 min'");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0],
            "m@2 meets all conditions, measured on 1 documents of split 'valid' and 2 stored "
            "queries, beside m@1");
  EXPECT_EQ(lines[1], "p@1 1.0000 >= 0.9980 (current - 0.002, current 1.0000)");
  EXPECT_TRUE(lines[3].starts_with("ann_recall@10 of m@2 is 1.0000, 0.0200 below")) << lines[3];
  EXPECT_EQ(publications("[0].replaced"), "1");
  EXPECT_EQ(publications("[0].split"), "valid");
  EXPECT_EQ(publications("[0].figures[0].condition"), "p@1 >= current - 0.002");
  EXPECT_EQ(publications("[0].figures[0].current"), "1");
  EXPECT_EQ(publications("[0].figures[2].metric"), "ann_recall@10");
  EXPECT_EQ(publications("[0].figures[2].value"), "1");
  // The release that serves already: nothing is written.
  EXPECT_EQ(notices("PUBLISH m@2 WHEN size >= current").size(), 2U);
  EXPECT_EQ(publications("[1]"), "NULL");
}

TEST_F(PublishStatementTest, PublishWhenIsCancelledWhileItMeasures) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "red shoes", "test", {"L"}}});
    testing::AddRelease(*store, "m", {.seed = 1, .hnsw = true});
  }
  Open({});
  std::vector<std::string> phases;
  session_->SetProgressCallback([&](const Progress& progress) {
    EXPECT_EQ(progress.operation, "PUBLISH m@1");
    phases.push_back(progress.phase);
  });
  int asked = 0;
  session_->SetCancelCheck([&] {
    ++asked;
    return !phases.empty();
  });
  EXPECT_EQ(State("PUBLISH m@1 WHEN p@1 >= 0 AND ann_recall@10 >= 0"), "57014");
  EXPECT_GT(asked, 0);
  EXPECT_EQ(phases, std::vector<std::string>{"recall"});
  session_->SetCancelCheck(nullptr);
  EXPECT_EQ(CountOf(*session_, "releases WHERE published"), 0);
  EXPECT_EQ(State("PUBLISH m@1 WHEN p@1 >= 0 AND ann_recall@10 >= 0"), "00000");
  EXPECT_EQ(phases, (std::vector<std::string>{"recall", "recall", "ranking"}));
}

TEST_F(PublishStatementTest, PublishTellsWhatItDropped) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
    for (int i = 0; i < 25; ++i) {
      testing::AddRelease(*store, "m", {.dim = 4});
    }
  }
  Open({});
  const auto notices = [&](const std::string& sql) {
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    return result.ok() ? result->notices() : std::vector<std::string>();
  };
  EXPECT_TRUE(notices("PUBLISH m@1").empty());
  EXPECT_EQ(notices("PUBLISH m@3"),
            std::vector<std::string>{"releases that nobody keeps were dropped: m@2"});
  EXPECT_TRUE(notices("REVERT MODEL m").empty());
  const auto many = notices("PUBLISH m");
  ASSERT_EQ(many.size(), 1U);
  EXPECT_TRUE(many[0].starts_with("releases that nobody keeps were dropped: m@3, m@4, "))
      << many[0];
  EXPECT_TRUE(many[0].ends_with(", m@22 and 2 more")) << many[0];
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  // What is pinned goes with its model alone.
  Must("PIN RELEASE m@1");
  EXPECT_EQ(State("DROP RELEASE m@1"), "55000");
  Must("DROP MODEL m");
  EXPECT_EQ(CountOf(*session_, "releases"), 0);
}

}  // namespace
}  // namespace dashi
