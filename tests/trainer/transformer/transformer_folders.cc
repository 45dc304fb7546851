#include "tests/trainer/transformer/transformer_folders.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace dashi::trainer {

std::string GoldenFolder(const std::string& name) {
  const char* source = std::getenv("DASHI_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/trainer/transformer/golden/" +
         name;
}

std::string CopyOfGolden(const std::string& name, const std::string& copy) {
  const std::string folder = testing::TempDir() + "/transformer_" + copy;
  std::filesystem::remove_all(folder);
  std::filesystem::copy(GoldenFolder(name), folder, std::filesystem::copy_options::recursive);
  return folder;
}

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace dashi::trainer
