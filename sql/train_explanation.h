#pragma once

#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "trainer/training_job.h"

namespace dashi::sql {

/// The lines of EXPLAIN TRAIN MODEL, each a row of one column, indented by what they are part of.
std::vector<Row> ExplanationRows(const std::string& model,
                                 const trainer::TrainingExplanation& explanation);

}  // namespace dashi::sql
