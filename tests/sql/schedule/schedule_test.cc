// Schedules: the statements that make them, what becomes due by a clock of the test's own, and how
// runs end.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "sql/database_access.h"
#include "sql/schedule/schedule_runner.h"
#include "sql/schedule/scheduler.h"
#include "tests/sql/session_fixture.h"

namespace dashi::sql {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;

class SetClock final : public Clock {
 public:
  std::int64_t NowMicros() const override { return now_; }
  std::int64_t MonotonicMicros() const override { return now_; }
  void Set(std::int64_t now) { now_ = now; }
  void Pass(std::int64_t micros) { now_ += micros; }

 private:
  std::atomic<std::int64_t> now_{0};
};

class ScheduleTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    // The statements look at the system's clock: five minutes later a minute's schedule is due.
    clock_.Set(Clock::System().NowMicros());
  }
  void TearDown() override {
    runner_.reset();
    SessionFixture::TearDown();
  }
  void Reopen() {
    runner_.reset();
    Open({});
  }

  ScheduleRunner& Runner() {
    if (runner_ == nullptr) {
      ScheduleRunner::Options options;
      options.clock = &clock_;
      options.wait = [this](std::int64_t micros, const std::function<bool()>& /*stops*/) {
        waits_.push_back(micros);
      };
      runner_ = std::make_unique<ScheduleRunner>(internal::DatabaseAccess::ImplOf(*database_),
                                                 std::move(options));
    }
    return *runner_;
  }
  /// Runs what is due; returns the outcomes: "nightly succeeded".
  std::vector<std::string> RunDue(const std::function<bool()>& stops = [] { return false; }) {
    return RunAll(Runner().NoteDue(), stops);
  }
  std::vector<std::string> Recover() {
    return RunAll(Runner().Recover(), [] { return false; });
  }
  std::vector<std::string> RunAll(Result<std::vector<ScheduleRunner::NotedRun>> noted,
                                  const std::function<bool()>& stops) {
    EXPECT_TRUE(noted.ok()) << noted.status().ToString();
    std::vector<std::string> outcomes;
    for (const ScheduleRunner::NotedRun& one : *noted) {
      const ScheduleRun run = Runner().Run(one, nullptr, stops);
      outcomes.push_back(one.schedule.name + " " + std::string(RunOutcomeName(run.outcome)));
    }
    return outcomes;
  }
  std::string First(const std::string& sql) {
    const auto rows = Run(*session_, sql);
    EXPECT_TRUE(rows.ok()) << sql << ": " << rows.status().ToString();
    return rows.ok() && !rows->empty() ? rows->front().ToString() : "none";
  }
  std::string Rows(const std::string& sql) {
    const auto rows = Run(*session_, sql);
    EXPECT_TRUE(rows.ok()) << sql << ": " << rows.status().ToString();
    std::string text;
    for (const Value& value : rows.ok() ? *rows : std::vector<Value>()) {
      text += (text.empty() ? "" : ", ") + value.ToString();
    }
    return text;
  }

  SetClock clock_;
  std::vector<std::int64_t> waits_;
  std::unique_ptr<ScheduleRunner> runner_;
};

using Outcomes = std::vector<std::string>;

