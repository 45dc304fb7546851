#include <string>

#include <gtest/gtest.h>

#include "trainer/bag_module.h"

namespace dashi::trainer {
namespace {

// A program of its own: once a process has loaded the module, it stays.
TEST(TensorBackendMissingTest, ErrorNamesTheFileAndWhatStillWorks) {
  const auto backend = LoadTensorBackend("/nowhere/libdashi_torch.so");
  ASSERT_FALSE(backend.ok());
  const Status status = backend.status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("/nowhere/libdashi_torch.so"), std::string::npos);
  EXPECT_NE(status.hint().find("works without it"), std::string::npos);
}

}  // namespace
}  // namespace dashi::trainer
