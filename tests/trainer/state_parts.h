#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/status.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// A saved state in memory.
using Parts = std::map<std::string, std::string>;

class MapWriter final : public StateWriter {
 public:
  explicit MapWriter(Parts* parts) : parts_(parts) {}
  Status Put(const std::string& name, std::string_view bytes) override {
    EXPECT_TRUE(parts_->emplace(name, bytes).second) << name;
    return Status();
  }

 private:
  Parts* const parts_;
};

class MapReader final : public StateReader {
 public:
  explicit MapReader(Parts parts) : parts_(std::move(parts)) {}
  Result<std::string> Get(const std::string& name) const override {
    const auto found = parts_.find(name);
    return found == parts_.end() ? Result<std::string>(Status::NotFound("no part " + name))
                                 : found->second;
  }

 private:
  const Parts parts_;
};

}  // namespace dashi::trainer
