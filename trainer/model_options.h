#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// Documentation of one option of CREATE MODEL or TRAIN MODEL, for error messages and docs.
struct ModelOptionInfo {
  std::string_view name;
  std::string default_value;
  std::string_view description;
};

/// All options of a model, resolved.
struct ModelOptions {
  ModelOptions() { ngame.num_threads = 0; }  // One per core, unlike the library's default of one.

  std::string encoder = "bag";
  std::string index = "auto";         ///< "auto", "exact" or "hnsw"
  std::string validation = "random";  ///< see ParseValidationRule
  NgameOptions ngame;
};

/// All options of an algorithm ("ngame"), in documentation order.
///
/// Errors: kUnimplemented (0A000) for an algorithm that this version lacks, kInvalidArgument for an
///         unknown one.
Result<std::vector<ModelOptionInfo>> ListModelOptions(std::string_view algorithm);

/// Checks every name, value and range of user options and resolves the defaults. Pass the model's
/// options with TRAIN's overrides merged over them.
///
/// Errors: as ListModelOptions; kInvalidArgument (22023) naming the option, the value and what is
///         allowed; an unknown name gets a hint with the nearest known one.
Result<ModelOptions> ParseModelOptions(std::string_view algorithm,
                                       const storage::OptionMap& options);

/// Every option with its resolved value, for the release's record.
storage::OptionMap DescribeModelOptions(const ModelOptions& options);

}  // namespace dashi::trainer
