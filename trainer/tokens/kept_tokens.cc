#include "trainer/tokens/kept_tokens.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "trainer/release_steps.h"

namespace dashi::trainer {
namespace {

/// Writes blobs "tokens-7/<part>"; the number is drawn with the first.
class TokenWriter final : public StateWriter {
 public:
  explicit TokenWriter(storage::Store& store) : store_(store) {}

  Status Put(const std::string& part, std::string_view bytes) override {
    if (number_ == 0) {
      DASHI_ASSIGN_OR_RETURN(number_, NextNumber(store_, "tokens"));
    }
    DASHI_RETURN_IF_ERROR(store_.CheckRoom(bytes.size(), "token lists"));
    return store_.PutWeights(Name(part), bytes);
  }
  std::string Name(const std::string& part) const {
    return fmt::format("tokens-{}/{}", number_, part);
  }

 private:
  storage::Store& store_;
  std::uint64_t number_ = 0;
};

Status CommitNames(storage::Store& store, const std::string& model,
                   const std::vector<std::string>& names) {
  constexpr int kAttemptsMax = 20;
  for (int attempt = 1;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
    DASHI_ASSIGN_OR_RETURN(auto record, transaction->GetModel(model));
    if (!record) {
      return Status::NotFound("unknown model: " + model);
    }
    record->tokens = names;
    DASHI_RETURN_IF_ERROR(transaction->PutModel(*record));
    Status committed = transaction->Commit();
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
}

void Remove(storage::Store& store, const std::vector<std::string>& names,
            const std::vector<std::string>& kept) {
  for (const std::string& name : names) {
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) {
      store.DeleteWeights(name).IgnoreError("removed by the next open");
    }
  }
}

}  // namespace

Status ReadWithKeptTokens(storage::Store& store, const storage::View& view,
                          const std::string& model,
                          const std::function<Status(TokenCache* cache)>& read) {
  DASHI_ASSIGN_OR_RETURN(const auto record, view.GetModel(model));
  if (!record) {
    return Status::NotFound("unknown model: " + model);
  }
  TokenWriter writer(store);
  TokenCache cache(view, record->tokens, &writer);
  Status outcome = read(&cache);
  std::vector<std::string> names;
  std::vector<std::string> written;
  Status kept = cache.tokens.Finish(&names, &written);
  const Status kept_features = cache.features.Finish(&names, &written);
  kept = kept.ok() ? kept_features : kept;
  std::vector<std::string> added;
  added.reserve(written.size());
  for (const std::string& part : written) {
    added.push_back(writer.Name(part));
  }
  names.insert(names.end(), added.begin(), added.end());
  std::sort(names.begin(), names.end());
  if (outcome.ok() && kept.ok() && names != record->tokens) {
    DASHI_FAILPOINT("train.tokens");
    kept = CommitNames(store, model, names);
  }
  if (!outcome.ok() || !kept.ok()) {
    if (!kept.ok()) {
      LogWarning("token lists of model {} are not kept: {}", model, kept.ToString());
    }
    Remove(store, added, /*kept=*/{});
    return outcome;
  }
  Remove(store, record->tokens, names);
  return Status();
}

}  // namespace dashi::trainer
