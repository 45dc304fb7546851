#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/own_statements.h"
#include "storage/catalog_records.h"
#include "storage/store.h"

namespace dashi::sql {

/// Takes `wait` (on unless it is off) out of the options of a statement that begins a job.
///
/// Errors: kInvalidArgument at another value.
Result<bool> TakeWaitOption(const ParsedStatement& statement, std::vector<OptionNode>* options);

/// What becomes of a job when the statement that waits for it is interrupted.
enum class OnInterrupt : std::uint8_t { kCancel, kPause };

/// Waits for a job that the statement began.
Result<storage::JobRecord> WaitForOwnJob(SessionState& session, std::uint64_t id,
                                         OnInterrupt on_interrupt);

/// The error that a job which has stopped stands for.
///
/// Errors: kCancelled, kAborted (57014) for one that was cancelled, paused or interrupted;
///         kFailedPrecondition for one that failed, kResourceExhausted (53100, 53200) where it
///         lacked disk or memory.
Status JobOutcome(const storage::JobRecord& job);

/// Takes the checkpoints out of the rows of a model's jobs, and returns their blobs.
Result<std::vector<std::string>> ForgetCheckpoints(storage::Transaction& transaction,
                                                   const std::string& model);

}  // namespace dashi::sql
