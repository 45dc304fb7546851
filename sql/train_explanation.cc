#include "sql/train_explanation.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace dashi::sql {

namespace {

std::string MiB(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1048576.0);
}

std::string Seconds(double seconds) { return fmt::format("{:.1f} s", seconds); }

void AppendMemory(const trainer::TrainingExplanation& explanation,
                  std::vector<std::string>* lines) {
  const trainer::TrainingEstimate& estimate = explanation.estimate;
  const bool on_device = estimate.device_bytes > 0;
  const trainer::MemoryPhase& peak = trainer::PeakPhase(estimate.memory, on_device);
  lines->push_back(
      fmt::format("  Memory: {} at most{}", MiB(estimate.memory_bytes),
                  explanation.available_memory_bytes
                      ? fmt::format(" ({} available)", MiB(*explanation.available_memory_bytes))
                      : std::string()));
  if (on_device) {
    lines->push_back(fmt::format("  GPU memory: {} at most", MiB(estimate.device_bytes)));
  }
  for (const trainer::MemoryPhase& phase : estimate.memory) {
    lines->push_back(fmt::format("    Stage {}: {}", phase.name, MiB(phase.HostBytes(on_device))));
    if (&phase != &peak) {
      continue;
    }
    for (const trainer::MemoryPart& part : phase.parts) {
      if (part.bytes > 0) {
        lines->push_back(fmt::format("      {}: {}{}", part.name, MiB(part.bytes),
                                     on_device && part.is_tensor ? " (GPU)" : ""));
      }
    }
  }
}

void AppendDisk(const trainer::TrainingExplanation& explanation, std::vector<std::string>* lines) {
  const trainer::DiskEstimate& disk = explanation.estimate.disk;
  lines->push_back(fmt::format("  Disk: {} at most ({} free)", MiB(disk.PeakBytes()),
                               MiB(explanation.free_disk_bytes)));
  lines->push_back(fmt::format("    Checkpoints: {} of rows, {} of state, twice for a moment",
                               MiB(disk.checkpoint_data_bytes), MiB(disk.checkpoint_state_bytes)));
  lines->push_back(fmt::format("    Release: {}", MiB(disk.release_bytes)));
  if (disk.scratch_bytes > 0) {
    lines->push_back(
        fmt::format("    Rows in files, until the release: {} at most", MiB(disk.scratch_bytes)));
  }
}

void AppendTime(const trainer::TrainingEstimate& estimate, std::vector<std::string>* lines) {
  if (!estimate.time) {
    return;
  }
  const trainer::TimeEstimate& time = *estimate.time;
  lines->push_back("  Time: " + Seconds(time.Total()));
  for (const auto& [name, seconds] : {std::pair{"Reading rows", time.reading_seconds},
                                      {"Stage encoder", time.encoder_seconds},
                                      {"Stage classifier", time.classifier_seconds},
                                      {"Stage ranker", time.ranker_seconds},
                                      {"Release", time.release_seconds}}) {
    lines->push_back(fmt::format("    {}: {}", name, Seconds(seconds)));
  }
}

}  // namespace

std::vector<Row> ExplanationRows(const std::string& model,
                                 const trainer::TrainingExplanation& explanation) {
  const trainer::TrainingSizes& sizes = explanation.estimate.sizes;
  std::vector<std::string> lines{fmt::format(
      "Train {}  (documents={} labels={} tokens={} pairs={})", model, sizes.num_documents,
      sizes.num_labels, sizes.document_tokens + sizes.label_tokens, sizes.pairs)};
  AppendMemory(explanation, &lines);
  AppendDisk(explanation, &lines);
  AppendTime(explanation.estimate, &lines);
  if (!explanation.fits.ok()) {
    lines.push_back("  Refused: " + std::string(explanation.fits.message()));
    lines.push_back("  Hint: " + std::string(explanation.fits.hint()));
  }
  std::vector<Row> rows;
  rows.reserve(lines.size());
  for (std::string& line : lines) {
    rows.push_back({Value::Text(std::move(line))});
  }
  return rows;
}

}  // namespace dashi::sql
