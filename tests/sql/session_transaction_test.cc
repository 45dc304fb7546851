// What sessions see of each other, in transaction blocks and outside.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class SessionTransactionTest : public SessionFixture {};

TEST_F(SessionTransactionTest, AStatementSeesOnePictureOfTheDatabase) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2'), ('c', '3')");
  auto rows = session_->Execute("SELECT id FROM labels");
  ASSERT_TRUE(rows.ok());
  Row row;
  ASSERT_TRUE(*rows->Next(&row));
  const auto other = NewSession();
  ASSERT_TRUE(Run(*other, "DELETE FROM labels").ok());
  Must("INSERT INTO labels (id, text) VALUES ('d', '4')");
  std::size_t num_rows = 1;
  while (*rows->Next(&row)) {
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 3U);
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
}

TEST_F(SessionTransactionTest, TransactionsThatMeetAreRefusedAtCommit) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  const auto other = NewSession();
  Must("BEGIN");
  ASSERT_TRUE(Run(*other, "BEGIN").ok());
  Must("UPDATE labels SET text = 'mine' WHERE id = 'a'");
  ASSERT_TRUE(Run(*other, "UPDATE labels SET text = 'theirs' WHERE id = 'a'").ok());
  EXPECT_TRUE(session_->in_transaction());
  Must("COMMIT");
  const auto late = Run(*other, "COMMIT");
  EXPECT_EQ(late.status().sqlstate(), "40001");
  EXPECT_EQ(late.status().code(), StatusCode::kAborted);
  EXPECT_FALSE(other->in_transaction());
  EXPECT_EQ(Run(*other, "SELECT text FROM labels")->at(0).text(), "mine");
}

TEST_F(SessionTransactionTest, AWriteInABlockEndsTheRowsThatAreReadFromIt) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2')");
  Must("BEGIN");
  auto rows = session_->Execute("SELECT id FROM labels");
  ASSERT_TRUE(rows.ok());
  Row row;
  ASSERT_TRUE(*rows->Next(&row));
  auto again = session_->Execute("SELECT id FROM labels");  // Reading twice is fine.
  ASSERT_TRUE(*again->Next(&row));
  ASSERT_TRUE(*rows->Next(&row));
  Must("DELETE FROM labels");
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "24000");
  EXPECT_EQ(again->Next(&row).status().sqlstate(), "24000");
  Must("ROLLBACK");
  EXPECT_EQ(CountOf(*session_, "labels"), 2);
}

TEST_F(SessionTransactionTest, AnErrorWhileRowsAreReadFailsTheBlock) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  Must("BEGIN");
  auto rows = session_->Execute("SELECT abs(-9223372036854775807 - 1) FROM labels");
  ASSERT_TRUE(rows.ok());
  EXPECT_FALSE(session_->transaction_failed());
  Row row;
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "22003");
  EXPECT_TRUE(session_->transaction_failed());
  EXPECT_EQ(State("SELECT 1"), "25P02");
  Must("ROLLBACK");
  EXPECT_FALSE(session_->transaction_failed());
}

TEST_F(SessionTransactionTest, ColumnsReachOpenSessionsAndPreparedStatements) {
  const auto other = NewSession();
  Must("INSERT INTO labels (id, text) VALUES ('a', 'x')");
  EXPECT_EQ(Run(*other, "SELECT lang FROM labels").status().sqlstate(), "42703");
  auto select = session_->Prepare("SELECT * FROM labels WHERE id = $1");
  auto insert = session_->Prepare("INSERT INTO labels (id, text) VALUES ($1, 'y')");
  ASSERT_TRUE(select.ok() && insert.ok());
  const Value a[] = {Value::Text("a")};
  const Value b[] = {Value::Text("b")};
  EXPECT_EQ(select->Execute(a)->columns().size(), 3U);

  ASSERT_TRUE(Run(*other, "ALTER TABLE labels ADD COLUMN lang TEXT DEFAULT 'en'").ok());
  {
    auto rows = select->Execute(a);
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    ASSERT_EQ(rows->columns().size(), 4U);
    Row row;
    ASSERT_TRUE(*rows->Next(&row));
    EXPECT_EQ(row[3], Value::Text("en"));
    // Rows that are being read keep the table as it was.
    ASSERT_TRUE(Run(*other, "ALTER TABLE labels RENAME COLUMN lang TO language").ok());
    EXPECT_EQ(Run(*session_, "SELECT language FROM labels")->size(), 1U);
    EXPECT_FALSE(*rows->Next(&row));
  }
  ASSERT_TRUE(insert->Execute(b).ok());
  EXPECT_EQ(Run(*session_, "SELECT language FROM labels WHERE id = 'b'")->at(0), Value::Text("en"));
  ASSERT_TRUE(Run(*other, "ALTER TABLE labels DROP COLUMN language").ok());
  EXPECT_EQ(select->Execute(a)->columns().size(), 3U);
}

TEST_F(SessionTransactionTest, TransactionsThatAlterOneTableConflict) {
  const auto other = NewSession();
  Must("BEGIN");
  Must("ALTER TABLE documents ADD COLUMN mine INTEGER");
  ASSERT_TRUE(Run(*other, "ALTER TABLE documents ADD COLUMN theirs INTEGER").ok());
  ASSERT_TRUE(Run(*other, "ALTER TABLE labels ADD COLUMN free INTEGER").ok());
  EXPECT_EQ(State("COMMIT"), "40001");
  EXPECT_EQ(State("SELECT mine FROM documents"), "42703");
  Must("SELECT theirs FROM documents");
  Must("ALTER TABLE documents ADD COLUMN mine INTEGER");
  // A block that began before sees the columns of its start.
  Must("BEGIN");
  Must("INSERT INTO documents (id, text, mine) VALUES ('d', 'x', 5)");
  ASSERT_TRUE(Run(*other, "ALTER TABLE documents RENAME COLUMN mine TO ours").ok());
  Must("UPDATE documents SET mine = mine + 1");
  Must("COMMIT");
  EXPECT_EQ(Run(*session_, "SELECT ours FROM documents")->at(0).integer(), 6);
}

TEST_F(SessionTransactionTest, SessionsOfOneDatabaseRunAtOnce) {
  Must("INSERT INTO documents (id, text) VALUES ('d', 'x')");
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto session = NewSession();
      for (int i = 0; i < 20; ++i) {
        const std::string id = std::to_string(t) + "_" + std::to_string(i);
        const bool good =
            Run(*session, "INSERT INTO labels (id, text) VALUES ($1, 'x')", {Value::Text(id)})
                .ok() &&
            Run(*session, "SELECT count(*) FROM labels l JOIN documents d").ok();
        failures += good ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(CountOf(*session_, "labels"), 80);
}

}  // namespace
}  // namespace dashi