TEST_F(ScheduleTest, AScheduleIsDueOnceForEachTime) {
  Must(
      "CREATE SCHEDULE s CRON '*/5 * * * *' AS "
      "$$INSERT INTO labels (id, text) SELECT 'l' || count(*), 'x' FROM labels; DELETE FROM "
      "anchors$$");
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Pass(5 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Pass(5 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(First("SELECT count(*) FROM labels"), "2");
  EXPECT_EQ(Rows("SELECT run || ' ' || outcome || ' ' || done || ' ' || results FROM "
                 "schedule_runs ORDER BY run"),
            "1 succeeded 2 INSERT 0 1; DELETE 0, 2 succeeded 2 INSERT 0 1; DELETE 0");
  EXPECT_EQ(First("SELECT last_outcome FROM schedules"), "succeeded");
}

TEST_F(ScheduleTest, MissedTimesAreMadeUpForOnceOrPassedOver) {
  Must("CREATE SCHEDULE once CRON '* * * * *' AS DELETE FROM labels");
  Must("CREATE SCHEDULE none CRON '* * * * *' WITH (catch_up = none) AS DELETE FROM labels");
  clock_.Pass(36 * kHour + 30 * kSecond);
  // Both were due within the last minute as well, so they are not late.
  EXPECT_EQ(RunDue(), (Outcomes{"none succeeded", "once succeeded"}));
  Must("ALTER SCHEDULE once CRON '0 0 * * *'");
  Must("ALTER SCHEDULE none CRON '0 0 * * *'");
  // The statements went by the system's clock; five days on, at half a day behind midnight.
  const std::int64_t midnight = (clock_.NowMicros() / (24 * kHour) + 5) * (24 * kHour);
  clock_.Set(midnight + 12 * kHour);
  EXPECT_EQ(RunDue(), Outcomes{"once succeeded"});
  EXPECT_EQ(RunDue(), Outcomes{});
  EXPECT_EQ(Rows("SELECT schedule || ' ' || cause || ' ' || outcome || ' ' || coalesce(reason, '') "
                 "FROM schedule_runs WHERE run = 2 ORDER BY 1"),
            "none cron skipped nobody looked when it was due, once catch-up succeeded ");
  EXPECT_EQ(First("SELECT due_at FROM schedule_runs WHERE schedule = 'once' AND run = 2"),
            FormatTimestamp(midnight));
}

TEST_F(ScheduleTest, AFailingStatementStopsTheRest) {
  Must(
      "CREATE SCHEDULE s CRON '* * * * *' WITH (retries = 3, retry_wait = '10 s') AS "
      "$$INSERT INTO labels (id, text) VALUES ('a', 'x'); INSERT INTO labels (id, text) VALUES "
      "('a', 'y'); DELETE FROM labels$$");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
  EXPECT_EQ(waits_, (std::vector<std::int64_t>{10 * kSecond, 20 * kSecond, 40 * kSecond}));
  EXPECT_EQ(First("SELECT outcome || ' ' || done || ' ' || retries || ' ' || sqlstate FROM "
                  "schedule_runs"),
            "failed 1 3 23505");
  EXPECT_NE(First("SELECT reason FROM schedule_runs").find("'a'"), std::string::npos);
  EXPECT_EQ(First("SELECT text FROM labels"), "x");
  Must("ALTER SCHEDULE s SET (retries = 0)");
  const auto asked = Run(*session_, "RUN SCHEDULE s");
  EXPECT_EQ(asked.status().sqlstate(), "23505");
  EXPECT_NE(asked.status().message().find("schedule \"s\" failed at statement 1 of 3"),
            std::string::npos)
      << asked.status().message();
}

TEST_F(ScheduleTest, ARetryBeginsWithTheStatementThatFailedOrItsBlock) {
  // anchors counts how often the statements ran: outside of the block, and in it.
  Must(
      "CREATE SCHEDULE s CRON '* * * * *' WITH (retries = 2) AS "
      "$$INSERT INTO anchors (id, text) SELECT 'a' || count(*), 'x' FROM anchors; BEGIN; INSERT "
      "INTO anchors (id, text) SELECT 'b' || count(*), 'x' FROM anchors; INSERT INTO labels (id, "
      "text) VALUES ('a', 'x'); COMMIT; DELETE FROM labels$$");
  Must("INSERT INTO labels (id, text) VALUES ('a', 'there')");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
  EXPECT_EQ(Rows("SELECT id FROM anchors"), "a0");
  EXPECT_EQ(First("SELECT done || ' ' || retries || ' ' || results FROM schedule_runs"),
            "1 2 INSERT 0 1");
  Must("DELETE FROM labels");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(Rows("SELECT id FROM anchors ORDER BY id"), "a0, a1, b2");
  EXPECT_EQ(First("SELECT done FROM schedule_runs WHERE run = 2"), "6");
  Must("ALTER SCHEDULE s AS $$BEGIN; DELETE FROM anchors$$");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
  EXPECT_EQ(First("SELECT sqlstate FROM schedule_runs WHERE run = 3"), "25001");
  EXPECT_EQ(First("SELECT count(*) FROM anchors"), "3");
}

TEST_F(ScheduleTest, TheConditionDecides) {
  Must(
      "CREATE SCHEDULE s CRON '* * * * *' IF (SELECT count(*) > 0 FROM labels) AS DELETE FROM "
      "labels");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s skipped"});
  EXPECT_EQ(First("SELECT last_reason FROM schedules"), "the condition answers 0");
  Must("INSERT INTO labels (id, text) VALUES ('a', 'x')");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(Rows("RUN SCHEDULE s"), "DELETE 0");
  Must("ALTER SCHEDULE s IF (SELECT NULL)");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s skipped"});
  Must("ALTER SCHEDULE s IF (SELECT 1 FROM labels)");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s skipped"});
  Must("ALTER SCHEDULE s IF (SELECT x FROM nowhere)");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
  Must("ALTER SCHEDULE s DROP IF");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
}

TEST_F(ScheduleTest, NoneRunsTwiceAtOnce) {
  Must("CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels");
  clock_.Pass(2 * kMinute);
  auto noted = Runner().NoteDue();
  ASSERT_TRUE(noted.ok());
  ASSERT_EQ(noted->size(), 1U);
  EXPECT_EQ(State("RUN SCHEDULE s"), "55006");
  EXPECT_EQ(State("ALTER SCHEDULE s RENAME TO t"), "55006");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{});
  EXPECT_EQ(First("SELECT last_outcome FROM schedules"), "running");
  Runner().Run(noted->front(), nullptr, [] { return false; });
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(First("SELECT count(*) FROM schedule_runs"), "2");
}

TEST_F(ScheduleTest, AClockThatIsSetBackRepeatsNothing) {
  Must("CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels");
  clock_.Pass(10 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  clock_.Pass(-2 * kHour);
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Pass(2 * kHour + kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  // Further back it was wrong before.
  clock_.Pass(-5 * 24 * kHour);
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Pass(kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
}

TEST_F(ScheduleTest, WhatIsPausedIsNotMadeUpFor) {
  Must("CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels");
  Must("PAUSE SCHEDULE s");
  clock_.Pass(10 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{});
  EXPECT_EQ(First("SELECT paused || ' ' || (next_run IS NULL) FROM schedules"), "true true");
  clock_.Set(Clock::System().NowMicros());
  Must("RESUME SCHEDULE s");
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
}

TEST_F(ScheduleTest, JitterDelaysWithinItsBounds) {
  Must("CREATE SCHEDULE s CRON '0 * * * *' WITH (jitter = '30 min') AS DELETE FROM labels");
  const std::int64_t hour = (clock_.NowMicros() / kHour + 2) * kHour;
  clock_.Set(hour);
  RunDue();
  clock_.Set(hour + kHour - 1);
  RunDue();  // Whatever the first two hours had.
  const std::int64_t next = ScheduleRunner::NextStart(
                                [&] {
                                  Schedule schedule;
                                  schedule.name = "s";
                                  schedule.cron = "0 * * * *";
                                  schedule.jitter_micros = 30 * kMinute;
                                  return schedule;
                                }(),
                                [&] {
                                  ScheduleHistory history;
                                  history.handled_until_micros = hour + kHour - 1;
                                  return history;
                                }())
                                .value();
  EXPECT_GE(next, hour + kHour);
  EXPECT_LT(next, hour + kHour + 30 * kMinute);
  clock_.Set(next - 1);
  EXPECT_EQ(RunDue(), Outcomes{});
  clock_.Set(next);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
}

TEST_F(ScheduleTest, ARunThatTheProcessLeftGoesOn) {
  Must(
      "CREATE SCHEDULE s CRON '* * * * *' AS $$INSERT INTO labels (id, text) SELECT 'l' || "
      "count(*), 'x' FROM labels; INSERT INTO anchors (id, text) SELECT 'a' || count(*), 'x' "
      "FROM anchors$$");
  clock_.Pass(2 * kMinute);
  // It is told to stop behind its first statement.
  EXPECT_EQ(RunDue([this] { return First("SELECT count(*) FROM labels") == "1"; }),
            Outcomes{"s interrupted"});
  EXPECT_EQ(First("SELECT count(*) FROM anchors"), "0");
  Reopen();
  EXPECT_EQ(Recover(), Outcomes{"s succeeded"});
  EXPECT_EQ(First("SELECT (SELECT count(*) FROM labels) || ' ' || (SELECT count(*) FROM anchors)"),
            "1 1");
  EXPECT_EQ(Rows("SELECT cause || ' ' || outcome || ' ' || done FROM schedule_runs ORDER BY run"),
            "cron interrupted 1, after interruption succeeded 2");
  // A process that dies notes nothing more.
  clock_.Pass(2 * kMinute);
  ASSERT_TRUE(Runner().NoteDue().ok());
  Reopen();
  EXPECT_EQ(First("SELECT last_outcome FROM schedules"), "running");
  EXPECT_EQ(Recover(), Outcomes{"s succeeded"});
  EXPECT_EQ(Recover(), Outcomes{});
  EXPECT_EQ(First("SELECT count(*) FROM labels"), "2");
  Must("ALTER SCHEDULE s SET (catch_up = none)");
  clock_.Pass(2 * kMinute);
  ASSERT_TRUE(Runner().NoteDue().ok());
  Reopen();
  EXPECT_EQ(Recover(), Outcomes{});
  EXPECT_EQ(First("SELECT last_outcome FROM schedules"), "interrupted");
}

TEST_F(ScheduleTest, AnythingMayHappenToItMeanwhile) {
  Must("CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels");
  clock_.Pass(2 * kMinute);
  auto noted = Runner().NoteDue();
  ASSERT_TRUE(noted.ok());
  Must("DROP SCHEDULE s");
  EXPECT_EQ(Runner().Run(noted->front(), nullptr, [] { return false; }).outcome,
            RunOutcome::kSucceeded);
  EXPECT_EQ(First("SELECT count(*) FROM schedule_runs"), "0");
  Must("CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels");
  EXPECT_EQ(First("SELECT count(*) FROM schedule_runs"), "0");
}

TEST_F(ScheduleTest, StatementsHaveTheRightsOfTheOwner) {
  Must("CREATE ROLE tina LOGIN PASSWORD 'x'");
  Must("CREATE ROLE timo LOGIN PASSWORD 'x'");
  Must("CREATE ROLE rita LOGIN PASSWORD 'x'");
  Must("GRANT trainer TO tina");
  Must("GRANT trainer TO timo");
  Must("GRANT reader TO rita");
  const auto as = [this](const std::string& role) {
    SessionOptions options;
    options.user = role;
    options.unrestricted = false;
    return database_->NewSession(options).value();
  };
  const auto tina = as("tina");
  const auto timo = as("timo");
  const auto rita = as("rita");
  const auto state = [](Session& session, const std::string& sql) {
    return std::string(Run(session, sql).status().sqlstate());
  };
  EXPECT_EQ(state(*rita, "CREATE SCHEDULE s CRON '@daily' AS DELETE FROM labels"), "42501");
  EXPECT_EQ(state(*tina, "CREATE SCHEDULE s CRON '* * * * *' AS DELETE FROM labels"), "00000");
  for (const std::string sql :
       {"ALTER SCHEDULE s AS SELECT 1", "PAUSE SCHEDULE s", "RUN SCHEDULE s", "DROP SCHEDULE s"}) {
    EXPECT_EQ(state(*timo, sql), "42501") << sql;
  }
  // A trainer may not write rows.
  EXPECT_EQ(state(*tina, "RUN SCHEDULE s"), "42501");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
  EXPECT_EQ(First("SELECT owner || ' ' || last_reason FROM schedules"),
            "tina permission denied: DELETE needs the role writer");
  Must("GRANT writer TO tina");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s succeeded"});
  EXPECT_EQ(state(*rita, "SELECT count(*) FROM schedules"), "00000");
  Must("DROP ROLE tina");
  clock_.Pass(2 * kMinute);
  EXPECT_EQ(RunDue(), Outcomes{"s failed"});
}

TEST_F(ScheduleTest, AHundredRunsAreKept) {
  Must("CREATE SCHEDULE s CRON '* * * * *' AS SELECT 1");
  for (int i = 0; i < 103; ++i) {
    clock_.Pass(kMinute);
    RunDue();
  }
  EXPECT_EQ(First("SELECT count(*) || ' ' || max(run) - min(run) FROM schedule_runs"), "100 99");
  EXPECT_EQ(First("SELECT results FROM schedule_runs LIMIT 1"), "SELECT 1 1");
}

TEST_F(ScheduleTest, ASchedulerRunsThemByItself) {
  Must(
      "CREATE SCHEDULE s CRON '* * * * *' AS INSERT OR REPLACE INTO labels (id, text) VALUES "
      "('a', 'x')");
  clock_.Pass(2 * kMinute);
  ScheduleRunner::Options options;
  options.clock = &clock_;
  auto scheduler = Scheduler::Start(*database_, std::move(options));
  ASSERT_TRUE(scheduler.ok()) << scheduler.status().ToString();
  while (First("SELECT coalesce(last_outcome, 'none') FROM schedules") != "succeeded") {
    std::this_thread::yield();
  }
  scheduler->reset();
  EXPECT_EQ(First("SELECT count(*) FROM labels"), "1");
}

// More than run at once, and again: the places of those that have ended are given to others.
TEST_F(ScheduleTest, ASchedulerHasRoomForAllOneAfterTheOther) {
  constexpr int kSchedules = 2 * static_cast<int>(Scheduler::kRunsMax) + 1;
  for (int i = 0; i < kSchedules; ++i) {
    Must("CREATE SCHEDULE s" + std::to_string(i) + " CRON '* * * * *' AS SELECT 1");
  }
  ScheduleRunner::Options options;
  options.clock = &clock_;
  const auto scheduler = Scheduler::Start(*database_, std::move(options));
  ASSERT_TRUE(scheduler.ok()) << scheduler.status().ToString();
  for (int round = 1; round <= 2; ++round) {
    clock_.Pass(2 * kMinute);
    const std::string wanted = std::to_string(round * kSchedules);
    while (First("SELECT count(*) FROM schedule_runs WHERE outcome = 'succeeded'") != wanted) {
      std::this_thread::yield();
    }
  }
}

TEST_F(ScheduleTest, OnceIsEnoughForATimer) {
  Must("CREATE SCHEDULE good CRON '* * * * *' AS DELETE FROM labels");
  Must("CREATE SCHEDULE bad CRON '* * * * *' AS SELECT abs('x', 1)");
  clock_.Pass(2 * kMinute);
  ScheduleRunner::Options options;
  options.clock = &clock_;
  Outcomes told;
  options.on_run = [&told](const std::string& schedule, const ScheduleRun& run) {
    told.push_back(schedule + " " + std::string(RunOutcomeName(run.outcome)));
  };
  const auto failed = Scheduler::RunOnce(*database_, std::move(options), [] { return false; });
  ASSERT_TRUE(failed.ok()) << failed.status().ToString();
  EXPECT_EQ(*failed, 1U);
  EXPECT_EQ(told, (Outcomes{"bad failed", "good succeeded"}));
}

}  // namespace
}  // namespace dashi::sql
