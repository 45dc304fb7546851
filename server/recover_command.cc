#include "server/recover_command.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/progress_meter.h"
#include "sql/shell/progress_bar.h"
#include "storage/recover_copy.h"

namespace dashi {

namespace {

using storage::DroppedCommit;
using storage::RecoverReport;

std::string DroppedLines(const RecoverReport& report) {
  std::string lines;
  if (report.num_dropped > 0) {
    lines += fmt::format("dropped: {} commits that can still be read behind the damage\n",
                         report.num_dropped);
  }
  for (const DroppedCommit& dropped : report.dropped) {
    lines += fmt::format("  commit {}: {}\n", dropped.sequence, dropped.changes);
  }
  if (report.num_dropped > report.dropped.size()) {
    lines += fmt::format("  and {} more\n", report.num_dropped - report.dropped.size());
  }
  if (!report.lost_logs.empty()) {
    lines += fmt::format("lost: {}\n", report.lost_logs);
  } else if (!report.damaged_log.empty()) {
    lines += fmt::format("dropped: what cannot be read of the log {}\n", report.damaged_log);
  }
  return lines;
}

std::string WatermarkLines(const RecoverReport& report) {
  if (!report.watermark) {
    return "watermark: none can be read, so whether acknowledged commits are missing cannot be "
           "told\n";
  }
  const std::string at = FormatTimestamp(report.watermark->at_micros);
  const std::uint64_t promised = report.watermark->commit_sequence;
  if (report.num_acknowledged_lost_max > 0) {
    return fmt::format(
        "LOST: at most {} acknowledged commits, numbered {} to {}; all of them were on the disk at "
        "{}\n",
        report.num_acknowledged_lost_max, report.last_commit + 1, promised, at);
  }
  if (report.num_acknowledged_changes_lost > 0) {
    return fmt::format("LOST: acknowledged commits with {} changes, which were on the disk at {}\n",
                       report.num_acknowledged_changes_lost, at);
  }
  return fmt::format(
      "watermark: nothing is missing of what was on the disk at {} (commits up to {})\n{}", at,
      promised,
      report.num_dropped > 0 || !report.damaged_log.empty()
          ? "what was committed after that moment, in the last second or so, may be among what is "
            "dropped\n"
          : "");
}

std::string ReportText(const RecoverReport& report, const CommandLine& command_line) {
  std::string text = fmt::format("copied: {} files, {:.1f} MiB\n", report.num_files,
                                 static_cast<double>(report.num_bytes) / (1U << 20U));
  if (!report.rebuilt_current.empty()) {
    text += fmt::format("rebuilt: data/CURRENT, naming the newest manifest, {}\n",
                        report.rebuilt_current);
  }
  text += fmt::format("kept: all commits up to {}\n", report.last_commit);
  text += DroppedLines(report) + WatermarkLines(report);
  text += report.kept
              ? fmt::format("{} is whole and opens as any database\n", command_line.recover_to)
              : "no copy was kept: restore a backup, or run this again with "
                "--accept-loss\n";
  return text;
}

}  // namespace

Result<int> RunRecover(const CommandLine& command_line, const Console& console) {
  ProgressBar bar(console.err);
  const ProgressCallback draw =
      console.err_is_terminal
          ? ProgressCallback([&](const Progress& progress) { bar.Draw(progress, TerminalWidth()); })
          : ProgressCallback();
  sql::ProgressMeter meter(draw, "recover");
  bool begun = false;
  storage::RecoverRequest request;
  request.from = command_line.directory;
  request.to = command_line.recover_to;
  request.accept_loss = command_line.accept_loss;
  const Result<RecoverReport> report =
      storage::RecoverCopy(request, [&](std::uint64_t done, std::uint64_t total) {
        if (!begun) {
          meter.BeginPhase("copy", "bytes", total);
          begun = true;
        }
        meter.Update(done);
        return Status::Ok();
      });
  bar.Clear();
  if (!report.ok()) {
    return report.status();
  }
  DASHI_RETURN_IF_ERROR(console.out.Write(ReportText(*report, command_line)));
  return report->kept ? 0 : 1;
}

}  // namespace dashi
