#pragma once

#include <vector>

#include "dashi/status.h"
#include "query/publish_condition.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Takes `metric op value [AND ...]`, what stands after PUBLISH m WHEN.
Result<std::vector<query::PublishCondition>> ExpectPublishConditions(TokenStream& tokens);

}  // namespace dashi::sql
