#include "tests/testing/run_folder.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::testing {

namespace fs = std::filesystem;

std::string MakeRunFolder(const std::string& given, std::string_view name) {
  if (!given.empty()) {
    fs::create_directories(given);
    return given;
  }
  const char* parent = std::getenv("TEST_TMPDIR");
  std::string pattern = fmt::format(
      "{}/dashi-{}-XXXXXX", parent == nullptr ? fs::temp_directory_path().string() : parent, name);
  DASHI_CHECK(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

void RemoveRunFolder(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace dashi::testing
