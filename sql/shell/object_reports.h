#pragma once

#include <string>

#include "dashi/status.h"
#include "sql/shell/script_runner.h"

namespace dashi {

/// What `\d TABLE`, `\dr NAME` and `\dj ID` show. With the format `table` pictures follow the rows:
/// the loss of a training epoch by epoch, the precision of a release slice by slice.
///
/// Errors: those of the engine; kNotFound for a release or a job that there is not.
Status DescribeTable(const std::string& table, ScriptRunner& runner);
Status DescribeRelease(const std::string& release, ScriptRunner& runner);
Status DescribeJob(const std::string& job, ScriptRunner& runner);

}  // namespace dashi
