#pragma once

#include <string>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::trainer {

/// Writes a release to a folder, as trainer/model_folder.h describes it. The folder must not be
/// there, or be empty; it appears whole, under its name, when everything is on the disk. A process
/// that dies leaves a folder beside it whose name ends in `.dashi-partial-` and a number.
///
/// Errors: kInvalidArgument for a folder inside the database (`database`, its directory);
///         kAlreadyExists (58P02) for one that holds something; kNotFound (58P01) when its parent
///         is not there; kIoError, kResourceExhausted (53100); kCorruption for damaged weights.
/// Cost:   three times the encoder's bytes in memory.
Status ExportRelease(const storage::View& view, const storage::ReleaseRecord& release,
                     const std::string& algorithm, const std::string& path,
                     const std::string& database);

}  // namespace dashi::trainer
