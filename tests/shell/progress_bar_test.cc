#include "sql/shell/progress_bar.h"

#include <limits>

#include <gtest/gtest.h>

#include "sql/shell/display_width.h"
#include "tests/shell/string_sink.h"

namespace dashi {
namespace {

Progress Halfway() {
  Progress progress;
  progress.operation = "TRAIN MODEL m";
  progress.phase = "encoder";
  progress.done = 512;
  progress.total = 1000;
  progress.unit = "steps";
  progress.seconds = 43;
  progress.units_per_second = 1234;
  progress.eta_seconds = 42;
  progress.loss = 0.18344;
  return progress;
}

TEST(ProgressBarTest, TellsPhaseRateLossAndEta) {
  EXPECT_EQ(FormatProgress(Halfway(), 120),
            "TRAIN MODEL m: encoder [##########..........]  51%  ETA 0:42  loss 0.1834  "
            "1.2k steps/s");
  EXPECT_EQ(FormatProgress(Halfway(), 80),
            "TRAIN MODEL m: encoder [##########..........]  51%  ETA 0:42  loss 0.1834");
}

TEST(ProgressBarTest, TellsHowLongTheWholeTrainingMayTake) {
  Progress progress = Halfway();
  progress.estimated_seconds = 204;
  EXPECT_EQ(FormatProgress(progress, 120),
            "TRAIN MODEL m: encoder [##########..........]  51%  ETA 0:42  0:43 of about 3:24 in "
            "all  loss 0.1834  1.2k steps/s");
}

TEST(ProgressBarTest, CountsWhenTheTotalIsUnknown) {
  Progress progress;
  progress.operation = "COPY documents";
  progress.done = 3 << 20;
  progress.unit = "bytes";
  progress.seconds = 3.4;
  EXPECT_EQ(FormatProgress(progress, 120), "COPY documents  3.0MB  0:03");
}

TEST(ProgressBarTest, FitsTheTerminal) {
  for (std::size_t width = 0; width < 100; ++width) {
    EXPECT_LE(DisplayWidth(FormatProgress(Halfway(), width)), width);
  }
}

TEST(ProgressBarTest, NeverExceedsTheWhole) {
  Progress progress = Halfway();
  progress.done = 5000;
  EXPECT_NE(FormatProgress(progress, 120).find("[####################] 100%"), std::string::npos);
}

TEST(ProgressBarTest, FormatsDurations) {
  EXPECT_EQ(FormatDuration(0), "0:00");
  EXPECT_EQ(FormatDuration(59.6), "1:00");
  EXPECT_EQ(FormatDuration(3723), "1:02:03");
  EXPECT_EQ(FormatDuration(-1), "?");
  EXPECT_EQ(FormatDuration(std::numeric_limits<double>::quiet_NaN()), "?");
}

TEST(ProgressBarTest, LeavesALongPhaseBehindAndClearsTheLast) {
  StringSink sink;
  ProgressBar bar(sink);
  Progress progress = Halfway();
  progress.seconds = 0;
  bar.Draw(progress, 80);
  progress.seconds = 5;
  bar.Draw(progress, 80);
  EXPECT_EQ(sink.text.find('\n'), std::string::npos);
  progress.phase = "classifier";
  bar.Draw(progress, 80);
  EXPECT_NE(sink.text.find('\n'), std::string::npos);
  bar.Clear();
  EXPECT_TRUE(sink.text.ends_with("\r\x1b[K"));
  const std::string drawn = sink.text;
  bar.Clear();
  EXPECT_EQ(sink.text, drawn);
}

}  // namespace
}  // namespace dashi
