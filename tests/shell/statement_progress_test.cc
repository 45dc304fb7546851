#include "sql/shell/statement_progress.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace dashi {
namespace {

// A terminal that two threads may write to.
class SharedSink final : public ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    const MutexLock lock(mutex_);
    text_ += bytes;
    written_.NotifyAll();
    return Status();
  }
  Status Flush() override { return Status(); }

  // Waits, a minute at most, until `wanted` has been written. Returns all that was.
  std::string WaitFor(const std::string& wanted) {
    const MutexLock lock(mutex_);
    while (text_.find(wanted) == std::string::npos &&
           written_.WaitFor(mutex_, std::chrono::minutes(1))) {
    }
    return text_;
  }
  std::string text() {
    const MutexLock lock(mutex_);
    return text_;
  }

 private:
  Mutex mutex_;
  CondVar written_;
  std::string text_;
};

constexpr StatementProgress::Times kAtOnce{.first = std::chrono::milliseconds(0),
                                           .every = std::chrono::milliseconds(1)};
constexpr StatementProgress::Times kNever{.first = std::chrono::hours(10),
                                          .every = std::chrono::hours(10)};

TEST(StatementProgressTest, TheTimeIsShownWhereNothingIsReported) {
  SharedSink sink;
  StatementProgress progress(sink, kAtOnce);
  for (const std::string name : {"one", "two"}) {
    progress.Begin("EVALUATE MODEL " + name + "\nON 'test' WITH (k = '1,3,5', bootstrap = 1000)");
    const std::string drawn = sink.WaitFor("EVALUATE MODEL " + name);
    EXPECT_NE(drawn.find("EVALUATE MODEL " + name + " ON 'test' WITH (k = …  0:00"),
              std::string::npos)
        << drawn;
    progress.End();
    EXPECT_TRUE(sink.text().ends_with("\r\x1b[K"));
    const std::string ended = sink.text();
    progress.End();
    EXPECT_EQ(sink.text(), ended) << "nothing is drawn between statements";
  }
}

TEST(StatementProgressTest, WhatIsReportedIsShown) {
  SharedSink sink;
  StatementProgress progress(sink, kNever);
  Progress report;
  report.operation = "COPY documents";
  report.total = 10;
  report.done = 5;
  progress.Report(report);
  EXPECT_EQ(sink.text(), "") << "no statement runs";
  progress.Begin("COPY documents FROM 'x'");
  progress.Report(report);
  EXPECT_NE(sink.text().find("COPY documents [##########..........]  50%"), std::string::npos);
  progress.End();
  const std::string ended = sink.text();
  progress.Report(report);
  EXPECT_EQ(sink.text(), ended);
}

TEST(StatementProgressTest, AStatementMayEndAtAnyMoment) {
  SharedSink sink;
  StatementProgress progress(sink, kAtOnce);
  for (int i = 0; i < 1000; ++i) {
    progress.Begin("SELECT 1");
    if (i % 3 == 0) {
      progress.Report({});
    }
    progress.End();
    const std::string text = sink.text();
    EXPECT_TRUE(text.empty() || text.ends_with("\r\x1b[K"));
  }
}

}  // namespace
}  // namespace dashi
