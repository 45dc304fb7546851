#pragma once

#include <functional>
#include <string>

#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/tokens/token_cache.h"

namespace dashi::trainer {

/// Runs `read` with the token lists of a model's last training, and keeps those of this one for
/// the next: new blobs are named by the model's record in one commit, and the old ones that it does
/// not name any more are removed. What cannot be kept (a full disk, a model that was dropped) is
/// logged, and the lists of before stay.
///
/// Errors: those of `read`; nothing is kept then.
Status ReadWithKeptTokens(storage::Store& store, const storage::View& view,
                          const std::string& model,
                          const std::function<Status(TokenCache* cache)>& read);

}  // namespace dashi::trainer
